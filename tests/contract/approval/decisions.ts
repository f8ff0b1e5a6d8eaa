import { expect, it } from 'vitest';
import { decide } from '../../../functions/approval/decide.ts';
import { repair } from '../../../functions/approval/repair.ts';
import {
  approvedKey,
  digestHex,
  historyKey,
  keysetKey,
  pendingKey,
} from '../../../protocol/keys.ts';
import { verifyForNode } from '../../../protocol/verify.ts';
import { encodeSignedKeyset } from '../../../bundle/keyset.ts';
import { after, makeAdmin, makeNode, makeSite, nextKeyset, NOTHING } from '../../support/site.ts';
import { propose, sign } from '../../support/site.ts';
import { expectRefused, makeWorld, refusalOf } from './world.ts';
import type { StoreUnderTest } from './world.ts';

/** What each type of decision does, and what it is refused for. */
export function decisionsContract(under: () => StoreUnderTest): void {
  it('shows the node what an administrator approved, and takes it out of pending', async () => {
    const world = makeWorld(under());
    const proposal = await world.propose('a');
    const request = world.request({ type: 'approve', proposal });
    expect(await world.decide(request)).toEqual({
      outcome: 'decided',
      slot: 1,
      statementDigest: digestHex(request.statement.digest),
      published: true,
    });
    expect((await world.shown())?.bundle?.bytes).toEqual(proposal.bytes);
    expect(Object.keys(await world.objects())).not.toContain(
      pendingKey(world.node.id, digestHex(proposal.digest)),
    );
    await world.expectSettled();
  });

  it('answers the same statement again with success, and decides nothing again', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const request = world.request({ type: 'revoke', place });
    await world.next(request);
    await world.next(world.request({ type: 'reconfigure', place: after(request.statement) }));
    expect(await world.decide(request)).toMatchObject({
      outcome: 'already',
      slot: 2,
      published: true,
    });
    expect((await world.expectSettled()).entries).toHaveLength(3);
  });

  it('takes a bundle that an administrator made, without the box key of the node', async () => {
    const world = makeWorld(under());
    const proposal = await world.propose('by ada', world.admins[0]);
    const { statement, by, from } = world.request({ type: 'approve', proposal });
    await world.next({ statement, by, from: from! });
    await world.expectSettled();
  });

  it('tells a rejection to the node, with its own refused proposal, and shows what it showed', async () => {
    const world = makeWorld(under());
    const { proposal: approved, place } = await world.approve('a');
    const refused = await world.propose('b');
    const more = { reason: 'the address is taken' };
    await world.next(world.request({ type: 'reject', place, proposal: refused, more }));
    const told = await world.rejection(refused.digest);
    expect(told?.statement.reason).toBe('the address is taken');
    expect(told?.bundle?.bytes).toEqual(refused.bytes);
    expect((await world.shown())?.bundle?.digest).toEqual(approved.digest);
    await world.expectSettled();
  });

  it('rejects a proposal that is not there', async () => {
    const world = makeWorld(under());
    const refused = propose({ keyset: world.keyset, node: world.node });
    await world.next(world.request({ type: 'reject', proposal: refused }));
    expect(await world.rejection(refused.digest)).not.toHaveProperty('bundle');
    await world.expectSettled();
  });

  it('rejects a proposal that is not what its name says, and does not pass it on', async () => {
    const world = makeWorld(under());
    const refused = propose({ keyset: world.keyset, node: world.node });
    await world.upload({ ...refused, bytes: new Uint8Array(300) });
    await world.next(world.request({ type: 'reject', proposal: refused }));
    expect(await world.rejection(refused.digest)).not.toHaveProperty('bundle');
    await world.expectSettled();
  });

  it('approves a digest again from the entry that holds it', async () => {
    const world = makeWorld(under());
    const { proposal, place } = await world.approve('a');
    const renew = { type: 'approve', place, proposal, from: { slot: 1 } } as const;
    await world.next(world.request({ ...renew, more: { expires: 1_900_000_000 } }));
    const history = await world.expectSettled();
    expect(history.inForce?.frame.statement.expires).toBe(1_900_000_000);
    expect((await world.shown())?.bundle?.bytes).toEqual(proposal.bytes);
  });

  it('rolls back to the bundle of an older entry', async () => {
    const world = makeWorld(under());
    const one = await world.approve('a');
    const two = await world.approve('b', one.place);
    const wish = { type: 'rollback', place: two.place, proposal: one.proposal } as const;
    await world.next(world.request({ ...wish, from: { slot: 1 } }));
    expect((await world.shown())?.bundle?.bytes).toEqual(one.proposal.bytes);
    await world.expectSettled();
  });

  it('rolls back to a bundle that was sealed anew', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const proposal = await world.propose('older', world.admins[0]);
    await world.next(world.request({ type: 'rollback', place, proposal, from: { pending: true } }));
    await world.expectSettled();
  });

  it('revokes, and approves again after it', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const revoked = await world.next(world.request({ type: 'revoke', place }));
    expect((await world.shown())?.statement.type).toBe('revoke');
    expect(await world.shown()).not.toHaveProperty('bundle');
    await world.approve('b', revoked);
    await world.expectSettled();
  });

  it('lets a reconfigure carry the bundle in force, and a second one too', async () => {
    const world = makeWorld(under());
    const { proposal, place } = await world.approve('a');
    const again = await world.next(world.request({ type: 'reconfigure', place, proposal }));
    await world.next(world.request({ type: 'reconfigure', place: again, proposal }));
    expect((await world.shown())?.bundle?.bytes).toEqual(proposal.bytes);
    await world.expectSettled();
  });

  it('lets a reconfigure carry none where none is in force, and only there', async () => {
    const world = makeWorld(under());
    const none = await world.next(world.request({ type: 'reconfigure' }));
    const { proposal, place } = await world.approve('a', none);
    await expectRefused(world, world.request({ type: 'reconfigure', place }), 'digest_mismatch');
    const revoked = await world.next(world.request({ type: 'revoke', place }));
    const old = { type: 'reconfigure', place: revoked, proposal } as const;
    await expectRefused(world, world.request(old), 'digest_mismatch');
    await world.next(world.request({ type: 'reconfigure', place: revoked }));
    await world.expectSettled();
  });

  it('takes a reconfigure whose bundle was sealed anew', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const proposal = await world.propose('a', world.admins[0]);
    const wish = { type: 'reconfigure', place, proposal, from: { pending: true } } as const;
    await world.next(world.request(wish));
    await world.expectSettled();
  });

  it('keeps what is shown through any number of rejections, and compares with the newest', async () => {
    const world = makeWorld(under());
    let { place } = await world.approve('a');
    for (const name of ['b', 'c', 'd']) {
      const proposal = await world.propose(name);
      place = await world.next(world.request({ type: 'reject', place, proposal }));
    }
    const history = await world.expectSettled();
    expect(history.head?.slot).toBe(4);
    expect(history.inForce?.slot).toBe(1);
  });

  it('names the new head when prev is another', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    for (const wrong of [NOTHING, { digest: new Uint8Array(32).fill(7), seq: 1 }]) {
      const request = world.request({ type: 'revoke', place: wrong, more: { seq: 9 } });
      const { details } = await expectRefused(world, request, 'head_moved');
      expect(details).toEqual({ head: digestHex(place.digest), seq: 1 });
    }
  });

  it('wants prev to be zeros where nothing is decided', async () => {
    const world = makeWorld(under());
    const place = { digest: new Uint8Array(32).fill(7), seq: 0 };
    const { details } = await expectRefused(
      world,
      world.request({ type: 'reconfigure', place }),
      'head_moved',
    );
    expect(details).toEqual({ head: '0'.repeat(64), seq: 0 });
  });

  it('wants a seq above that of the head, and lets it jump', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const same = world.request({ type: 'revoke', place, more: { seq: 1 } });
    expect((await expectRefused(world, same, 'bad_sequence')).details).toMatchObject({ seq: 1 });
    const jumped = await world.next(world.request({ type: 'revoke', place, more: { seq: 40 } }));
    await world.approve('b', jumped);
    expect((await world.expectSettled()).head?.frame.statement.seq).toBe(41);
  });

  it('wants the newest keyset, read without a cache', async () => {
    const world = makeWorld(under());
    const ada = world.admins[0]!;
    const bob = makeAdmin('bob');
    const next = nextKeyset({ signed: world.site.pinned, admins: [ada] }, [ada, bob]);
    const { keyset } = next;
    const early = world.request({ type: 'reconfigure', keyset });
    expect((await expectRefused(world, early, 'stale_keyset')).details).toEqual({ version: 1 });

    const { proposal, place } = await world.approve('a');
    await world.bucket.create(keysetKey(2), encodeSignedKeyset(next));
    const stale = world.request({ type: 'revoke', place });
    expect((await expectRefused(world, stale, 'stale_keyset')).details).toEqual({ version: 2 });

    // Its recipients are those of the old keyset: it has to be sealed again.
    const renew = { type: 'approve', place, proposal, from: { slot: 1 }, keyset } as const;
    await expectRefused(world, world.request(renew), 'bad_recipients');
    const resealed = propose({ keyset, node: world.node, by: bob.identity });
    await world.upload(resealed);
    const wish = { type: 'approve', place, proposal: resealed, keyset, admins: [bob] } as const;
    await world.next(world.request(wish));
    await world.expectSettled();
  });

  it('does not go below a broken link of the keysets', async () => {
    const world = makeWorld(under());
    await world.bucket.create(keysetKey(2), new Uint8Array(100));
    await expectRefused(world, world.request({ type: 'reconfigure' }), 'does_not_verify');
  });

  it('does not go below the keyset of the head when a restore lost the newest', async () => {
    const world = makeWorld(under());
    const bob = makeAdmin('bob');
    const next = nextKeyset({ signed: world.site.pinned, admins: world.admins }, [bob]);
    await world.bucket.create(keysetKey(2), encodeSignedKeyset(next));
    const wish = { type: 'reconfigure', keyset: next.keyset, admins: [bob] } as const;
    const place = await world.next(world.request(wish));
    await world.bucket.delete(keysetKey(2));
    await expectRefused(world, world.request({ type: 'revoke', place }), 'stale_keyset');
    await world.repair();
    expect(await world.bucket.head(keysetKey(2))).toBeDefined();
    await world.next(world.request({ ...wish, type: 'revoke', place }));
  });

  it('refuses a statement of another site, or about another node', async () => {
    const world = makeWorld(under());
    const foreign = { site: new Uint8Array(16).fill(9) };
    await expectRefused(world, world.request({ type: 'reconfigure', more: foreign }), 'wrong_site');
    const other = { node: makeNode('other').id };
    await expectRefused(
      world,
      world.request({ type: 'reconfigure', more: other }),
      'not_this_node',
    );
  });

  it("refuses another node's bundle, also with that node's box key", async () => {
    const world = makeWorld(under());
    const other = makeNode('other');
    const recipients = [world.node.boxKey, world.admins[0]!.identity.boxKey];
    const proposal = propose({ keyset: world.keyset, node: other, recipients });
    await world.upload(proposal);
    const request = world.request({ type: 'approve', proposal });
    await expectRefused(world, request, 'bad_signer');
    await expectRefused(world, { ...request, nodeBoxKey: other.boxKey }, 'bad_signer');
  });

  it('refuses a bundle of the node if nobody shows that the node made it', async () => {
    const world = makeWorld(under());
    const proposal = await world.propose('a');
    const { statement, by, from } = world.request({ type: 'approve', proposal });
    await expectRefused(world, { statement, by, from: from! }, 'bad_signer');
  });

  it('refuses a bundle made by a stranger', async () => {
    const world = makeWorld(under());
    const proposal = await world.propose('a', makeAdmin('mallory'));
    await expectRefused(world, world.request({ type: 'approve', proposal }), 'bad_signer');
    const wish = { type: 'rollback', proposal, from: { pending: true } } as const;
    await expectRefused(world, world.request(wish), 'bad_signer');
  });

  it('refuses a bundle with a recipient too few or too many', async () => {
    const world = makeWorld(under());
    const { node, keyset, admins } = world;
    const box = [node.boxKey, admins[0]!.identity.boxKey, makeAdmin('mallory').identity.boxKey];
    for (const count of [1, 3]) {
      const proposal = propose({ keyset, node, recipients: box.slice(0, count) });
      await world.upload(proposal);
      await expectRefused(world, world.request({ type: 'approve', proposal }), 'bad_recipients');
    }
  });

  it('refuses a digest that does not wait', async () => {
    const world = makeWorld(under());
    const proposal = propose({ keyset: world.keyset, node: world.node });
    await expectRefused(world, world.request({ type: 'approve', proposal }), 'not_found');
  });

  it('hashes the proposal itself, whatever its name says', async () => {
    const world = makeWorld(under());
    const proposal = await world.propose('a');
    const wanted = propose({ keyset: world.keyset, node: world.node });
    await world.upload({ digest: wanted.digest, bytes: proposal.bytes });
    const request = world.request({ type: 'approve', proposal: wanted });
    await expectRefused(world, request, 'digest_mismatch');
  });

  it("refuses a proposal over the site's limit", async () => {
    const world = makeWorld(under(), makeSite({ maxBundleBytes: 1024 }));
    const { node, keyset } = world;
    const files = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`etc/${makeNode(`${i}`).id}`, makeNode(`x${i}`).id]),
    );
    const proposal = propose({ keyset, node, files });
    expect(proposal.bytes.length).toBeGreaterThan(1024);
    await world.upload(proposal);
    await expectRefused(world, world.request({ type: 'approve', proposal }), 'too_large');
  });

  it('refuses a slot that holds no entry, or another bundle', async () => {
    const world = makeWorld(under());
    const one = await world.approve('a');
    const two = await world.approve('b', one.place);
    const wish = { type: 'rollback', place: two.place, proposal: one.proposal } as const;
    await expectRefused(world, world.request({ ...wish, from: { slot: 7 } }), 'not_found');
    await expectRefused(world, world.request({ ...wish, from: { slot: 2 } }), 'digest_mismatch');
    await expectRefused(world, world.request(wish), 'bad_request');
    const revoke = world.request({ type: 'revoke', place: two.place, from: { slot: 1 } });
    await expectRefused(world, revoke, 'bad_request');
  });

  it('does not reject what is in force', async () => {
    const world = makeWorld(under());
    const { proposal, place } = await world.approve('a');
    await expectRefused(world, world.request({ type: 'reject', place, proposal }), 'in_force');
  });

  it('takes a digest that any entry names for decided, wherever it turns up again', async () => {
    const world = makeWorld(under());
    const one = await world.approve('a');
    const two = await world.approve('b', one.place);
    const refused = await world.propose('c');
    const place = await world.next(
      world.request({ type: 'reject', place: two.place, proposal: refused }),
    );
    await world.upload(refused);
    await world.upload(one.proposal);
    for (const proposal of [refused, one.proposal]) {
      const approve = world.request({ type: 'approve', place, proposal });
      await expectRefused(world, approve, 'already_decided');
      const reject = world.request({ type: 'reject', place, proposal });
      await expectRefused(world, reject, 'already_decided');
    }
    expect((await world.repair()).cleaned).toHaveLength(2);
    await world.expectSettled();
  });

  it('refuses a statement that nobody, a stranger, or too few signed', async () => {
    const ada = makeAdmin('ada');
    const bob = makeAdmin('bob');
    const world = makeWorld(under(), makeSite({ admins: [ada, bob], threshold: 2 }));
    const { keyset } = world;
    const wish = { type: 'reconfigure' } as const;
    await expectRefused(world, world.request({ ...wish, admins: [] }), 'threshold_not_met');
    await expectRefused(world, world.request({ ...wish, admins: [ada] }), 'threshold_not_met');
    const eve = { ...makeAdmin('eve'), key: bob.key };
    await expectRefused(world, world.request({ ...wish, admins: [ada, eve] }), 'bad_signature');
    await world.next(world.request({ ...wish, admins: [ada, bob] }));
    expect(keyset.threshold).toBe(2);
  });

  it('lets a "first" key approve a node once, and nothing else', async () => {
    const admins = [makeAdmin('ada'), makeAdmin('robot', 'first')];
    const robot = [admins[1]!];
    const world = makeWorld(under(), makeSite({ admins }));
    const reconfigure = world.request({ type: 'reconfigure', admins: robot });
    await expectRefused(world, reconfigure, 'key_not_allowed');
    const proposal = await world.propose('a');
    const place = await world.next(world.request({ type: 'approve', proposal, admins: robot }));
    const second = await world.propose('b');
    const again = { type: 'approve', proposal: second, admins: robot } as const;
    await expectRefused(world, world.request(again), 'head_moved');
    await expectRefused(world, world.request({ ...again, place }), 'key_not_allowed');
  });

  it('goes on with a record whose oldest entries an operator pruned', async () => {
    const world = makeWorld(under());
    const one = await world.approve('a');
    const two = await world.approve('b', one.place);
    await world.bucket.delete(historyKey(world.node.id, 1));
    const { place } = await world.approve('c', two.place);
    const history = await world.expectSettled();
    expect(history.entries.map(({ slot }) => slot)).toEqual([2, 3]);
    const gone = { type: 'rollback', place, proposal: one.proposal, from: { slot: 1 } } as const;
    await expectRefused(world, world.request(gone), 'not_found');
  });

  it('does not decide what the node could never be shown, when its history was cut', async () => {
    const world = makeWorld(under());
    const one = await world.approve('a');
    await world.approve('b', { ...one.place, seq: 8 });
    await world.bucket.delete(historyKey(world.node.id, 2));
    expect((await world.repair()).published).toBe(false);
    const low = world.request({ type: 'revoke', place: one.place });
    expect((await expectRefused(world, low, 'bad_sequence')).details).toEqual({ seq: 9 });
    const remembering = { type: 'revoke', place: one.place, more: { seq: 10 } } as const;
    await world.next(world.request(remembering));
    await world.expectSettled();
  });

  it('puts back the pinned keyset, at the first decision and by a repair', async () => {
    const world = makeWorld(under());
    await world.approve('a');
    expect(await world.bucket.head(keysetKey(1))).toBeDefined();
    await world.bucket.delete(keysetKey(1));
    await world.repair();
    expect(await world.bucket.head(keysetKey(1))).toBeDefined();
  });

  it('carries the chain of keysets in each entry, so that any copy proves itself', async () => {
    const world = makeWorld(under());
    const bob = makeAdmin('bob');
    const next = nextKeyset({ signed: world.site.pinned, admins: world.admins }, [bob]);
    await world.bucket.create(keysetKey(2), encodeSignedKeyset(next));
    const wish = { type: 'reconfigure', keyset: next.keyset, admins: [bob] } as const;
    await world.next(world.request(wish));
    expect((await world.shown())?.chain.map(({ keyset }) => keyset.version)).toEqual([1, 2]);
  });

  it('goes on with the record when the site pins a later keyset, for old images and new', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const bob = makeAdmin('bob');
    const next = nextKeyset({ signed: world.site.pinned, admins: world.admins }, [bob]);
    await world.bucket.create(keysetKey(2), encodeSignedKeyset(next));
    const later = { ...world.site, pinned: next, ancestors: [world.site.pinned] };
    const wish = { type: 'revoke', place, keyset: next.keyset, admins: [bob] } as const;
    const record = { store: world.store, site: later, node: world.node.id };
    const outcome = { outcome: 'decided', slot: 2, published: true };
    expect(await decide({ ...record, ...world.request(wish) })).toMatchObject(outcome);
    expect(await repair(record)).toEqual({ published: true, junk: [], cleaned: [], written: [] });
    const bytes = (await world.bucket.get(approvedKey(world.node.id), { maxBytes: 1e6 }))!.body;
    for (const site of [world.site, later, { ...world.site, pinned: next }]) {
      const trust = { site, node: world.node.id, where: 'approved' } as const;
      expect(verifyForNode(bytes, trust).statement.type).toBe('revoke');
    }
  });

  it('refuses a statement signed for a keyset that it does not name', async () => {
    const world = makeWorld(under());
    const { statement } = world.request({ type: 'reconfigure' });
    const other = makeSite({ name: 'other', admins: [makeAdmin('eve')] });
    const forged = sign(statement.statement, other.site.pinned.keyset, other.admins[0]!);
    const error = await refusalOf(
      world.decide({ ...world.request({ type: 'reconfigure' }), statement: forged }),
    );
    expect(error.code).toBe('bad_signature');
  });
}
