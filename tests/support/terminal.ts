import { PassThrough, Writable } from 'node:stream';
import { createKeyTerminal } from '../../agent/answers/dialogue/terminal.ts';
import type { KeyTerminal } from '../../agent/answers/dialogue/terminal.ts';

/** The real terminal port over streams: a keyboard that tests type on, and all that was written. */
export interface TestTerminal extends KeyTerminal {
  type(keys: string | Uint8Array): void;
  hangUp(): void;
  written(): string;
  /** What stands there, as a terminal shows it that knows BS, LF and BEL only. */
  screen(): string;
  /** Whether the keyboard is ours, as each change of it has set it. */
  readonly raw: readonly boolean[];
}

export function openTestTerminal(size: { columns?: number; rows?: number } = {}): TestTerminal {
  const raw: boolean[] = [];
  const input = Object.assign(new PassThrough(), { setRawMode: (on: boolean) => raw.push(on) });
  let written = '';
  const output = Object.assign(
    new Writable({
      decodeStrings: false,
      write: (text: string, _, done) => {
        written += text;
        done();
      },
    }),
    size,
  );
  const terminal = createKeyTerminal({ input, output });
  return {
    ...terminal,
    columns: terminal.columns,
    rows: terminal.rows,
    type: (keys) => void input.write(Buffer.from(keys as string, 'latin1')),
    hangUp: () => void input.end(),
    written: () => written,
    screen: () => screenOf(written),
    raw,
  };
}

/** Plays BS, LF and BEL. @throws at any other control: a plain terminal would show junk */
export function screenOf(written: string): string {
  const lines: string[][] = [[]];
  let column = 0;
  for (const char of written) {
    if (char === '\n') {
      lines.push([]);
      column = 0;
    } else if (char === '\b') column = Math.max(0, column - 1);
    else if (/[ -~]/.test(char)) lines.at(-1)![column++] = char;
    else if (char !== '\x07') throw new Error(`wrote U+${char.codePointAt(0)!.toString(16)}`);
  }
  return lines.map((line) => line.join('').trimEnd()).join('\n');
}
