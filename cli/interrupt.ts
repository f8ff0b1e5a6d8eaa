import { rmSync } from 'node:fs';

const leftovers = new Set<string>();

/**
 * Names a file or folder to remove if the process is interrupted before the returned function is called: so
 * that Ctrl-C leaves nothing half-written.
 */
export function onInterrupt(path: string): () => void {
  leftovers.add(path);
  return () => void leftovers.delete(path);
}

/** Removes what is unfinished. Synchronous: the process ends right after. */
export function cleanUp(): void {
  for (const path of leftovers) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // nothing more can be done about it
    }
  }
}

let handler: (() => void) | undefined;

/** Calls `end` at the first SIGINT or SIGTERM, unless {@link nextInterrupt} waits for it. */
export function onSignal(end: (signal: 'SIGINT' | 'SIGTERM') => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (handler === undefined) end(signal);
      else handler();
    });
  }
}

/**
 * From now on a SIGINT or SIGTERM does not end the process but resolves this; one more does nothing,
 * since npm passes on what the terminal has sent already.
 */
export function nextInterrupt(): Promise<void> {
  return new Promise((resolve) => {
    handler = resolve;
  });
}
