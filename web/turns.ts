import { setImmediate, setTimeout as pause } from 'node:timers/promises';

/** So long after a request the next one of the same page may come: its style, its script. */
const QUIET_MILLISECONDS = 100;

/** So long others go first at most, however many there are: what looks would never end. */
const LEAST_MILLISECONDS = 1000;

/** Lets requests go before long work. */
export interface Turns {
  /** A request came in, or was answered. */
  readonly visited: () => void;
  /** Waited for between pieces of long work: until no request was there for a moment. */
  readonly between: () => Promise<void>;
}

/** {@link Turns}, of which none was visited yet. */
export function createTurns(): Turns {
  let visited = -Infinity;
  let worked = performance.now();
  return {
    visited: () => {
      visited = performance.now();
    },
    between: async () => {
      await setImmediate();
      const until = worked + LEAST_MILLISECONDS;
      for (;;) {
        const now = performance.now();
        const left = Math.min(visited + QUIET_MILLISECONDS, until) - now;
        if (left <= 0) break;
        await pause(left);
      }
      worked = performance.now();
    },
  };
}
