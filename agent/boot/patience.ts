import { setTimeout } from 'node:timers/promises';

const FIRST_DELAY_SECONDS = 2;
const MAX_DELAY_SECONDS = 60;

/**
 * The pause before try number `attempt` (from 0): a random part of a bound that doubles up to a
 * minute ("full jitter"), so that machines that came up together do not ask together.
 * @param random 0 to 1
 * @returns seconds
 */
export function backoffSeconds(attempt: number, random: number): number {
  return random * Math.min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** Math.min(attempt, 10));
}

/** How long a command may wait, and how it sleeps. */
export interface Patience {
  /** Whether the time that it may wait is over. */
  isOver(): boolean;
  /**
   * Sleeps before the next try.
   * @param woken resolves to true where somebody ends the sleep; its signal says that it is over
   * @returns whether somebody did
   */
  pause(woken?: (over: AbortSignal) => Promise<boolean>): Promise<boolean>;
  /** Something has changed: the pauses grow from the first one again. */
  restart(): void;
  /** Monotonic, milliseconds: by which it is judged what has waited for how long. */
  elapsed(): number;
}

/** How long is waited, and for tests how. */
export interface PatienceOptions {
  /** Undefined: for ever. 0: not at all. */
  readonly limitSeconds?: number | undefined;
  /** Monotonic, milliseconds. */
  readonly elapsed?: () => number;
  readonly random?: () => number;
  readonly sleep?: (milliseconds: number, over: AbortSignal) => Promise<void>;
}

/** Patience that begins now. */
export function createPatience({
  limitSeconds = Infinity,
  elapsed = () => performance.now(),
  random = Math.random,
  sleep = sleepUnless,
}: PatienceOptions = {}): Patience {
  const start = elapsed();
  const left = (): number => limitSeconds - (elapsed() - start) / 1000;
  let attempt = 0;
  return {
    isOver: () => left() <= 0,
    restart: () => void (attempt = 0),
    elapsed,
    async pause(woken = () => Promise.resolve(false)) {
      const over = new AbortController();
      const seconds = Math.max(0, Math.min(backoffSeconds(attempt++, random()), left()));
      const slept = sleep(seconds * 1000, over.signal).then(() => false);
      try {
        // Whoever cannot wake it (a terminal that hung up) does not shorten it either.
        return await Promise.race([slept, woken(over.signal).then((by) => by || slept)]);
      } finally {
        over.abort();
      }
    },
  };
}

const sleepUnless = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  setTimeout(milliseconds, undefined, { signal }).catch(() => undefined);
