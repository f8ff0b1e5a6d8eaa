import { expect, it } from 'vitest';
import type { DecisionRequest } from '../../../functions/approval/demands.ts';
import { keysetKey } from '../../../protocol/keys.ts';
import type { ObjectStore } from '../../../store/port.ts';
import { makeSite } from '../../support/site.ts';
import { Crash, faultyStore } from './faulty-store.ts';
import type { Call } from './faulty-store.ts';
import { holds, makeWorld, refusalOf } from './world.ts';
import type { StoreUnderTest, World } from './world.ts';

interface Scenario {
  readonly world: World;
  readonly request: DecisionRequest;
}

/** Each type of decision, on a node where it is the next thing to happen. */
const SCENARIOS: Record<string, (under: StoreUnderTest) => Promise<Scenario>> = {
  'the first approval': async (under) => {
    const world = makeWorld(under);
    await under.bucket.delete(keysetKey(1));
    const proposal = await world.propose('a');
    return { world, request: world.request({ type: 'approve', proposal }) };
  },
  'an approval of another proposal': async (under) => {
    const world = makeWorld(under);
    const { place } = await world.approve('a');
    const proposal = await world.propose('b');
    return { world, request: world.request({ type: 'approve', place, proposal }) };
  },
  'an approval of the same bundle again': async (under) => {
    const world = makeWorld(under);
    const { proposal, place } = await world.approve('a');
    const wish = { type: 'approve', place, proposal, from: { slot: 1 } } as const;
    return { world, request: world.request(wish) };
  },
  'a rejection': async (under) => {
    const world = makeWorld(under);
    const { place } = await world.approve('a');
    const proposal = await world.propose('b');
    return { world, request: world.request({ type: 'reject', place, proposal }) };
  },
  'a reconfigure': async (under) => {
    const world = makeWorld(under);
    const { proposal, place } = await world.approve('a');
    return { world, request: world.request({ type: 'reconfigure', place, proposal }) };
  },
  'a revoke': async (under) => {
    const world = makeWorld(under);
    const { place } = await world.approve('a');
    return { world, request: world.request({ type: 'revoke', place }) };
  },
  'a rollback': async (under) => {
    const world = makeWorld(under);
    const one = await world.approve('a');
    const { place } = await world.approve('b', one.place);
    const wish = { type: 'rollback', place, proposal: one.proposal, from: { slot: 1 } } as const;
    return { world, request: world.request(wish) };
  },
  "a node's own approval": async (under) => {
    const world = makeWorld(under, makeSite({ approval: 'none' }));
    const proposal = await world.propose('a');
    return { world, request: world.ownRequest({ proposal }) };
  },
};

/** Crashes, lost answers and failing stores, at every call there is. */
export function faultsContract(under: () => StoreUnderTest): void {
  for (const [title, prepare] of Object.entries(SCENARIOS)) {
    it(`loses nothing and decides nothing twice when ${title} dies after any call`, async () => {
      const calls = await forEveryCall(prepare, under, async ({ world, request }, before) => {
        const committed = holds(await world.history(), request);
        if (!committed) expect(await world.objects()).toEqual(before);
        await world.repair();
        await world.expectSettled();
        const retry = await world.decide(request);
        expect(retry.outcome).toBe(committed ? 'already' : 'decided');
        expect(retry.published).toBe(true);
        await expectDecidedOnce(world, request);
      });
      expect(calls).toBeGreaterThan(5);
    });

    it(`ends right when ${title} dies after any call and is only sent again`, async () => {
      await forEveryCall(prepare, under, async ({ world, request }) => {
        expect(await world.decide(request)).toMatchObject({ published: true });
        await expectDecidedOnce(world, request);
      });
    });

    it(`ends right when the answer to ${title} is lost`, async () => {
      const { world, request } = await prepare(under());
      const told = await world.decide(request);
      expect(await world.decide(request)).toEqual({ ...told, outcome: 'already' });
      await expectDecidedOnce(world, request);
    });

    it(`ends right when a repair after ${title} dies at any call`, async () => {
      for (let n = 1, crashed = true; crashed; n++) {
        const { world, request } = await prepare(under());
        const dying = faultyStore(world.store, ({ operation, key }) =>
          operation === 'create' && key.startsWith('history/') ? 'crash after' : undefined,
        );
        await expect(world.decide(request, dying)).rejects.toThrow(Crash);
        crashed = await dies(world.repair(crashAt(world, n)));
        await world.repair();
        await expectDecidedOnce(world, request);
      }
    });

    for (const fault of ['lost, done', 'lost, not done', 'late'] as const) {
      it(`finds out for itself when the answer to any write of ${title} is lost (${fault})`, async () => {
        for (let n = 1, hit = true; hit; n++) {
          const { world, request } = await prepare(under());
          let writes = 0;
          const store = faultyStore(world.store, (call) =>
            isWrite(call) && ++writes === n ? fault : undefined,
          );
          expect(await world.decide(request, store)).toMatchObject({
            outcome: 'decided',
            published: true,
          });
          hit = writes >= n;
          await store.land();
          await world.repair();
          await expectDecidedOnce(world, request);
        }
      });
    }

    it(`changes nothing, or decides, when the store fails ${title} at any call`, async () => {
      for (let n = 1, failed = true; failed; n++) {
        const { world, request } = await prepare(under());
        const before = await world.objects();
        failed = false;
        const store = faultyStore(world.store, ({ index }) => {
          if (index !== n) return undefined;
          failed = true;
          return 'unavailable';
        });
        const [told] = await Promise.allSettled([world.decide(request, store)]);
        const committed = holds(await world.history(), request);
        if (told.status === 'rejected') {
          expect(told.reason).toMatchObject({ code: 'store_unavailable' });
          expect(await world.objects()).toEqual(before);
        }
        expect(told.status === 'fulfilled').toBe(committed);
        await world.repair();
        expect((await world.decide(request)).published).toBe(true);
        await expectDecidedOnce(world, request);
      }
    });
  }

  it('says that a decision is made also if it could not be published, and repair publishes it', async () => {
    const { world, request } = await SCENARIOS['an approval of another proposal']!(under());
    const stuck = faultyStore(world.store, ({ operation, key }) =>
      operation !== 'get' && key.startsWith('approved/') ? 'full' : undefined,
    );
    expect(await world.decide(request, stuck)).toMatchObject({
      outcome: 'decided',
      published: false,
    });
    expect((await world.shown())?.statement.seq).toBe(1);
    expect((await world.repair()).published).toBe(true);
    await expectDecidedOnce(world, request);
  });

  it('publishes with the next decision what a crash left behind', async () => {
    const { world, request } = await SCENARIOS['an approval of another proposal']!(under());
    const dying = faultyStore(world.store, ({ operation }) =>
      operation === 'create' ? 'crash after' : undefined,
    );
    await expect(world.decide(request, dying)).rejects.toThrow(Crash);
    const { digest, statement } = request.statement;
    const proposal = await world.propose('refused');
    const place = { digest, seq: statement.seq };
    await world.next(world.request({ type: 'reject', place, proposal }));
    expect((await world.shown())?.statementDigest).toEqual(digest);
  });

  it('says that it does not know when it cannot find out, and the same statement settles it', async () => {
    for (const fault of ['lost, not done', 'late'] as const) {
      const { world, request } = await SCENARIOS['an approval of another proposal']!(under());
      const store = faultyStore(world.store, ({ operation, key }) =>
        operation === 'create' && key.startsWith('history/') ? fault : undefined,
      );
      expect((await refusalOf(world.decide(request, store))).code).toBe('store_unknown');
      await store.land();
      expect(await world.decide(request)).toMatchObject({ published: true });
      await expectDecidedOnce(world, request);
    }
  });

  it('does not call it refused while a lost creation may still arrive', async () => {
    const { world, request } = await SCENARIOS['an approval of another proposal']!(under());
    let lost = false;
    const store = faultyStore(world.store, ({ operation, key }) => {
      if (lost) return 'unavailable';
      lost = operation === 'create' && key.startsWith('history/');
      return lost ? 'late' : undefined;
    });
    expect((await refusalOf(world.decide(request, store))).code).toBe('store_unknown');
    await store.land();
    expect(await world.decide(request)).toMatchObject({ outcome: 'already' });
    await expectDecidedOnce(world, request);
  });

  it('lets a lost creation not arrive after another decision took its place', async () => {
    const { world, request } = await SCENARIOS['an approval of another proposal']!(under());
    const place = { digest: request.statement.statement.prev, seq: 1 };
    const rival = world.request({ type: 'revoke', place });
    let lost = false;
    const store = faultyStore(world.store, async ({ operation, key }) => {
      if (lost) return undefined;
      lost = operation === 'create' && key.startsWith('history/');
      if (!lost) return undefined;
      await world.next(rival);
      return 'late';
    });
    expect((await refusalOf(world.decide(request, store))).code).toBe('head_moved');
    await store.land();
    expect(holds(await world.history(), request)).toBe(false);
    await expectDecidedOnce(world, rival);
  });

  it('takes an entry that cannot be read for an error, never for one that does not verify', async () => {
    const { world, request } = await SCENARIOS['an approval of another proposal']!(under());
    const before = await world.objects();
    const store = faultyStore(world.store, ({ operation, key }) =>
      operation === 'get' && key.startsWith('history/') ? 'unavailable' : undefined,
    );
    expect((await refusalOf(world.decide(request, store))).code).toBe('store_unavailable');
    expect((await refusalOf(world.repair(store))).code).toBe('store_unavailable');
    expect(await world.objects()).toEqual(before);
  });

  it('passes on a full store, and nothing is decided', async () => {
    const { world, request } = await SCENARIOS['the first approval']!(under());
    const before = await world.objects();
    const full = faultyStore(world.store, () => 'full');
    const counted = faultyStore(world.store, (call) => (isWrite(call) ? 'full' : undefined));
    expect((await refusalOf(world.decide(request, counted))).code).toBe('store_full');
    expect((await refusalOf(world.decide(request, full))).code).toBe('store_unavailable');
    expect(await world.objects()).toEqual(before);
  });
}

const isWrite = ({ operation }: Call): boolean =>
  operation === 'create' || operation === 'replace' || operation === 'delete';

/** The store of a process that dies when its `n`th call is done. */
function crashAt(world: World, n: number): ObjectStore {
  return faultyStore(world.store, ({ index }) => (index === n ? 'crash after' : undefined));
}

async function dies(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    if (error instanceof Crash) return true;
    throw error;
  }
}

/** Runs the decision once per call that it makes, dying there each time. */
async function forEveryCall(
  prepare: (under: StoreUnderTest) => Promise<Scenario>,
  under: () => StoreUnderTest,
  then: (scenario: Scenario, before: Record<string, string>) => Promise<void>,
): Promise<number> {
  for (let n = 1; ; n++) {
    const scenario = await prepare(under());
    const { world, request } = scenario;
    const before = await world.objects();
    if (!(await dies(world.decide(request, crashAt(world, n))))) return n - 1;
    await then(scenario, before);
  }
}

/** It is the newest decision, there is one entry of it, and everything follows from it. */
async function expectDecidedOnce(world: World, request: DecisionRequest): Promise<void> {
  const history = await world.expectSettled();
  expect(history.head?.frame.statementDigest).toEqual(request.statement.digest);
  expect(history.junk).toEqual([]);
  const { type, digest } = request.statement.statement;
  if (type !== 'reject') return;
  expect((await world.rejection(digest))?.bundle?.digest).toEqual(digest);
}
