import { setTimeout } from 'node:timers/promises';

const LOOKS_PER_SECOND = 4;

/** Waits so many milliseconds. */
export type Sleep = (milliseconds: number) => Promise<void>;

/** Looks again and again until there is something to see, or the seconds are over. */
export async function until<T>(
  look: () => Promise<T | undefined> | T | undefined,
  seconds: number,
  sleep: Sleep = (milliseconds) => setTimeout(milliseconds),
): Promise<T | undefined> {
  for (let left = seconds * LOOKS_PER_SECOND; ; left--) {
    const seen = await look();
    if (seen !== undefined || left <= 0) return seen;
    await sleep(1000 / LOOKS_PER_SECOND);
  }
}
