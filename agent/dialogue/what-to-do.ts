import { hasCode } from '../../protocol/errors.ts';
import { createAsker, Stopped } from './asker.ts';
import type { Terminal } from './terminal.ts';

/** What a person wants of a machine that no server answers. */
export type WhatToDo = 'wait' | 'configure';

export interface Situation {
  /** What is wrong */
  readonly why: string;
  /** The pinned site lets a machine go on with what nobody approved. */
  readonly mayConfigure: boolean;
}

/**
 * Asks what to do while no server can be reached (`coatcheck.unreachable=prompt`). Waiting is what
 * happens where nobody says anything else, gives up, or hangs up.
 * @param signal ends the question: a server answers again, or it is time to try
 */
export async function askWhatToDo(
  terminal: Terminal,
  { why, mayConfigure }: Situation,
  signal?: AbortSignal,
): Promise<WhatToDo> {
  const asker = createAsker(terminal, signal);
  const choices: readonly (readonly [WhatToDo, string])[] = [
    ['wait', 'go on asking; nothing is applied until then'],
    ...(mayConfigure
      ? [['configure', 'by hand: UNAPPROVED, nobody has reviewed it'] as const]
      : []),
  ];
  const words = choices.map(([word]) => word);
  try {
    asker.say(`\nNo server answers: ${why}`);
    for (const [word, about] of choices) asker.say(`  ${word.padEnd(10)} ${about}`);
    if (!mayConfigure) asker.say('The site allows no configuration that nobody approved.');
    for (;;) {
      const typed = await asker.ask(`What to do (${words.join(', ')}) [wait]:`);
      const choice = words.find((word) => word === (typed.toLowerCase() || 'wait'));
      if (choice !== undefined) return choice;
      asker.say(`It is one of ${words.join(', ')}.`);
    }
  } catch (error) {
    if (error instanceof Stopped || hasCode(error, 'interrupted')) return 'wait';
    throw error;
  } finally {
    terminal.release();
  }
}
