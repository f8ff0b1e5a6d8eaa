// @module-tag long
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ObjectKey } from '../../protocol/keys.ts';
import { historyKey } from '../../protocol/keys.ts';
import { codeOf } from '../../protocol/errors.ts';
import type { ObjectStore } from '../../store/port.ts';
import { describeWith } from '../support/components.ts';
import { QUICK_WIRE_FAULTS, serveFaults } from '../support/fault-proxy.ts';
import type { FaultProxy, WireFault } from '../support/fault-proxy.ts';
import { freshBucket } from '../support/minio.ts';
import { Random } from '../support/random.ts';
import type { TestBucket } from '../support/s3-bucket.ts';
import { makeNode } from '../support/site.ts';

const NODE = makeNode('on a bad wire').id;
const OLD = new Uint8Array(1000).fill(1);
const NEW = new Uint8Array(1000).fill(2);
const LIMIT = { maxBytes: 1e6 };

/** What a conditional write must answer, and whether it took effect before the late ones arrived. */
const WRITES: Record<WireFault, [answer: 'done' | 'unknown' | 'in the way', isDone: boolean]> = {
  'reset before': ['unknown', false],
  'reset after': ['unknown', true],
  late: ['unknown', false],
  cut: ['unknown', true],
  'cut, unframed': ['unknown', true],
  stalled: ['unknown', true],
  delayed: ['done', true],
  twice: ['in the way', true],
  'again, late': ['done', true],
  '409 before': ['unknown', false],
  '409 after': ['unknown', true],
  '500 before': ['unknown', false],
  '500 after': ['unknown', true],
  '503 before': ['unknown', false],
  '503 after': ['unknown', true],
  never: ['unknown', false],
};
/** They end by a time-out of 20 seconds: all of them at once, and no read, which is tried again. */
const SLOW = ['stalled', 'never'] as const;
const HARMLESS: readonly WireFault[] = ['delayed', 'twice', 'again, late'];
/** What the next try of a read mends. */
const MENDED: readonly WireFault[] = [
  ...(['reset before', 'reset after', 'late'] as const),
  ...(['500 before', '500 after', '503 before', '503 after'] as const),
];

describeWith('minio', 'an S3 store behind a bad wire', () => {
  let bucket: TestBucket;
  let direct: ObjectStore;
  const proxies: FaultProxy[] = [];
  let slots = 0;

  beforeAll(async () => {
    bucket = await freshBucket();
    direct = bucket.store('root');
  });
  afterAll(() => Promise.all(proxies.map((proxy) => proxy.close())));

  /** A store of which the first `times` requests meet this fault. */
  async function behind(fault: WireFault, times = Infinity): Promise<[ObjectStore, FaultProxy]> {
    let left = times;
    const plan = (): WireFault | undefined => (left-- > 0 ? fault : undefined);
    const proxy = await serveFaults(bucket.endpoint, plan, new Random(1));
    proxies.push(proxy);
    return [bucket.store('root', { endpoint: proxy.url }), proxy];
  }
  const freshKey = (): ObjectKey => historyKey(NODE, ++slots);
  const answer = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(() => 'done', codeOf);
  const bodyAt = async (key: ObjectKey): Promise<Uint8Array | undefined> =>
    (await direct.get(key, LIMIT))?.body;

  async function expectCreate(fault: WireFault): Promise<void> {
    const [said, isDone] = WRITES[fault];
    const [store, proxy] = await behind(fault);
    const key = freshKey();
    const expected = { done: 'done', unknown: 'store_unknown', 'in the way': 'already_exists' };
    expect(await answer(store.create(key, NEW))).toBe(expected[said]);
    expect(await bodyAt(key)).toEqual(isDone ? NEW : undefined);
    await proxy.settle();
    expect(await bodyAt(key)).toEqual(isDone || fault === 'late' ? NEW : undefined);
  }

  async function expectReplace(fault: WireFault): Promise<void> {
    const [said, isDone] = WRITES[fault];
    const [store, proxy] = await behind(fault);
    const key = freshKey();
    const { etag } = await direct.create(key, OLD);
    const expected = {
      done: 'done',
      unknown: 'store_unknown',
      'in the way': 'precondition_failed',
    };
    expect(await answer(store.replace(key, NEW, etag))).toBe(expected[said]);
    expect(await bodyAt(key)).toEqual(isDone ? NEW : OLD);
    await proxy.settle();
    expect(await bodyAt(key)).toEqual(isDone || fault === 'late' ? NEW : OLD);
  }

  it.each(QUICK_WIRE_FAULTS)('says of a create what is known (%s)', expectCreate);
  it.each(QUICK_WIRE_FAULTS)('says of a replace what is known (%s)', expectReplace);

  it('gives up on a server that does not answer, and on one that stops in the middle', async () => {
    const [stalled] = await behind('stalled');
    const key = freshKey();
    await direct.create(key, OLD);
    await Promise.all([
      ...SLOW.flatMap((fault) => [expectCreate(fault), expectReplace(fault)]),
      expect(answer(stalled.get(key, LIMIT))).resolves.toBe('store_unavailable'),
    ]);
  });

  it.each(QUICK_WIRE_FAULTS)('says that a delete is done only if it is (%s)', async (fault) => {
    for (const times of [1, Infinity]) {
      const key = freshKey();
      await direct.create(key, OLD);
      const [store] = await behind(fault, times);
      const said = await answer(store.delete(key));
      expect(['done', 'store_unknown']).toContain(said);
      if (said === 'done') expect(await bodyAt(key)).toBeUndefined();
      if (HARMLESS.includes(fault)) expect(said).toBe('done');
    }
  });

  it.each(QUICK_WIRE_FAULTS)(
    'reads what is there, or says that it could not (%s)',
    async (fault) => {
      const key = freshKey();
      const absent = historyKey(NODE, 9_999_999_999);
      const { etag } = await direct.create(key, OLD);
      const reads: Record<
        string,
        [read: (store: ObjectStore) => Promise<unknown>, truth: unknown]
      > = {
        get: [async (store) => (await store.get(key, LIMIT))?.body, OLD],
        'get of nothing': [(store) => store.get(absent, LIMIT), undefined],
        head: [async (store) => (await store.head(key))?.etag, etag],
        'head of nothing': [(store) => store.head(absent), undefined],
        list: [async (store) => (await store.list(key)).objects.map((found) => found.key), [key]],
      };
      const cases = Object.entries(reads).flatMap(([name, read]) =>
        [1, Infinity].map((times) => ({ name, read: read[0], truth: read[1], times })),
      );
      await Promise.all(
        cases.map(async ({ name, read, truth, times }) => {
          const [store] = await behind(fault, times);
          const [said] = await Promise.allSettled([read(store)]);
          const failed = said.status === 'rejected' ? codeOf(said.reason) : undefined;
          const what = `${name}, ${times} times`;
          if (failed === undefined) expect(said, what).toMatchObject({ value: truth });
          else expect(failed, what).toBe('store_unavailable');
          const mustRead = HARMLESS.includes(fault) || (times === 1 && MENDED.includes(fault));
          if (mustRead) expect(failed, what).toBeUndefined();
        }),
      );
    },
  );
});
