import { codeOf } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { ObjectStore } from './port.ts';

/** What a store is asked to do, but for {@link ObjectStore.demandRoom}. */
export const STORE_OPERATIONS = ['create', 'replace', 'get', 'head', 'delete', 'list'] as const;
/** One of these. */
export type StoreOperation = (typeof STORE_OPERATIONS)[number];

/**
 * Hears of each operation that ended.
 * @param seconds from the call to its end
 * @param code what it threw; absent where it did what it was asked
 */
export type StoreObserver = (operation: StoreOperation, seconds: number, code?: ErrorCode) => void;

/** The same store, of which somebody hears how long it takes. */
export function timedStore(store: ObjectStore, observe: StoreObserver): ObjectStore {
  async function timed<T>(operation: StoreOperation, act: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const seconds = (): number => (performance.now() - start) / 1000;
    try {
      const done = await act();
      observe(operation, seconds());
      return done;
    } catch (error) {
      observe(operation, seconds(), codeOf(error));
      throw error;
    }
  }
  return {
    create: (key, body) => timed('create', () => store.create(key, body)),
    replace: (key, body, etag) => timed('replace', () => store.replace(key, body, etag)),
    get: (key, options) => timed('get', () => store.get(key, options)),
    head: (key) => timed('head', () => store.head(key)),
    delete: (key) => timed('delete', () => store.delete(key)),
    ...(store.demandRoom && { demandRoom: (bytes) => store.demandRoom!(bytes) }),
    list: (prefix, options) => timed('list', () => store.list(prefix, options)),
  };
}
