import { expect } from 'vitest';
import type { DecisionRequest } from '../../../functions/approval/demands.ts';
import { keysetKey } from '../../../protocol/keys.ts';
import { makeSite } from '../../support/site.ts';
import { makeWorld } from './world.ts';
import type { StoreUnderTest, World } from './world.ts';

/** A decision that is about to be made. */
export interface Scenario {
  readonly world: World;
  readonly request: DecisionRequest;
}

export type Prepare = (under: StoreUnderTest) => Promise<Scenario>;

/** Each type of decision, on a node where it is the next thing to happen. */
export const SCENARIOS = {
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
} satisfies Record<string, Prepare>;

/** Those of which no two write the same: the others differ in what they read and check. */
export const WRITES = Object.entries<Prepare>(SCENARIOS).filter(([title]) =>
  ['the first approval', 'an approval of another proposal', 'a rejection'].includes(title),
);

/** It is the newest decision, there is one entry of it, and everything follows from it. */
export async function expectDecidedOnce(world: World, request: DecisionRequest): Promise<void> {
  const history = await world.expectSettled();
  expect(history.head?.frame.statementDigest).toEqual(request.statement.digest);
  expect(history.junk).toEqual([]);
  const { type, digest } = request.statement.statement;
  if (type !== 'reject') return;
  expect((await world.rejection(digest))?.bundle?.digest).toEqual(digest);
}
