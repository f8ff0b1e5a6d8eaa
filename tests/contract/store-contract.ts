import { beforeAll, describe, expect, it } from 'vitest';
import { approvedKey, historyKey, keysetKey, parseNodeId } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { compareKeys } from '../../store/page.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { codeOf } from '../../protocol/errors.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** A key that no key maker makes: the port itself does not care what keys mean. */
const anyKey = (text: string): ObjectKey => text as ObjectKey;
const LIMIT = { maxBytes: 1024 * 1024 };
const RACERS = 24;

/** How many promises were kept, and with which codes the others were broken. */
async function tally(promises: Promise<unknown>[]): Promise<Record<string, number>> {
  const count: Record<string, number> = {};
  for (const result of await Promise.allSettled(promises)) {
    const name = result.status === 'fulfilled' ? 'done' : codeOf(result.reason);
    count[name] = (count[name] ?? 0) + 1;
  }
  return count;
}

/** A store to test, empty. */
export interface StoreUnderTest {
  readonly store: ObjectStore;
  /** The same place as `store`, through other memory: what a second process would have. */
  readonly second: ObjectStore;
  /** The same kind of store where the bucket or folder does not exist. */
  readonly withoutBucket?: ObjectStore;
}

/** Where a store is known to differ, which its run of the contract then asserts. */
export interface Quirks {
  /** It has no bucket or folder that could be missing. */
  readonly noBucket?: true;
  /**
   * An object whose key is another's and a slash more: a listing leaves it out, or it cannot be
   * made. Keys of coatcheck never nest (protocol/keys.test.ts).
   */
  readonly nestedKeys?: 'hidden' | 'refused';
}

/** What every `ObjectStore` promises (store/port.ts). */
export function storeContract(
  name: string,
  make: () => Promise<StoreUnderTest>,
  quirks: Quirks = {},
): void {
  describe(`store contract: ${name}`, () => {
    let store: ObjectStore;
    let second: ObjectStore;
    let withoutBucket: ObjectStore | undefined;
    let next = 0;
    /** A key that no other test uses. */
    const freshKey = (): ObjectKey => approvedKey(node(next++));

    beforeAll(async () => {
      ({ store, second, withoutBucket } = await make());
    });

    it('gives back what was created, with its size, ETag and time', async () => {
      const key = freshKey();
      const before = Date.now() - 5000;
      const { etag } = await store.create(key, bytes('hello'));
      const object = (await second.get(key, LIMIT))!;
      expect(object).toMatchObject({ key, size: 5, etag });
      expect(object.body).toEqual(bytes('hello'));
      expect(etag).not.toContain('"');
      expect(object.modified.getTime()).toBeGreaterThan(before);
      expect(object.modified.getTime()).toBeLessThan(Date.now() + 5000);
      const head = await store.head(key);
      expect(head).toMatchObject({ etag });
      const [listed] = (await store.list(key)).objects;
      for (const info of [head, listed]) {
        expect(info).toMatchObject({ key, size: 5 });
        expect(info).not.toHaveProperty('body');
        // A listing may know the time to the millisecond where a header has only the second.
        const apart = info!.modified.getTime() - object.modified.getTime();
        expect(Math.abs(apart)).toBeLessThan(1000);
      }
    });

    it('has the same ETag for the same bytes, and another for others', async () => {
      const one = await store.create(freshKey(), bytes('same'));
      const two = await store.create(freshKey(), bytes('same'));
      const three = await store.create(freshKey(), bytes('other'));
      expect(one.etag).toBe(two.etag);
      expect(one.etag).not.toBe(three.etag);
    });

    it('lists another version after every write of other bytes, and the same until then', async () => {
      const key = freshKey();
      const listed = async (): Promise<string> => {
        const [info] = (await store.list(key)).objects;
        expect(info!.version).toMatch(/^[^"]{1,128}$/);
        return info!.version!;
      };
      let { etag } = await store.create(key, bytes('one'));
      const seen = [await listed()];
      expect(await listed()).toBe(seen[0]);
      for (const body of ['two', 'six', 'two']) {
        ({ etag } = await second.replace(key, bytes(body), etag));
        const version = await listed();
        expect(version).not.toBe(seen.at(-1));
        seen.push(version);
      }
      await store.delete(key);
      await store.create(key, bytes('ten'));
      expect(seen).not.toContain(await listed());
    });

    it('keeps an empty object apart from none', async () => {
      const key = freshKey();
      expect(await store.get(key, LIMIT)).toBeUndefined();
      expect(await store.head(key)).toBeUndefined();
      await store.create(key, new Uint8Array());
      expect(await store.get(key, { maxBytes: 0 })).toMatchObject({
        size: 0,
        body: new Uint8Array(),
      });
      expect(await store.head(key)).toMatchObject({ size: 0 });
    });

    it('keeps every byte of a large body', async () => {
      const key = freshKey();
      const body = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >>> 5);
      await store.create(key, body);
      expect(Buffer.from((await store.get(key, LIMIT))!.body).equals(Buffer.from(body))).toBe(true);
    });

    it('is not changed by what a caller does to its own bytes', async () => {
      const key = freshKey();
      const body = bytes('mine');
      await store.create(key, body);
      body.fill(0);
      const got = (await store.get(key, LIMIT))!;
      expect(got.body).toEqual(bytes('mine'));
      got.body.fill(0);
      expect((await store.get(key, LIMIT))!.body).toEqual(bytes('mine'));
    });

    it('refuses to get more than maxBytes, and gets exactly that many', async () => {
      const key = freshKey();
      await store.create(key, bytes('12345'));
      await expect(store.get(key, { maxBytes: 4 })).rejects.toMatchObject({ code: 'too_large' });
      expect((await store.get(key, { maxBytes: 5 }))!.size).toBe(5);
    });

    describe('create', () => {
      it('refuses a key that has an object, and leaves it alone', async () => {
        const key = freshKey();
        await store.create(key, bytes('first'));
        await expect(store.create(key, bytes('second'))).rejects.toMatchObject({
          code: 'already_exists',
        });
        await expect(second.create(key, bytes('first'))).rejects.toMatchObject({
          code: 'already_exists',
        });
        expect((await store.get(key, LIMIT))!.body).toEqual(bytes('first'));
      });

      it(`lets one of ${RACERS} racers win, and keeps the winner's bytes`, async () => {
        for (let round = 0; round < 5; round++) {
          const key = freshKey();
          const wins: number[] = [];
          const racers = Array.from({ length: RACERS }, async (_, i) => {
            await (i % 2 ? store : second).create(key, bytes(`racer ${i}`));
            wins.push(i);
          });
          expect(await tally(racers)).toEqual({ done: 1, already_exists: RACERS - 1 });
          expect((await store.get(key, LIMIT))!.body).toEqual(bytes(`racer ${wins[0]!}`));
        }
      });

      it('may be done again after a delete', async () => {
        const key = freshKey();
        await store.create(key, bytes('one'));
        await store.delete(key);
        await store.create(key, bytes('two'));
        expect((await store.get(key, LIMIT))!.body).toEqual(bytes('two'));
      });
    });

    describe('replace', () => {
      it('replaces what has the ETag, and gives the new one', async () => {
        const key = freshKey();
        const one = await store.create(key, bytes('one'));
        const two = await store.replace(key, bytes('two'), one.etag);
        expect(two.etag).not.toBe(one.etag);
        expect(await second.get(key, LIMIT)).toMatchObject({ etag: two.etag, body: bytes('two') });
        await store.replace(key, bytes('three'), two.etag);
        expect((await store.get(key, LIMIT))!.body).toEqual(bytes('three'));
      });

      it('refuses a stale ETag, and leaves the newer object alone', async () => {
        const key = freshKey();
        const one = await store.create(key, bytes('one'));
        await store.replace(key, bytes('two'), one.etag);
        await expect(store.replace(key, bytes('three'), one.etag)).rejects.toMatchObject({
          code: 'precondition_failed',
        });
        expect((await store.get(key, LIMIT))!.body).toEqual(bytes('two'));
      });

      it('refuses a key that has no object, and makes none', async () => {
        const key = freshKey();
        const { etag } = await store.create(freshKey(), bytes('x'));
        await expect(store.replace(key, bytes('x'), etag)).rejects.toMatchObject({
          code: 'precondition_failed',
        });
        expect(await store.get(key, LIMIT)).toBeUndefined();
      });

      it('refuses after a delete', async () => {
        const key = freshKey();
        const { etag } = await store.create(key, bytes('one'));
        await store.delete(key);
        await expect(store.replace(key, bytes('two'), etag)).rejects.toMatchObject({
          code: 'precondition_failed',
        });
        expect(await store.get(key, LIMIT)).toBeUndefined();
      });

      it(`lets one of ${RACERS} racers with the same ETag win`, async () => {
        for (let round = 0; round < 5; round++) {
          const key = freshKey();
          const { etag } = await store.create(key, bytes('start'));
          const wins: number[] = [];
          const racers = Array.from({ length: RACERS }, async (_, i) => {
            await (i % 2 ? store : second).replace(key, bytes(`racer ${i}`), etag);
            wins.push(i);
          });
          expect(await tally(racers)).toEqual({ done: 1, precondition_failed: RACERS - 1 });
          expect((await store.get(key, LIMIT))!.body).toEqual(bytes(`racer ${wins[0]!}`));
        }
      });
    });

    it('deletes, and deletes again without complaint', async () => {
      const key = freshKey();
      await store.create(key, bytes('x'));
      await store.delete(key);
      expect(await store.get(key, LIMIT)).toBeUndefined();
      expect(await second.head(key)).toBeUndefined();
      await store.delete(key);
      await store.delete(freshKey());
    });

    describe('list', () => {
      it('pages past a thousand keys, each once and in order', { tags: 'long' }, async () => {
        const id = node(900_001);
        const slots = Array.from({ length: 1203 }, (_, i) => i + 1);
        for (let i = 0; i < slots.length; i += 50) {
          await Promise.all(
            slots.slice(i, i + 50).map((slot) => store.create(historyKey(id, slot), bytes('e'))),
          );
        }
        const first = await store.list(`history/${id}/`);
        expect(first.objects.map((o) => o.key)).toEqual(
          slots.slice(0, 1000).map((slot) => historyKey(id, slot)),
        );
        expect(first.next).toBe(historyKey(id, 1000));
        const rest = await store.list(`history/${id}/`, { after: first.next! });
        expect(rest.objects).toHaveLength(203);
        expect(rest).not.toHaveProperty('next');

        const all: string[] = [];
        for await (const { key } of listAll(second, `history/${id}/`)) all.push(key);
        expect(all).toEqual(slots.map((slot) => historyKey(id, slot)));
      });

      it('stops at the limit, and says whether there is more', async () => {
        const id = node(900_002);
        for (const slot of [3, 1, 2]) await store.create(historyKey(id, slot), bytes('e'));
        const prefix = `history/${id}/`;
        const two = await store.list(prefix, { limit: 2 });
        expect(two.objects.map((o) => o.key)).toEqual([historyKey(id, 1), historyKey(id, 2)]);
        expect(two.next).toBe(historyKey(id, 2));
        const three = await store.list(prefix, { limit: 3 });
        expect(three.objects).toHaveLength(3);
        expect(three).not.toHaveProperty('next');
        const after = await store.list(prefix, { after: historyKey(id, 2), limit: 1 });
        expect(after.objects.map((o) => o.key)).toEqual([historyKey(id, 3)]);
        // `after` need not be a key that exists.
        const between = await store.list(prefix, { after: `${historyKey(id, 1)}5` });
        expect(between.objects.map((o) => o.key)).toEqual([historyKey(id, 2), historyKey(id, 3)]);
      });

      it('finds nothing under an unused prefix, which is not an error', async () => {
        expect(await store.list('history/unused/')).toEqual({ objects: [] });
        expect(await store.list('unused')).toEqual({ objects: [] });
      });

      it('matches the prefix as text, not as a folder', async () => {
        await store.create(anyKey('text/abc'), bytes('1'));
        await store.create(anyKey('text/abd/e'), bytes('2'));
        await store.create(anyKey('text/b'), bytes('3'));
        const keys = async (prefix: string): Promise<string[]> =>
          (await store.list(prefix)).objects.map((o) => o.key);
        expect(await keys('text/ab')).toEqual(['text/abc', 'text/abd/e']);
        expect(await keys('text/abc')).toEqual(['text/abc']);
        expect(await keys('tex')).toEqual(['text/abc', 'text/abd/e', 'text/b']);
      });

      it('sorts by bytes: what is in a folder does not follow its name', async () => {
        // '-' sorts before '/', and '0' after it.
        const sorted = ['sorted/a-b', 'sorted/a/b', 'sorted/a/c', 'sorted/a0', 'sorted/é'];
        for (const key of sorted.toReversed()) await store.create(anyKey(key), bytes(key));
        expect((await store.list('sorted/')).objects.map((o) => o.key)).toEqual(sorted);
        const paged: string[] = [];
        for (let after: string | undefined; ; after = paged.at(-1)) {
          const options = after === undefined ? { limit: 1 } : { limit: 1, after };
          const { objects, next } = await store.list('sorted/', options);
          paged.push(...objects.map((o) => o.key));
          if (next === undefined) break;
        }
        expect(paged).toEqual(sorted);
      });

      it('sees all prefixes from the root', async () => {
        const id = node(900_003);
        await store.create(keysetKey(77), bytes('k'));
        await store.create(historyKey(id, 1), bytes('h'));
        const keys: string[] = [];
        for await (const { key } of listAll(store, '')) keys.push(key);
        expect(keys).toContain(keysetKey(77));
        expect(keys).toContain(historyKey(id, 1));
        expect(keys).toEqual([...keys].sort(compareKeys));
      });
    });

    if (quirks.nestedKeys === 'refused') {
      it('refuses a key below another or above it, and leaves the other alone', async () => {
        const [parent, child] = [anyKey('nested/a'), anyKey('nested/a/b')];
        for (const [there, refused] of [
          [parent, child],
          [child, parent],
        ] as const) {
          await store.create(there, bytes('there'));
          // 409, which elsewhere is said of a write that may have been done.
          await expect(store.create(refused, bytes('x'))).rejects.toMatchObject({
            code: 'store_unknown',
          });
          expect(await store.get(refused, LIMIT)).toBeUndefined();
          expect((await store.list('nested/')).objects).toMatchObject([{ key: there }]);
          expect((await store.get(there, LIMIT))!.body).toEqual(bytes('there'));
          await store.delete(there);
        }
      });
    } else {
      it('has a key, and a key below it, at the same time', async () => {
        const parent = anyKey('nested/a');
        const child = anyKey('nested/a/b');
        const grandchild = anyKey('nested/a/b/c');
        const written: [ObjectKey, string][] = [
          [child, 'child'],
          [parent, 'parent'],
          [grandchild, 'grandchild'],
        ];
        for (const [key, text] of written) await store.create(key, bytes(text));
        for (const [key, text] of written) {
          expect((await store.get(key, LIMIT))!.body).toEqual(bytes(text));
        }
        expect((await store.list('nested/')).objects.map((o) => o.key)).toEqual(
          quirks.nestedKeys === 'hidden' ? [parent] : [parent, child, grandchild],
        );
        await store.delete(parent);
        expect((await store.get(child, LIMIT))!.body).toEqual(bytes('child'));
        expect(await store.get(parent, LIMIT)).toBeUndefined();
      });
    }

    if (quirks.noBucket) return;

    it('never takes a missing bucket for a missing object', async () => {
      const key = freshKey();
      const calls: Record<string, () => Promise<unknown>> = {
        create: () => withoutBucket!.create(key, bytes('x')),
        replace: () => withoutBucket!.replace(key, bytes('x'), 'e'.repeat(32)),
        get: () => withoutBucket!.get(key, LIMIT),
        head: () => withoutBucket!.head(key),
        delete: () => withoutBucket!.delete(key),
        list: () => withoutBucket!.list('approved/'),
      };
      for (const [call, run] of Object.entries(calls)) {
        await expect(run(), call).rejects.toMatchObject({ code: 'no_such_bucket' });
      }
    });
  });
}

/** A well-formed node id, another for each number. */
export function node(n: number): NodeId {
  const letters = 'abcdefghijklmnopqrstuvwxyz234567';
  let id = '';
  for (let rest = n; id.length < 32; rest = Math.floor(rest / 32)) id += letters[rest % 32]!;
  return parseNodeId(id);
}
