import { CoatcheckError } from '../bundle/index.ts';
import type { NodeId } from '../bundle/index.ts';
import type { Client } from '../protocol/client.ts';
import { fail } from '../protocol/errors.ts';
import { MAX_READ_KEYS } from '../protocol/http.ts';
import { parseKey } from '../protocol/keys.ts';
import type { ParsedKey, Prefix } from '../protocol/keys.ts';
import { pooled } from './pool.ts';

/** One object of a listing; keys that are none of ours are left out. */
export interface Listed {
  readonly key: string;
  readonly parsed: ParsedKey;
  /** bytes */
  readonly size: number;
  /** unix seconds */
  readonly modified: number;
  /** Another after every write that changed the bytes; absent where the store does not tell. */
  readonly version?: string | undefined;
}

/** An object that was asked for: its bytes, neither if it is not there, or why it cannot be read. */
export interface ReadObject {
  readonly key: string;
  readonly bytes?: Uint8Array;
  readonly error?: CoatcheckError;
}

/** How many objects are fetched at a time, and so how many bodies are in memory. */
const READS_AT_ONCE = 8;

/** Listing and reading what the server lets an administrator see. */
export interface Objects {
  /**
   * One request a page: 1,000 objects, or 100 proposals.
   * @throws server_garbage if the pages do not end, and what the client throws
   */
  list(prefix: Prefix, node?: NodeId): AsyncGenerator<Listed>;
  /** As {@link Objects.list}, a page at a time: for who lists tens of thousands. */
  pages(prefix: Prefix, node?: NodeId): AsyncGenerator<readonly Listed[]>;
  /**
   * Gives each object to `use`, and what comes of it in the order of the keys: one request for 100
   * keys and one GET for each, 8 of them at a time. A body is let go as soon as `use` is done with
   * it; where `keepsBody` says that its result still holds it, when the result was taken.
   * @throws what the client throws; what is wrong with one object is in {@link ReadObject}
   */
  readEach<T>(
    keys: readonly string[],
    maxBytes: number,
    use: (object: ReadObject, index: number) => T | Promise<T>,
    options?: { readonly keepsBody?: boolean },
  ): AsyncGenerator<T>;
  /** An object's bytes; undefined if it is not there. @throws too_large, and what the client throws */
  read(key: string, maxBytes: number): Promise<Uint8Array | undefined>;
}

/** {@link Objects} by a client. */
export function createObjects(client: Pick<Client, 'list' | 'read' | 'get'>): Objects {
  async function* list(prefix: Prefix, node?: NodeId): AsyncGenerator<Listed> {
    for await (const page of pages(prefix, node)) yield* page;
  }

  async function* pages(prefix: Prefix, node?: NodeId): AsyncGenerator<readonly Listed[]> {
    let after: string | undefined;
    do {
      const page = await client.list({
        prefix,
        ...(node === undefined ? {} : { node }),
        ...(after === undefined ? {} : { after }),
      });
      const listed: Listed[] = [];
      for (const { key, size, modified, version } of page.objects) {
        const parsed = parseKey(key);
        if (parsed !== undefined) listed.push({ key, parsed, size, modified, version });
      }
      yield listed;
      // In the order of the keys, or there would be no end to it.
      if (page.next !== undefined && page.next <= (after ?? '')) {
        throw fail('server_garbage', 'the server lists the same objects again and again');
      }
      after = page.next;
    } while (after !== undefined);
  }

  /** The URL of each key by its index, in rising order: 100 are asked for when the first is wanted. */
  function urls(keys: readonly string[]): (index: number) => Promise<string | undefined> {
    let batch: Promise<ReadonlyMap<string, string>> | undefined;
    return async (index) => {
      if (index % MAX_READ_KEYS === 0) {
        batch = client
          .read(keys.slice(index, index + MAX_READ_KEYS))
          .then((answer) => new Map(answer.urls.map(({ key, url }) => [key, url])));
      }
      return (await batch!).get(keys[index]!);
    };
  }

  async function* readEach<T>(
    keys: readonly string[],
    maxBytes: number,
    use: (object: ReadObject, index: number) => T | Promise<T>,
    { keepsBody = false } = {},
  ): AsyncGenerator<T> {
    const urlOf = urls(keys);
    const limits = { atOnce: READS_AT_ONCE, ...(keepsBody ? { ahead: READS_AT_ONCE } : {}) };
    yield* pooled(keys, limits, async (key, index) =>
      use(await readObject(key, await urlOf(index), maxBytes), index),
    );
  }

  async function readObject(
    key: string,
    url: string | undefined,
    maxBytes: number,
  ): Promise<ReadObject> {
    if (url === undefined) return { key };
    try {
      const object = await client.get(url, maxBytes);
      return object.found ? { key, bytes: object.body } : { key };
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      return { key, error: error as CoatcheckError };
    }
  }

  async function read(key: string, maxBytes: number): Promise<Uint8Array | undefined> {
    for await (const { bytes, error } of readEach([key], maxBytes, (object) => object)) {
      if (error !== undefined) throw error;
      return bytes;
    }
    return undefined;
  }

  return { list, pages, readEach, read };
}
