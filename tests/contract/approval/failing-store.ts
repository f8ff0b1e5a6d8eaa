import { expect, it } from 'vitest';
import { faultyStore } from './faulty-store.ts';
import type { Call } from './faulty-store.ts';
import { makeAdmin, makeSite } from '../../support/site.ts';
import { expectDecidedOnce, SCENARIOS, WRITES } from './scenarios.ts';
import { holds, makeWorld, refusalOf } from './world.ts';
import type { StoreUnderTest } from './world.ts';

/** A write whose answer is lost, or that arrives more than once. */
const DOUBTS = ['lost, done', 'lost, not done', 'late', 'twice', 'again, late'] as const;

/** A store that fails, or does not say what became of a write. */
export function failingStoreContract(under: () => StoreUnderTest): void {
  for (const [title, prepare] of WRITES) {
    for (const fault of DOUBTS) {
      it(`finds out for itself what became of any write of ${title} (${fault})`, async () => {
        for (let n = 1, hit = true; hit; n++) {
          const { world, request } = await prepare(under());
          let writes = 0;
          const store = faultyStore(world.store, (call) =>
            isWrite(call) && ++writes === n ? fault : undefined,
          );
          const told = await world.decide(request, store);
          expect(told.published).toBe(true);
          // A creation that arrived twice finds the slot taken, if only by itself.
          if (fault !== 'twice') expect(told.outcome).toBe('decided');
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
    const { world, request } = await SCENARIOS['an approval of another proposal'](under());
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

  it('says that it does not know when it cannot find out, and the same statement settles it', async () => {
    for (const fault of ['lost, not done', 'late'] as const) {
      const { world, request } = await SCENARIOS['an approval of another proposal'](under());
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
    const { world, request } = await SCENARIOS['an approval of another proposal'](under());
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

  it('does not call it refused when its own creation, sent twice on the way, was in its way', async () => {
    const { world, request } = await SCENARIOS['an approval of another proposal'](under());
    let sent = false;
    const store = faultyStore(world.store, ({ operation, key }) => {
      if (sent) return 'unavailable';
      sent = operation === 'create' && key.startsWith('history/');
      return sent ? 'twice' : undefined;
    });
    expect((await refusalOf(world.decide(request, store))).code).toBe('store_unknown');
    expect(await world.decide(request)).toMatchObject({ outcome: 'already' });
    await expectDecidedOnce(world, request);
  });

  it('does not take for its own what another signed, where its creation was lost', async () => {
    const admins = [makeAdmin('ada'), makeAdmin('bob')] as const;
    const world = makeWorld(under(), makeSite({ admins }));
    const proposal = await world.propose('a');
    const [own, rival] = admins.map((one) =>
      world.request({ type: 'approve', proposal, admins: [one] }),
    );
    let lost = false;
    const store = faultyStore(world.store, async ({ operation, key }) => {
      if (lost) return undefined;
      lost = operation === 'create' && key.startsWith('history/');
      if (!lost) return undefined;
      await world.next(rival!);
      return 'lost, not done';
    });
    expect(await world.decide(own!, store)).toMatchObject({ outcome: 'already', slot: 1 });
    expect((await world.expectSettled()).head?.frame.signers).toEqual([1]);
  });

  it('lets a lost creation not arrive after another decision took its place', async () => {
    const { world, request } = await SCENARIOS['an approval of another proposal'](under());
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
    const { world, request } = await SCENARIOS['an approval of another proposal'](under());
    const before = await world.objects();
    const store = faultyStore(world.store, ({ operation, key }) =>
      operation === 'get' && key.startsWith('history/') ? 'unavailable' : undefined,
    );
    expect((await refusalOf(world.decide(request, store))).code).toBe('store_unavailable');
    expect((await refusalOf(world.repair(store))).code).toBe('store_unavailable');
    expect(await world.objects()).toEqual(before);
  });

  it('passes on a full store, and nothing is decided', async () => {
    const { world, request } = await SCENARIOS['the first approval'](under());
    const before = await world.objects();
    const full = faultyStore(world.store, (call) => (isWrite(call) ? 'full' : undefined));
    expect((await refusalOf(world.decide(request, full))).code).toBe('store_full');
    expect(await world.objects()).toEqual(before);
  });
}

const isWrite = ({ operation }: Call): boolean =>
  operation === 'create' || operation === 'replace' || operation === 'delete';
