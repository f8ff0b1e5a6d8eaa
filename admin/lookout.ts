import type { Client } from '../protocol/client.ts';

/** Says when it is time to look at the nodes again. */
export interface Lookout {
  /**
   * Ends at once the first time; then as soon as other proposals wait than at the end of the time before, and
   * after {@link EVERY_SECONDS} at the latest: a report or a revoke is no event. A server that holds no
   * question is asked as often as it says; where it cannot be asked at all, it is {@link POLL_SECONDS}
   * until the next look, which finds out why. Throws nothing.
   * @param signal ends it at once
   */
  wait(signal?: AbortSignal): Promise<void>;
}

/** At most so long between two looks: as long as a server holds a question. */
export const EVERY_SECONDS = 20;
/** Between two looks where a server knows no events, or does not answer. */
export const POLL_SECONDS = 5;
/** At least so long between two looks, whatever a server says. */
const LEAST_SECONDS = 1;

/** Waits so many seconds, or until the signal; throws nothing. */
export type Sleep = (seconds: number, signal?: AbortSignal) => Promise<void>;

/**
 * {@link Lookout} by the events of a server.
 * @param now seconds, of a clock that only goes on
 */
export function createLookout(
  client: Pick<Client, 'events'>,
  sleep: Sleep = sleepFor,
  now: () => number = () => performance.now() / 1000,
): Lookout {
  let cursor: string | undefined;
  let began: number | undefined;

  /** @returns whether other proposals wait */
  async function ask(until: number, signal?: AbortSignal): Promise<boolean> {
    const before = cursor;
    const moment = await client.events(before === undefined ? {} : { after: before }, signal);
    cursor = moment.cursor;
    if (cursor !== before) return true;
    const pause = Math.max(LEAST_SECONDS, moment.again);
    if (now() < until) await sleep(Math.min(pause, until - now()), signal);
    return false;
  }

  return {
    wait: async (signal) => {
      const isFirst = began === undefined;
      const start = now();
      try {
        let isNew = false;
        while (!isNew && now() < start + EVERY_SECONDS && signal?.aborted !== true) {
          isNew = await ask(start + EVERY_SECONDS, signal);
        }
      } catch {
        if (!isFirst) await sleep(POLL_SECONDS, signal);
      }
      const left = isFirst ? 0 : began! + LEAST_SECONDS - now();
      if (left > 0) await sleep(left, signal);
      began = now();
    },
  };
}

const sleepFor: Sleep = (seconds, signal) =>
  new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    signal?.addEventListener('abort', end);
  });
