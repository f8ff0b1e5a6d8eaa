import { hasCode } from '../../../protocol/errors.ts';
import { createAsker, StoppedAsking } from './asker.ts';
import type { KeyTerminal } from './terminal.ts';

/** What a person wants of a machine that no server answers. */
export type WhatToDo = (typeof CHOICES)[number][0];

const CHOICES = [
  ['wait', 'go on asking; nothing is applied until then'],
  ['configure', 'by hand: UNAPPROVED, nobody has reviewed it'],
] as const;

/**
 * Asks what to do while no server can be reached (`coatcheck.unreachable=prompt`), where the site lets a
 * machine go on with what nobody approved. Waiting is what
 * happens where nobody says anything else, gives up, or hangs up.
 * @param why what is wrong
 * @param signal ends the question: a server answers again, or it is time to try
 */
export async function askWhatToDo(
  terminal: KeyTerminal,
  why: string,
  signal?: AbortSignal,
): Promise<WhatToDo> {
  const asker = createAsker(terminal, signal);
  const words = CHOICES.map(([word]) => word);
  try {
    asker.say(`\nNo server answers: ${why}`);
    for (const [word, about] of CHOICES) asker.say(`  ${word.padEnd(10)} ${about}`);
    for (;;) {
      const typed = await asker.ask(`What to do (${words.join(', ')}) [wait]:`);
      const choice = words.find((word) => word === (typed.toLowerCase() || 'wait'));
      if (choice !== undefined) return choice;
      asker.say(`It is one of ${words.join(', ')}.`);
    }
  } catch (error) {
    if (error instanceof StoppedAsking || hasCode(error, 'interrupted')) return 'wait';
    throw error;
  } finally {
    terminal.release();
  }
}
