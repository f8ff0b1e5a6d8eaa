// @module-tag long
import { afterAll, beforeAll, expect, it } from 'vitest';
import { codeOf } from '../../protocol/errors.ts';
import { historyKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { ObjectStore } from '../../store/port.ts';
import { describeWith } from '../support/components.ts';
import { QUICK_WIRE_FAULTS } from '../support/fault-proxy.ts';
import type { FaultProxy, WireFault } from '../support/fault-proxy.ts';
import { makeNode } from '../support/site.ts';
import { openWebdav } from '../support/webdav.ts';
import type { WebdavUnderTest } from '../support/webdav.ts';

const NODE = makeNode('on a bad wire to Apache').id;
const OLD = 'old'.repeat(9);
const NEW = 'new'.repeat(9);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (body: Uint8Array | undefined): string | undefined =>
  body && new TextDecoder().decode(body);
const LIMIT = { maxBytes: 1e6 };
const HARMLESS: readonly WireFault[] = ['delayed', 'again, late'];

describeWith('apache', 'a WebDAV store behind a bad wire', () => {
  let webdav: WebdavUnderTest;
  let direct: ObjectStore;
  let proxy: FaultProxy;
  let through: ObjectStore;
  /** The fault of the request that is the nth from now on. */
  let fault: WireFault | undefined;
  let left = 0;
  let slots = 0;

  beforeAll(async () => {
    webdav = await openWebdav();
    ({ direct } = webdav);
    const plan = (): WireFault | undefined => (--left === 0 ? fault : undefined);
    ({ proxy, store: through } = await webdav.behind(plan));
  });
  afterAll(async () => {
    await proxy.close();
    await webdav.stop();
  });

  const freshKey = (): ObjectKey => historyKey(NODE, ++slots);
  const bodyAt = async (store: ObjectStore, key: ObjectKey): Promise<string | undefined> =>
    textOf((await store.get(key, LIMIT))?.body);

  /** Has each request of what is done meet a fault, one after the other, until there are no more. */
  async function meetsEverywhere(
    wire: WireFault,
    act: () => Promise<(said: string) => Promise<void>>,
  ): Promise<void> {
    fault = wire;
    for (let n = 1, done = false; !done; n++) {
      left = n;
      const check = await act();
      done = left > 0;
      left = 0;
      await check(`${wire} of request ${n}`);
    }
    expect(left).toBe(0);
  }

  it.each(QUICK_WIRE_FAULTS)('says of a write what is known (%s)', async (wire) => {
    const writes: [
      what: string,
      before: string | undefined,
      after: string | undefined,
      write: (key: ObjectKey, etag: string) => Promise<unknown>,
    ][] = [
      ['create', undefined, NEW, (key) => through.create(key, bytes(NEW))],
      ['replace', OLD, NEW, (key, etag) => through.replace(key, bytes(NEW), etag)],
      ['delete', OLD, undefined, (key) => through.delete(key)],
    ];
    for (const [what, before, after, write] of writes) {
      await meetsEverywhere(wire, async () => {
        const key = freshKey();
        const asked = left;
        left = 0;
        const { etag } =
          before === undefined ? { etag: '' } : await direct.create(key, bytes(before));
        left = asked;
        const said = await write(key, etag).then(() => 'done', codeOf);
        return async (where) => {
          const found = await bodyAt(direct, key);
          await proxy.settle();
          const settled = await bodyAt(direct, key);
          const all = { what, where, said, found, settled };
          if (said === 'done') {
            expect(all).toMatchObject({ found: after, settled: after });
          } else if (said === 'store_unavailable' || said === 'store_denied') {
            expect(all).toMatchObject({ found: before, settled: before });
          } else if (said === 'already_exists' || said === 'precondition_failed') {
            // What is in the way is our own: the request arrived twice.
            expect(all).toMatchObject({ found: after, settled: after });
          } else expect(said, `${what}, ${where}`).toBe('store_unknown');
          if (HARMLESS.includes(wire)) expect(all).toMatchObject({ said: 'done' });
          expect([before, after], `${what}, ${where}`).toContainEqual(settled);
        };
      });
    }
  });

  it.each(QUICK_WIRE_FAULTS)(
    'reads what is there, or says that it could not (%s)',
    async (wire) => {
      const key = freshKey();
      const absent = historyKey(NODE, 9_999_999_999);
      const { etag } = await direct.create(key, bytes(OLD));
      const reads: [what: string, read: () => Promise<unknown>, truth: unknown][] = [
        ['get', () => bodyAt(through, key), OLD],
        ['get of nothing', () => through.get(absent, LIMIT), undefined],
        ['head', async () => (await through.head(key))?.etag, etag],
        ['head of nothing', () => through.head(absent), undefined],
        ['list', async () => (await through.list(key)).objects.map((found) => found.key), [key]],
      ];
      for (const [what, read, truth] of reads) {
        await meetsEverywhere(wire, async () => {
          const [said] = await Promise.allSettled([read()]);
          return async (where) => {
            if (said.status === 'fulfilled')
              expect([what, where, said.value]).toEqual([what, where, truth]);
            else
              expect([what, where, codeOf(said.reason)]).toEqual([
                what,
                where,
                'store_unavailable',
              ]);
            if (HARMLESS.includes(wire) || wire === 'twice')
              expect([what, where, said.status]).toEqual([what, where, 'fulfilled']);
            await proxy.settle();
          };
        });
      }
    },
  );
});
