import { expect, it } from 'vitest';
import { nodePrefix } from '../../../protocol/keys.ts';
import type { ObjectStore } from '../../../store/port.ts';
import { after } from '../../support/site.ts';
import { makeWorld, refusalOf } from './world.ts';
import type { StoreUnderTest, World } from './world.ts';

/**
 * Listings as any store may give them: they show all that was there when they began, and of what is
 * created meanwhile any part.
 */
export function listingsContract(under: () => StoreUnderTest): void {
  it('does not call a decision refused that a listing missed, when it showed the next one', async () => {
    const world = makeWorld(under());
    const first = world.request({ type: 'approve', proposal: await world.propose('a') });
    const missing = missesFirst(world, async () => {
      const place = await world.next(first);
      await world.next(world.request({ type: 'revoke', place }));
    });
    expect(await world.decide(first, missing)).toMatchObject({ outcome: 'already' });
    await world.expectSettled();
  });

  it('does not decide a proposal again whose decision a listing missed', async () => {
    const world = makeWorld(under());
    const proposal = await world.propose('a');
    const first = world.request({ type: 'approve', proposal });
    const revoke = world.request({ type: 'revoke', place: after(first.statement) });
    const place = after(revoke.statement);
    const missing = missesFirst(world, async () => {
      await world.next(first);
      await world.next(revoke);
    });
    const reject = world.request({ type: 'reject', proposal, place });
    expect((await refusalOf(world.decide(reject, missing))).code).toBe('already_decided');
    expect((await world.expectSettled()).entries).toHaveLength(2);
  });
}

/** The next listing of the history begins, `meanwhile` happens, and the listing misses its first. */
function missesFirst(world: World, meanwhile: () => Promise<void>): ObjectStore {
  let isNext = true;
  return {
    ...world.store,
    list: async (prefix, options) => {
      if (!isNext || prefix !== nodePrefix('history', world.node.id)) {
        return world.store.list(prefix, options);
      }
      isNext = false;
      await meanwhile();
      const page = await world.store.list(prefix, options);
      return { ...page, objects: page.objects.slice(1) };
    },
  };
}
