import { pathsRefused } from '../admin/propose.ts';
import type { Objection } from '../admin/warning.ts';
import { fail } from '../protocol/errors.ts';
import type { Terminal } from './terminal.ts';
import { isReadNoMore } from './under-way.ts';
import { doubtText, unseenText } from '../words/warnings.ts';

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
  flags: ConsentFlags,
): Promise<void> {
  if (isConsented(objections, terminal, flags)) return;
  const prompts = await promptsAfterQuiet();
  const answer = await prompts.confirm({ message, initialValue: false, output: process.stderr });
  if (prompts.isCancel(answer)) throw fail('interrupted', 'interrupted: nothing was signed');
  if (!answer) throw fail('declined', 'not confirmed: nothing was signed');
}

/**
 * {@link confirm}, by the number of what is signed: who says yes to much has read how much. It stands
 * beside `--yes` as `--expect`.
 * @throws as {@link confirm}; usage where nobody is asked and no number is given
 */
export async function confirmNumber(
  objections: readonly Objection[],
  terminal: Terminal,
  message: string,
  total: number,
  flags: ConsentFlags & { readonly expect?: number | undefined },
): Promise<void> {
  if (isConsented(objections, terminal, flags)) {
    if (flags.expect !== undefined) return;
    throw fail(
      'usage',
      `--expect ${total} says that you know how many: it is needed beside --yes, and nothing was signed`,
    );
  }
  const prompts = await promptsAfterQuiet();
  const answer = await prompts.text({ message, defaultValue: '', output: process.stderr });
  if (prompts.isCancel(answer)) throw fail('interrupted', 'interrupted: nothing was signed');
  if (answer.trim() !== String(total)) {
    throw fail('declined', `that is not ${total}: nothing was signed`);
  }
}

/**
 * {@link confirm}, by the words of a machine, which its console shows: a secret goes there. Beside `--yes` they have to
 * be what named it.
 * @param flags.typed what named the machine
 * @throws as {@link confirm}; usage where nobody is asked and something else named it
 */
export async function confirmWords(
  objections: readonly Objection[],
  terminal: Terminal,
  words: string,
  flags: ConsentFlags & { readonly typed: string },
): Promise<void> {
  if (isConsented(objections, terminal, flags)) {
    if (flags.typed === words) return;
    throw fail(
      'usage',
      'beside --yes the machine is named by its eight words, as its console shows them: nothing was signed',
    );
  }
  const prompts = await promptsAfterQuiet();
  const message = 'Type the eight words that the machine says for its key';
  const answer = await prompts.text({ message, defaultValue: '', output: process.stderr });
  if (prompts.isCancel(answer)) throw fail('interrupted', 'interrupted: nothing was signed');
  if (answer.trim().toLowerCase().replace(/\s+/g, ' ') !== words) {
    throw fail('declined', 'those are not the words of its key: nothing was signed');
  }
}

/**
 * Whether `--yes` stands for an answer; if not, somebody can be asked.
 * @throws as {@link confirm}
 */
function isConsented(
  objections: readonly Objection[],
  terminal: Terminal,
  { yes = false, despiteMemory = false }: ConsentFlags,
): boolean {
  const refused = objections.find((objection) => objection.code === 'refused_paths');
  if (refused !== undefined) throw pathsRefused(refused);
  const unseen = objections.find(({ code }) => code === 'withheld' || code === 'cut');
  if (unseen !== undefined) {
    throw fail('not_shown', `${unseenText(unseen as UnseenObjection)}. Nothing was signed`);
  }
  if (yes) {
    const doubtful = objections.find((objection) => objection.code === 'record_doubtful');
    if (doubtful === undefined || despiteMemory) return true;
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
  return false;
}

async function promptsAfterQuiet(): Promise<typeof import('@clack/prompts')> {
  giveWidth(process.stderr);
  const prompts = await import('@clack/prompts');
  await discardTyped(process.stdin);
  return prompts;
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
