import { fail } from '../../../protocol/errors.ts';
import { MAX_LINE_CHARACTERS } from './line-editor.ts';
import type { KeyTerminal } from './terminal.ts';
import { wrap } from './wrap.ts';

/** Thrown where a person gave up, and meant it. */
export class StoppedAsking extends Error {}

/** A conversation: whatever it says is wrapped to the terminal, and escaped. */
export interface Asker {
  say(text: string): void;
  /** As `say`, and waits for Enter before a line would leave the screen unread. */
  show(text: string): Promise<void>;
  /**
   * One line of plain ASCII, without the space around it unless it is secret. Anything else is
   * refused and asked again; ^C asks whether to stop.
   * @throws StoppedAsking; interrupted if the line was closed, or nobody wants to know any more
   */
  ask(question: string, options?: { readonly secret: boolean }): Promise<string>;
}

/** @param signal ends whatever is asked */
export function createAsker(terminal: KeyTerminal, signal?: AbortSignal): Asker {
  const say = (text: string): void => {
    for (const line of wrap(text, terminal.columns)) terminal.write(`${line}\n`);
  };
  /** @returns undefined for ^C */
  const read = async (question: string, secret: boolean): Promise<string | undefined> => {
    const lines = wrap(question, terminal.columns);
    const last = lines.pop()!;
    for (const line of lines) terminal.write(`${line}\n`);
    const line = await terminal.readLine(`${last} `, { secret, signal });
    if ('text' in line) return secret ? line.text : line.text.trim();
    if (line.ended === 'stopped') return undefined;
    terminal.write('\n');
    const why = line.ended === 'closed' ? 'the terminal was closed' : 'it is not asked any more';
    throw fail('interrupted', `${why}: nothing was sent`);
  };
  const ask: Asker['ask'] = async (question, { secret } = { secret: false }) => {
    for (;;) {
      const answer = await read(question, secret);
      const wrong = answer === undefined ? undefined : refusalOf(answer);
      if (wrong !== undefined) say(`${wrong} Nothing was taken; once more:`);
      else if (answer !== undefined) return answer;
      else if (isYes(await read('Stop? Nothing was sent. Type yes to stop:', false))) {
        throw new StoppedAsking();
      }
    }
  };
  return {
    say,
    ask,
    async show(text) {
      const lines = wrap(text, terminal.columns);
      const room = Math.max(1, terminal.rows - 2);
      for (let at = 0; at < lines.length; at += room) {
        if (at > 0) await ask('-- Enter shows more --');
        terminal.write(`${lines.slice(at, at + room).join('\n')}\n`);
      }
    },
  };
}

/** ^C once more is a yes, too. */
const isYes = (answer: string | undefined): boolean =>
  answer === undefined || answer.toLowerCase() === 'yes';

function refusalOf(text: string): string | undefined {
  if (text.length > MAX_LINE_CHARACTERS) {
    return `A line has at most ${MAX_LINE_CHARACTERS} characters.`;
  }
  return /[^ -~]/.test(text) ? 'Only plain ASCII is understood here.' : undefined;
}
