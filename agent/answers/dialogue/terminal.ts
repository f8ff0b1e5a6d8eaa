import * as fs from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { isatty, ReadStream, WriteStream } from 'node:tty';
import { statusOf } from '../../../files/process-status.ts';
import { createKeys } from './keys.ts';
import { createLineEditor } from './line-editor.ts';

/**
 * A line that somebody typed, or why there is none: they gave up (^C), the line was closed (hang-up,
 * end of file), or the caller did not want it any more.
 */
export type Line =
  { readonly text: string } | { readonly ended: 'stopped' | 'closed' | 'cancelled' };

/** How one line is read. */
export interface LineOptions {
  /** Nothing of it shows. */
  readonly secret?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Somebody at a keyboard, before anything that shows characters: a serial line will do. */
export interface KeyTerminal {
  readonly columns: number;
  readonly rows: number;
  /** Escaped by the caller; lines end with `\n`. */
  write(text: string): void;
  /** Takes the keyboard, so that nothing typed before, between or after shows by itself. */
  readLine(prompt: string, options?: LineOptions): Promise<Line>;
  /**
   * Gives the keyboard back to the kernel: it shows what is typed, and ^C is a signal again. What
   * was typed ahead is dropped, so that nothing answers what was not asked yet.
   */
  release(): void;
  /** Whether Enter was pressed before `signal`, or the closing of the line, ended the wait. */
  pressed(signal: AbortSignal): Promise<boolean>;
  close(): void;
}

/** What a terminal is made of; without `setRawMode` the keyboard is no terminal. */
export interface KeyStreams {
  readonly input: Readable & { setRawMode?: (raw: boolean) => unknown };
  readonly output: Writable & { readonly columns?: number; readonly rows?: number };
  readonly close?: () => void;
}

/**
 * A terminal over streams. Its own line editor, and not the kernel's or Node's: see
 * docs/adr/0120.
 */
export function createKeyTerminal({ input, output, close }: KeyStreams): KeyTerminal {
  const keys = createKeys(input);
  // It hung up: reading says so.
  output.on('error', () => undefined);
  // A serial line has no size: 0 by 0.
  const columns = (): number => output.columns || 80;
  const setRaw = (raw: boolean): void => {
    try {
      input.setRawMode?.(raw);
    } catch {
      // It hung up: the next read says so.
    }
  };
  const release = (): void => {
    setRaw(false);
    input.pause();
    keys.clear();
  };

  return {
    get columns() {
      return columns();
    },
    get rows() {
      return output.rows || 24;
    },
    write: (text) => void output.write(text),
    async readLine(prompt, { secret = false, signal } = {}) {
      setRaw(true);
      input.resume();
      output.write(prompt);
      const editor = createLineEditor({ prompt, secret, columns: columns() });
      for (;;) {
        const byte = await keys.next(signal);
        if (byte === undefined) {
          return { ended: signal?.aborted === true ? 'cancelled' : 'closed' };
        }
        const { echo, ended } = editor.type(byte);
        if (echo !== '') output.write(echo);
        if (ended === 'entered') return { text: editor.text() };
        if (ended === 'stopped') return { ended };
      }
    },
    release,
    async pressed(signal) {
      release();
      input.resume();
      const byte = await keys.next(signal);
      release();
      return byte !== undefined;
    },
    close: () => {
      release();
      close?.();
    },
  };
}

/**
 * The terminal that this process was started from (stdin and stderr), or the one at `path`
 * (`/dev/console`).
 * @returns undefined where nobody can be asked: it is none, is not there, or belongs to the
 *   foreground of another job, which reading from it would stop
 */
export function openTerminal(path?: string): KeyTerminal | undefined {
  if (path === undefined) {
    const { stdin, stderr } = process;
    const isOurs = stdin.isTTY && stderr.isTTY && inForeground();
    return isOurs ? createKeyTerminal({ input: stdin, output: stderr }) : undefined;
  }
  const fd = openTty(path);
  if (fd === undefined) return undefined;
  const input = new ReadStream(fd);
  const output = new WriteStream(fd);
  return createKeyTerminal({ input, output, close: () => void input.destroy() });
}

function openTty(path: string): number | undefined {
  const { O_RDWR, O_NOCTTY, O_NONBLOCK } = fs.constants;
  let fd: number;
  try {
    // Without O_NONBLOCK a modem line waits for its carrier.
    fd = fs.openSync(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
  } catch {
    return undefined;
  }
  if (isatty(fd)) return fd;
  fs.closeSync(fd);
  return undefined;
}

/** Also where there is no job control. */
function inForeground(): boolean {
  const status = statusOf('self');
  if (status === undefined) return false;
  return status.foreground === '-1' || status.foreground === status.group;
}
