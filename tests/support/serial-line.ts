import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { TEST_MILLISECONDS, WAIT_MILLISECONDS } from './limits.ts';

/** How a program is bound to the line: see serial-line.py. */
export type Binding = 'ctty' | 'no-ctty' | 'console';

/** A program at the end of a slow serial line, of which nobody knows the size. */
export interface SerialLine {
  /** Types bytes, one after the other. */
  type(keys: string): void;
  /** Types, and presses Enter, once the prompt stands there. */
  answer(prompt: string, text: string): Promise<void>;
  until(text: string): Promise<void>;
  /** Every byte that came over the line, and what the program wrote elsewhere. */
  heard(): string;
  hangUp(): void;
  /** @returns exit status, or 128 and the signal */
  readonly done: Promise<number | null>;
}

export function openSerialLine(binding: Binding, command: readonly string[]): SerialLine {
  const script = join(import.meta.dirname, 'serial-line.py');
  const child = spawn('python3', [script, binding, ...command], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // A program that a test forgets does not outlive it.
    timeout: TEST_MILLISECONDS,
  });
  let heard = '';
  let hasEnded = false as boolean;
  child.once('close', () => (hasEnded = true));
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (text: string) => (heard += text));
  }
  child.stdin.on('error', () => undefined); // It has ended meanwhile.
  const wait = async (isThere: () => boolean, what: string): Promise<void> => {
    const end = performance.now() + WAIT_MILLISECONDS;
    while (!isThere()) {
      if (hasEnded || performance.now() > end) throw new Error(`never heard ${what}:\n${heard}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const type = (keys: string): void => void child.stdin.write(keys, 'latin1');
  return {
    type,
    async answer(prompt, text) {
      await wait(() => heard.endsWith(`${prompt} `), prompt);
      type(`${text}\r`);
    },
    until: (text) => wait(() => heard.includes(text), text),
    heard: () => heard,
    hangUp: () => void child.stdin.end(),
    done: new Promise((resolve) => child.once('close', resolve)),
  };
}
