import type { Objection } from '../admin/warning.ts';
import { fail } from '../protocol/errors.ts';
import type { Terminal } from './terminal.ts';
import { doubtText } from './words.ts';

/** What stands in for the answer of a person. */
export interface ConsentFlags {
  /** `--yes` */
  readonly yes?: boolean;
  /** `--despite-memory` */
  readonly despiteMemory?: boolean;
}

/**
 * Asks a person for a yes, or takes `--yes` for it: but not where the store contradicts what this
 * tool remembers, since nobody reads the warning.
 * @throws usage where nobody can be asked, record_doubtful, declined, interrupted
 */
export async function confirm(
  objections: readonly Objection[],
  terminal: Terminal,
  message: string,
  { yes = false, despiteMemory = false }: ConsentFlags,
): Promise<void> {
  if (yes) {
    const doubtful = objections.find((objection) => objection.code === 'record_doubtful');
    if (doubtful === undefined || despiteMemory) return;
    throw fail(
      'record_doubtful',
      `${doubtText(doubtful.doubt)}. Nothing was signed: leave out --yes to be asked, or add --despite-memory once you know`,
    );
  }
  // In JSON mode the review is part of the document that comes after the signature.
  if (!terminal.interactive || terminal.json) {
    throw fail('usage', 'nobody can be asked here: look at what would change, then add --yes');
  }
  const prompts = await import('@clack/prompts');
  const answer = await prompts.confirm({ message, initialValue: false, output: process.stderr });
  if (prompts.isCancel(answer)) throw fail('interrupted', 'interrupted: nothing was signed');
  if (!answer) throw fail('declined', 'not confirmed: nothing was signed');
}
