import { hasCode } from '../../protocol/errors.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { ObjectStore } from '../../store/port.ts';

/** An object that is there. */
export interface Present {
  readonly etag: string;
  /** Absent if there are more than was asked for: then it is none of ours. */
  readonly bytes?: Uint8Array;
}

/** What is at `key`; undefined if nothing is. @throws any code of a read but too_large */
export async function readWithin(
  store: Pick<ObjectStore, 'get' | 'head'>,
  key: ObjectKey,
  maxBytes: number,
): Promise<Present | undefined> {
  for (;;) {
    try {
      const object = await store.get(key, { maxBytes });
      return object && { etag: object.etag, bytes: object.body };
    } catch (error) {
      if (!hasCode(error, 'too_large')) throw error;
    }
    // Where something smaller took its place meanwhile, that is what has to be read.
    const info = await store.head(key);
    if (info === undefined) return undefined;
    if (info.size > maxBytes) return { etag: info.etag };
  }
}

const TRIES = 6;

/**
 * Sees to it that `key` holds `body`, or something that is as good or newer: creates it, or swaps
 * what was read, and reads again where someone else was quicker or the outcome is not known. Never
 * deletes first, so a stalled caller that wakes up late finds its condition broken.
 *
 * @returns whether it was written
 * @param keeps whether what is there may stay; it is not asked about an object over `maxBytes`
 * @throws any code of the store; after several tries precondition_failed, already_exists or
 *   store_unknown
 */
export async function putForward(
  store: Pick<ObjectStore, 'get' | 'head' | 'create' | 'replace'>,
  key: ObjectKey,
  body: Uint8Array,
  maxBytes: number,
  keeps: (bytes: Uint8Array) => boolean,
): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const there = await readWithin(store, key, maxBytes);
    if (there?.bytes !== undefined && keeps(there.bytes)) return false;
    try {
      if (there === undefined) await store.create(key, body);
      else await store.replace(key, body, there.etag);
      return true;
    } catch (error) {
      const again = hasCode(error, 'already_exists', 'precondition_failed', 'store_unknown');
      if (!again || tries === TRIES) throw error;
    }
  }
}
