import { sha256 } from '#platform';
import { toBase64Url, utf8 } from '../bundle/bytes.ts';
import { parseKey } from '../protocol/keys.ts';
import { listAll } from '../store/port.ts';
import type { ObjectStore } from '../store/port.ts';

/** What waits at a moment. */
export interface Moment {
  /** Opaque, up to 64 characters: another one where other proposals wait. */
  readonly cursor: string;
  /** How many proposals wait, decided ones that are not removed yet too. */
  readonly waiting: number;
  /** After how many seconds to ask again: 0 where the question was held. */
  readonly again: number;
}

/** Tells that what waits has changed. */
export interface EventSource {
  /**
   * At once where something else waits than at `after`; otherwise once that is so, or after
   * {@link EventOptions.holdSeconds}.
   * @throws any code of the store
   */
  wait(after?: string): Promise<Moment>;
  /** What waits may have changed just now: looked at once, instead of at the next time. */
  stir(): void;
  /** Answers whoever is held, and holds nobody any more. */
  stop(): void;
}

/** How {@link createEvents} goes about it. */
export interface EventOptions {
  /** How long a question is held: 0 where a connection cannot be, as in a function. */
  readonly holdSeconds: number;
  /** How old what is known of the store may be, while somebody asks. */
  readonly lookSeconds?: number;
  /** How many questions are held at a time; the others are answered at once. */
  readonly most?: number;
}

/** Between two looks at the store: a LIST of `pending/`. */
export const LOOK_SECONDS = 5;
/** The same, where something was said to have changed. */
const STIRRED_SECONDS = 1;
const MOST_HELD = 64;

interface Seen extends Pick<Moment, 'cursor' | 'waiting'> {
  /** when the look began, milliseconds */
  readonly at: number;
}

/**
 * {@link EventSource} over the listing of `pending/`, one for all who ask; nothing is looked at while
 * nobody does.
 * @param store with the rights of the admin credential
 */
export function createEvents(
  store: Pick<ObjectStore, 'list'>,
  { holdSeconds, lookSeconds = LOOK_SECONDS, most = MOST_HELD }: EventOptions,
): EventSource {
  let seen: Seen | undefined;
  let looking: Promise<Seen> | undefined;
  let isStirred = false;
  const held = new Set<() => void>();
  let stopped = false;

  async function lookNow(): Promise<Seen> {
    isStirred = false;
    const at = performance.now();
    const keys: string[] = [];
    for await (const { key } of listAll(store, 'pending/')) {
      if (parseKey(key)?.prefix === 'pending') keys.push(key);
    }
    seen = { at, cursor: toBase64Url(sha256(utf8(keys.join('\n')))), waiting: keys.length };
    return seen;
  }
  /** How long what was seen is good for, milliseconds: many uploads are not as many looks. */
  const freshFor = ({ at }: Seen): number =>
    at +
    (isStirred ? Math.min(STIRRED_SECONDS, lookSeconds) : lookSeconds) * 1000 -
    performance.now();
  async function look(): Promise<Seen> {
    if (seen !== undefined && freshFor(seen) > 0) return seen;
    looking ??= lookNow().finally(() => (looking = undefined));
    return looking;
  }
  /** Until it is time for another look. */
  const pause = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        held.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      held.add(end);
    });

  return {
    wait: async (after) => {
      const until = performance.now() + holdSeconds * 1000;
      for (;;) {
        const now = await look();
        const { cursor, waiting } = now;
        const left = until - performance.now();
        const isHeld = holdSeconds > 0 && held.size < most && !stopped;
        if (cursor !== after || !isHeld || left <= 0) {
          return { cursor, waiting, again: cursor !== after || isHeld ? 0 : lookSeconds };
        }
        await pause(Math.min(left, Math.max(freshFor(now), 1)));
      }
    },
    stir: () => {
      isStirred = true;
      for (const end of held) end();
    },
    stop: () => {
      stopped = true;
      for (const end of held) end();
    },
  };
}
