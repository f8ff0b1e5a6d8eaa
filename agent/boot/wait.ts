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
  /** Sleeps before the next try. */
  pause(): Promise<void>;
}

export interface PatienceOptions {
  /** Undefined: for ever. 0: not at all. */
  readonly limitSeconds?: number | undefined;
  /** Monotonic, milliseconds. */
  readonly elapsed?: () => number;
  readonly random?: () => number;
  readonly sleep?: (milliseconds: number) => Promise<void>;
}

export function createPatience({
  limitSeconds = Infinity,
  elapsed = () => performance.now(),
  random = Math.random,
  sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
}: PatienceOptions = {}): Patience {
  const start = elapsed();
  const left = (): number => limitSeconds - (elapsed() - start) / 1000;
  let attempt = 0;
  return {
    isOver: () => left() <= 0,
    pause: () => sleep(Math.max(0, Math.min(backoffSeconds(attempt++, random()), left())) * 1000),
  };
}
