import { fail } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { ObjectStore, UrlSigner } from '../../store/port.ts';
import { listAll } from '../../store/port.ts';

export type Operation = Exclude<keyof ObjectStore, 'demandRoom'>;

/** The same store, and a count of every call. */
export function countingStore(store: ObjectStore): {
  store: ObjectStore;
  counts: Record<Operation, number>;
} {
  const counts = { create: 0, replace: 0, get: 0, head: 0, delete: 0, list: 0 };
  return {
    counts,
    store: {
      create: (...args) => (counts.create++, store.create(...args)),
      replace: (...args) => (counts.replace++, store.replace(...args)),
      get: (...args) => (counts.get++, store.get(...args)),
      head: (...args) => (counts.head++, store.head(...args)),
      delete: (...args) => (counts.delete++, store.delete(...args)),
      list: (...args) => (counts.list++, store.list(...args)),
    },
  };
}

/** A store of which every call fails. */
export function brokenStore(code: ErrorCode = 'store_unavailable'): ObjectStore {
  const broken = (): Promise<never> => Promise.reject(fail(code, 'the store is broken'));
  return {
    create: broken,
    replace: broken,
    get: broken,
    head: broken,
    delete: broken,
    list: broken,
  };
}

/** A signer whose credentials cannot be had. */
export function brokenSigner(code: ErrorCode = 'store_unavailable'): UrlSigner {
  const broken = (): Promise<never> => Promise.reject(fail(code, 'no credentials'));
  return { signPut: broken, signGet: broken };
}

/** Everything in a store: each key with its ETag and size. */
export async function contents(store: ObjectStore): Promise<string[]> {
  const all: string[] = [];
  for await (const { key, size } of listAll(store, '')) {
    all.push(`${key} ${(await store.head(key))?.etag} ${size}`);
  }
  return all;
}
