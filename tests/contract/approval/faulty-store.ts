import { fail } from '../../../protocol/errors.ts';
import type { ObjectKey } from '../../../protocol/keys.ts';
import type { ObjectStore } from '../../../store/port.ts';

/** The process died: no answer, and nothing more is done. */
export class Crash extends Error {}

export type Operation = 'create' | 'replace' | 'get' | 'head' | 'delete' | 'list';

/** One call to the store. */
export interface Call {
  /** From 1, over all operations. */
  readonly index: number;
  readonly operation: Operation;
  /** A key, or the prefix of a listing. */
  readonly key: string;
}

/**
 * What goes wrong in a call. `late`: the answer is lost, and the store does it when `land` is
 * called. `twice`: the request arrives twice and the second answer is heard; `again, late`: the
 * first answer is heard, and the request arrives once more when `land` is called. A read whose answer
 * is lost is only unavailable.
 */
export type Fault =
  | 'crash before'
  | 'crash after'
  | 'unavailable'
  | 'full'
  | 'lost, done'
  | 'lost, not done'
  | 'late'
  | 'twice'
  | 'again, late';

export interface FaultyStore extends ObjectStore {
  /** Lets what is still under way arrive; whatever comes of it, nobody hears. */
  land(): Promise<void>;
}

/**
 * A store in which calls go wrong.
 * @param plan says what goes wrong in a call; it may wait, and so stall the caller
 */
export function faultyStore(
  store: ObjectStore,
  plan: (call: Call) => Fault | undefined | Promise<Fault | undefined>,
): FaultyStore {
  let calls = 0;
  const underWay: (() => Promise<unknown>)[] = [];

  async function run<T>(operation: Operation, key: string, act: () => Promise<T>): Promise<T> {
    const call = { index: ++calls, operation, key };
    const fault = await plan(call);
    if (fault === undefined) return act();
    const isWrite = operation === 'create' || operation === 'replace' || operation === 'delete';
    if (fault === 'full' && isWrite) throw fail('store_full', 'injected: the store is full');
    if (fault === 'crash after') {
      await act().catch(() => undefined);
      throw new Crash();
    }
    if (fault === 'twice') await act().catch(() => undefined);
    if (fault === 'again, late') underWay.push(act);
    if (fault === 'twice' || fault === 'again, late') return act();
    if (!isWrite || fault === 'unavailable') throw fail('store_unavailable', 'injected');
    if (fault === 'lost, done') await act().catch(() => undefined);
    if (fault === 'late') underWay.push(act);
    throw fail('store_unknown', 'injected: the answer was lost');
  }

  return {
    create: (key, body) => run('create', key, () => store.create(key, body)),
    replace: (key, body, etag) => run('replace', key, () => store.replace(key, body, etag)),
    get: (key, options) => run('get', key, () => store.get(key, options)),
    head: (key) => run('head', key, () => store.head(key)),
    delete: (key) => run('delete', key, () => store.delete(key)),
    list: (prefix, options) => run('list', prefix, () => store.list(prefix, options)),
    land: async () => {
      for (const act of underWay.splice(0)) await act().catch(() => undefined);
    },
  };
}

/** Puts `body` at `key` whatever is there: what somebody who can write the bucket does. */
export async function overwrite(
  bucket: ObjectStore,
  key: ObjectKey,
  body: Uint8Array,
): Promise<void> {
  const there = await bucket.head(key);
  if (there === undefined) await bucket.create(key, body);
  else await bucket.replace(key, body, there.etag);
}
