import { pathsRefused } from '../admin/propose.ts';
import type { Objection } from '../admin/warning.ts';
import { fail } from '../protocol/errors.ts';
import type { Terminal } from './terminal.ts';
import { isReadNoMore } from './under-way.ts';
import { doubtText, unseenText } from './words.ts';

type UnseenObjection = Parameters<typeof unseenText>[0];

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
 * What was not shown is not asked about at all: whoever says yes would not know to what.
 * @throws path_refused, not_shown; usage where nobody can be asked, record_doubtful, declined, interrupted
 */
export async function confirm(
  objections: readonly Objection[],
  terminal: Terminal,
  message: string,
  { yes = false, despiteMemory = false }: ConsentFlags,
): Promise<void> {
  const refused = objections.find((objection) => objection.code === 'refused_paths');
  if (refused !== undefined) throw pathsRefused(refused);
  const unseen = objections.find(({ code }) => code === 'withheld' || code === 'cut');
  if (unseen !== undefined) {
    throw fail('not_shown', `${unseenText(unseen as UnseenObjection)}. Nothing was signed`);
  }
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
  if (isReadNoMore()) {
    throw fail('usage', 'nobody reads what is shown here any more: nothing was signed');
  }
  giveWidth(process.stderr);
  const prompts = await import('@clack/prompts');
  await discardTyped(process.stdin);
  const answer = await prompts.confirm({ message, initialValue: false, output: process.stderr });
  if (prompts.isCancel(answer)) throw fail('interrupted', 'interrupted: nothing was signed');
  if (!answer) throw fail('declined', 'not confirmed: nothing was signed');
}

/** A terminal that does not know its size has 0 columns: nothing can be asked in those. */
export function giveWidth(stream: { columns?: number; rows?: number }): void {
  stream.columns ||= 80;
  stream.rows ||= 24;
}

/** What was typed before the question stood there came faster than anybody reads. */
const QUIET_MILLISECONDS = 100;

/**
 * Throws away what was typed so far: a yes is to what was seen. Resolves once nothing came for a
 * moment.
 */
async function discardTyped(keyboard: NodeJS.ReadStream): Promise<void> {
  keyboard.setRawMode(true);
  await new Promise<void>((resolve) => {
    const onTyped = (bytes: Uint8Array): void => {
      if (bytes.includes(CTRL_C)) process.kill(process.pid, 'SIGINT');
      quiet.refresh();
    };
    const quiet = setTimeout(() => {
      keyboard.off('data', onTyped);
      keyboard.pause();
      resolve();
    }, QUIET_MILLISECONDS);
    keyboard.on('data', onTyped);
  });
  keyboard.setRawMode(false);
}
/** In raw mode the terminal sends it instead of a signal. */
const CTRL_C = 3;
