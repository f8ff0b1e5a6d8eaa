import { expect, it } from 'vitest';
import { makeNode, makeSite, NOTHING, propose, sign, signAsNode } from '../../support/site.ts';
import { makeStatement } from '../../support/site.ts';
import { expectRefused, makeWorld } from './world.ts';
import type { StoreUnderTest } from './world.ts';

/** The policy `approval: none`: a node that approves for itself, and where it may not. */
export function ownApprovalsContract(under: () => StoreUnderTest): void {
  const open = makeSite({ approval: 'none' });

  it('lets a node approve its own proposal after nothing and after itself', async () => {
    const world = makeWorld(under(), open);
    const one = await world.propose('a');
    const place = await world.next(world.ownRequest({ proposal: one }));
    const two = await world.propose('b');
    await world.next(world.ownRequest({ proposal: two, place }));
    expect((await world.shown())?.self).toBe(true);
    expect((await world.shown())?.bundle?.bytes).toEqual(two.bytes);
    await world.expectSettled();
  });

  it('refuses it everywhere unless the policy says so', async () => {
    const world = makeWorld(under());
    const proposal = await world.propose('a');
    const request = world.ownRequest({ proposal });
    await expectRefused(world, request, 'approval_required');
    await expectRefused(world, { ...request, by: 'admin' }, 'self_signed_refused');
  });

  it("does not take a node's statement from an administrator, nor the other way round", async () => {
    const world = makeWorld(under(), open);
    const proposal = await world.propose('a');
    const own = world.ownRequest({ proposal });
    await expectRefused(world, { ...own, by: 'admin' }, 'self_signed_refused');
    const admins = world.request({ type: 'approve', proposal });
    await expectRefused(world, { ...admins, by: 'node' }, 'bad_signer');
  });

  it.each(['approve', 'rollback', 'revoke', 'reject'] as const)(
    "does not let a node follow an administrator's %s",
    async (type) => {
      const world = makeWorld(under(), open);
      const one = await world.propose('a');
      let place = await world.next(world.ownRequest({ proposal: one }));
      const proposal = type === 'rollback' ? one : await world.propose('b');
      const from = type === 'rollback' ? { from: { slot: 1 } } : {};
      const named = type === 'revoke' ? {} : { proposal };
      place = await world.next(world.request({ type, place, ...named, ...from }));
      const own = await world.propose('c');
      await expectRefused(world, world.ownRequest({ proposal: own, place }), 'approval_required');

      const { inForce } = await world.history();
      const carried = inForce?.frame.bundle;
      const handBack = carried ? { proposal: carried } : {};
      place = await world.next(world.request({ type: 'reconfigure', place, ...handBack }));
      await world.next(world.ownRequest({ proposal: own, place }));
      await world.expectSettled();
    },
  );

  it('does not let a node approve again what it approved: that would fill the bucket', async () => {
    const world = makeWorld(under(), open);
    const proposal = await world.propose('a');
    const place = await world.next(world.ownRequest({ proposal }));
    const again = world.ownRequest({ proposal, place });
    await expectRefused(world, { ...again, from: { slot: 1 } }, 'bad_request');
  });

  it("does not take a node's approval for an administrator's that says the same", async () => {
    for (const first of ['node', 'admin'] as const) {
      const world = makeWorld(under(), open);
      const proposal = await world.propose('a');
      const own = world.ownRequest({ proposal });
      const admins = world.request({ type: 'approve', proposal });
      expect(own.statement.digest).toEqual(admins.statement.digest);
      const [winner, loser] = first === 'node' ? [own, admins] : [admins, own];
      await world.next(winner);
      expect((await expectRefused(world, loser, 'head_moved')).details).toMatchObject({ seq: 1 });
      expect((await world.expectSettled()).head?.frame.self).toBe(first === 'node');
    }
  });

  it('lets an administrator follow a node', async () => {
    const world = makeWorld(under(), open);
    const proposal = await world.propose('a');
    const place = await world.next(world.ownRequest({ proposal }));
    await world.next(world.request({ type: 'revoke', place }));
    await world.expectSettled();
  });

  it('lets a node sign nothing but an approval', async () => {
    const world = makeWorld(under(), open);
    const proposal = await world.propose('a');
    for (const type of ['reject', 'revoke', 'reconfigure', 'rollback'] as const) {
      const isEmpty = type === 'revoke' || type === 'reconfigure';
      const statement = signAsNode(
        makeStatement(world.keyset, world.node.id, type, NOTHING, {
          ...(isEmpty ? {} : { digest: proposal.digest }),
        }),
        world.node,
      );
      const from = type === 'rollback' ? { from: { pending: true as const } } : {};
      await expectRefused(world, { statement, by: 'node', ...from }, 'self_signed_refused');
    }
  });

  it('does not let a node approve for another, nor with an administrator beside it', async () => {
    const world = makeWorld(under(), open);
    const proposal = await world.propose('a');
    const wanted = makeStatement(world.keyset, world.node.id, 'approve', NOTHING, {
      digest: proposal.digest,
    });
    const from = { pending: true as const };
    const foreign = signAsNode(wanted, makeNode('other'));
    await expectRefused(world, { statement: foreign, by: 'node', from }, 'bad_signer');
    const both = signAsNode(wanted, world.node);
    const admins = sign(wanted, world.keyset, world.admins[0]!);
    const statement = { ...both, signatures: [...admins.signatures, ...both.signatures] };
    await expectRefused(world, { statement, by: 'node', from }, 'self_signed_refused');
  });

  it("refuses a node's approval of a bundle that another node made", async () => {
    const world = makeWorld(under(), open);
    const proposal = propose({ keyset: world.keyset, node: makeNode('other') });
    await world.upload(proposal);
    await expectRefused(world, world.ownRequest({ proposal }), 'bad_signer');
  });

  it('does not let a node take the seqs that an administrator needs to revoke it', async () => {
    const world = makeWorld(under(), open);
    const proposal = await world.propose('a');
    const more = { seq: Number.MAX_SAFE_INTEGER };
    await expectRefused(world, world.ownRequest({ proposal, more }), 'bad_sequence');
    // A node that remembers more than a restored store shows still gets through.
    await world.next(world.ownRequest({ proposal, more: { seq: 1000 } }));
  });
}
