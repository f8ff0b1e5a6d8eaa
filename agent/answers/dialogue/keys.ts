import type { Readable } from 'node:stream';

/** Bytes as they are typed. */
export interface Keys {
  /** The next byte; undefined once the line is closed (end of file, hang-up), or `signal` says so. */
  next(signal?: AbortSignal): Promise<number | undefined>;
  /** Forgets what was typed ahead. */
  clear(): void;
}

/** As much as the kernel keeps of a line (termios(3), "Canonical and noncanonical mode"). */
const MAX_AHEAD_BYTES = 4096;

/** Reads `input` while it flows, one reader at a time. A CR LF counts as one Enter. */
export function createKeys(input: Readable): Keys {
  let ahead: number[] = [];
  let last = 0;
  let closed = false;
  let wake: () => void = () => undefined;

  const close = (): void => {
    closed = true;
    wake();
  };
  input.on('data', (chunk: Buffer) => {
    for (const byte of chunk) {
      const isSecondHalf = byte === 0x0a && last === 0x0d;
      last = byte;
      if (!isSecondHalf && ahead.length < MAX_AHEAD_BYTES) ahead.push(byte);
    }
    wake();
  });
  input.pause();
  // A line that hangs up reads as an error (EIO).
  for (const event of ['end', 'close', 'error']) input.on(event, close);

  return {
    clear() {
      ahead = [];
      last = 0;
    },
    async next(signal) {
      const stop = (): void => wake();
      signal?.addEventListener('abort', stop, { once: true });
      try {
        while (ahead.length === 0 && !closed && signal?.aborted !== true) {
          await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        signal?.removeEventListener('abort', stop);
      }
      return signal?.aborted === true ? undefined : ahead.shift();
    },
  };
}
