import { expect, it } from 'vitest';
import { withdraw } from '../../../functions/approval/withdraw.ts';
import { codeOf } from '../../../protocol/errors.ts';
import { digestHex, pendingKey } from '../../../protocol/keys.ts';
import { makeAdmin, makeNode, makeSite } from '../../support/site.ts';
import type { TestAdmin, TestProposal } from '../../support/site.ts';
import { faultyStore } from './faulty-store.ts';
import { expectDecidedOnce } from './scenarios.ts';
import { makeWorld } from './world.ts';
import type { StoreUnderTest, World } from './world.ts';

/** What an administrator uploaded for a decision that came too late goes away again, and nothing else. */
export function withdrawnContract(under: () => StoreUnderTest): void {
  const ada = makeAdmin('ada');
  const bob = makeAdmin('bob');
  const shared = (): World => makeWorld(under(), makeSite({ admins: [ada, bob] }));

  it('takes away what the same key signed and no entry names', async () => {
    const world = shared();
    const proposal = await world.propose('a', ada);
    expect(await takeBack(world, proposal, ada)).toBe(true);
    expect(await isThere(world, proposal)).toBe(false);
    expect(await takeBack(world, proposal, ada)).toBe(false);
    await world.expectSettled();
  });

  it("leaves a node's proposal, another administrator's, and what is none", async () => {
    const world = shared();
    const ofNode = await world.propose('a');
    const ofAda = await world.propose('b', ada);
    const junk = { bytes: Uint8Array.of(1, 2, 3), digest: new Uint8Array(32).fill(7) };
    await world.upload(junk);
    const misnamed = { ...ofAda, digest: new Uint8Array(32).fill(8) };
    await world.upload(misnamed);
    for (const [proposal, who] of [
      ...([
        [ofNode, ada],
        [ofAda, bob],
        [junk, ada],
        [misnamed, ada],
      ] as const),
    ]) {
      expect(await takeBack(world, proposal, who)).toBe('bad_signer');
      expect(await isThere(world, proposal)).toBe(true);
    }
    const impostor = { ...ada, identity: makeNode('of an impostor') };
    expect(await takeBack(world, ofAda, impostor)).toBe('bad_signer');
  });

  it.each(['approve', 'reject'] as const)('refuses what is decided by %s', async (type) => {
    const world = shared();
    const proposal = await world.propose('a', ada);
    const request = world.request({ type, proposal });
    await world.next(request);
    expect(await takeBack(world, proposal, ada)).toBe('already_decided');
    await world.upload(proposal);
    expect(await takeBack(world, proposal, ada)).toBe('already_decided');
    await world.repair();
    await expectDecidedOnce(world, request);
  });

  it('changes no approval, between any two of whose calls it comes', async () => {
    for (let n = 1, wasLast = false; !wasLast; n++) {
      const world = shared();
      const { place } = await world.approve('before');
      const proposal = await world.propose('a', ada);
      const request = world.request({ type: 'approve', place, proposal });
      let calls = 0;
      let came: unknown;
      const store = faultyStore(world.store, async ({ index }) => {
        calls = index;
        if (index === n) came = await takeBack(world, proposal, ada);
        return undefined;
      });
      const outcome = await world.decide(request, store).catch(codeOf);
      wasLast = calls < n;
      if (outcome === 'not_found') expect(came).toBe(true);
      else {
        expect(outcome).toMatchObject({ outcome: 'decided', published: true });
        await expectDecidedOnce(world, request);
      }
    }
  });

  async function takeBack(
    world: World,
    { digest }: TestProposal,
    { identity }: Pick<TestAdmin, 'identity'>,
  ): Promise<unknown> {
    const record = { store: world.store, site: world.site, node: world.node.id };
    return withdraw(record, digestHex(digest), identity.signKey).catch(codeOf);
  }
}

const isThere = async ({ bucket, node }: World, { digest }: TestProposal): Promise<boolean> =>
  (await bucket.head(pendingKey(node.id, digestHex(digest)))) !== undefined;
