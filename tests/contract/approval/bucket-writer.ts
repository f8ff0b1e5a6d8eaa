import { expect, it } from 'vitest';
import { encodeFrame } from '../../../bundle/frame.ts';
import { MAX_ENTRY_BYTES } from '../../../protocol/history.ts';
import { approvedKey, digestHex, historyKey, keysetKey } from '../../../protocol/keys.ts';
import { pendingKey, rejectedKey } from '../../../protocol/keys.ts';
import { settleDecided } from '../../../functions/approval/repair.ts';
import { after } from '../../support/site.ts';
import { faultyStore, overwrite } from './faulty-store.ts';
import { expectRefused, makeWorld } from './world.ts';
import type { StoreUnderTest } from './world.ts';

const JUNK = new Uint8Array(500).fill(0x55);

/** Somebody who can write the bucket: junk costs a slot or a round, and decides nothing. */
export function bucketWriterContract(under: () => StoreUnderTest): void {
  it('takes the next free slot where junk is in the way, and signatures stay good', async () => {
    const world = makeWorld(under());
    const { bucket, node } = world;
    const { place } = await world.approve('a');
    await bucket.create(historyKey(node.id, 2), JUNK);
    await bucket.create(historyKey(node.id, 3), new Uint8Array(MAX_ENTRY_BYTES + 1));
    await bucket.create(historyKey(node.id, 9_999_999_999), JUNK);
    const request = world.request({ type: 'revoke', place });
    expect(await world.decide(request)).toMatchObject({ outcome: 'decided', slot: 4 });
    expect((await world.repair()).junk).toEqual([
      { slot: 2, code: 'bad_magic' },
      { slot: 3, code: 'too_large' },
      { slot: 9_999_999_999, code: 'bad_magic' },
    ]);
    await world.expectSettled();
  });

  it('starts a record above junk', async () => {
    const world = makeWorld(under());
    await world.bucket.create(historyKey(world.node.id, 1), JUNK);
    const proposal = await world.propose('a');
    const request = world.request({ type: 'approve', proposal });
    expect(await world.decide(request)).toMatchObject({ slot: 2 });
    await world.expectSettled();
  });

  it('goes on when junk appears in the slot at the last moment, again and again', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const request = world.request({ type: 'revoke', place });
    let junk = 0;
    const store = faultyStore(world.store, async ({ operation, key }) => {
      if (operation !== 'create' || !key.startsWith('history/') || junk === 3) return undefined;
      junk++;
      await world.bucket.create(historyKey(world.node.id, 1 + junk), JUNK);
      return undefined;
    });
    expect(await world.decide(request, store)).toMatchObject({ outcome: 'decided', slot: 5 });
    await world.expectSettled();
  });

  it('does not call a decision published whose bundle somebody kept out, and goes on', async () => {
    const world = makeWorld(under());
    const proposal = await world.propose('a');
    const request = world.request({ type: 'approve', proposal });
    const frame = encodeFrame({ chain: [world.site.pinned], statement: request.statement });
    await world.bucket.create(historyKey(world.node.id, 1), frame);
    const outcome = await world.decide(request);
    expect(outcome).toMatchObject({ outcome: 'already', slot: 1, published: false });
    expect((await world.repair()).published).toBe(false);
    await world.approve('b', after(request.statement));
    await world.expectSettled();
  });

  it('does not count a statement that lost its race and is slipped in later', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const proposal = await world.propose('b');
    const loser = world.request({ type: 'approve', place, proposal, more: { seq: 70 } });
    const winner = world.request({ type: 'reject', place, proposal });
    await world.next(winner);
    const frame = encodeFrame({
      chain: [world.site.pinned],
      statement: loser.statement,
      bundle: proposal.bytes,
    });
    await world.bucket.create(historyKey(world.node.id, 3), frame);
    expect((await world.repair()).junk).toEqual([{ slot: 3, code: 'head_moved' }]);
    expect((await world.shown())?.statement.seq).toBe(1);
    await expectRefused(world, loser, 'head_moved');
    const next = world.request({ type: 'revoke', place: after(winner.statement) });
    expect(await world.decide(next)).toMatchObject({ slot: 4, published: true });
    await world.expectSettled();
  });

  it('does not lose a decision because of what is slipped in right before it', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const stale = await world.approve('b', place);
    const loser = world.request({ type: 'revoke', place, more: { seq: 70 } });
    const frame = encodeFrame({ chain: [world.site.pinned], statement: loser.statement });
    const request = world.request({ type: 'revoke', place: stale.place });
    let slipped = false;
    const store = faultyStore(world.store, async ({ operation, key }) => {
      if (operation !== 'create' || !key.startsWith('history/') || slipped) return undefined;
      slipped = true;
      await world.bucket.create(historyKey(world.node.id, 3), frame);
      return undefined;
    });
    expect(await world.decide(request, store)).toMatchObject({ outcome: 'decided', slot: 4 });
    await world.expectSettled();
  });

  it('does not lose a decision to one that was put ahead, above a free slot', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const ahead = world.request({ type: 'revoke', place, more: { reason: 'put ahead' } });
    const stalled = world.request({ type: 'revoke', place, more: { reason: 'stalled' } });
    const store = faultyStore(world.store, async ({ operation, key }) => {
      if (operation !== 'create' || !key.startsWith('history/')) return undefined;
      // The stalled one has listed; now the other one is put one slot too high.
      const frame = encodeFrame({ chain: [world.site.pinned], statement: ahead.statement });
      await world.bucket.create(historyKey(world.node.id, 3), frame);
      const follower = world.request({ type: 'reconfigure', place: after(ahead.statement) });
      await expectRefused(world, follower, 'head_moved');
      return undefined;
    });
    expect(await world.decide(stalled, store)).toMatchObject({ outcome: 'decided', slot: 2 });
    expect((await world.repair()).junk).toEqual([{ slot: 3, code: 'head_moved' }]);
    await world.expectSettled();
  });

  it('replaces junk at approved/, by a repair and by the next decision', async () => {
    const world = makeWorld(under());
    const key = approvedKey(world.node.id);
    let { place } = await world.approve('a');
    for (const junk of [JUNK, new Uint8Array(), new Uint8Array(MAX_ENTRY_BYTES + 1)]) {
      await overwrite(world.bucket, key, junk);
      expect((await world.repair()).published).toBe(true);
      await world.expectSettled();
      await overwrite(world.bucket, key, junk);
      place = await world.next(world.request({ type: 'revoke', place }));
      await world.expectSettled();
    }
  });

  it('does not take back what took the place of junk that was too large to read', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const key = approvedKey(world.node.id);
    await overwrite(world.bucket, key, new Uint8Array(MAX_ENTRY_BYTES + 1));
    let others = 0;
    const store = faultyStore(world.store, async ({ operation }) => {
      if (operation === 'head' && others++ === 0) await world.approve('b', place);
      return undefined;
    });
    await world.repair(store);
    expect(others).toBeGreaterThan(0);
    await world.expectSettled();
  });

  it('cannot show a node nothing where junk is and nothing is decided, and says so', async () => {
    const world = makeWorld(under());
    await overwrite(world.bucket, approvedKey(world.node.id), JUNK);
    expect((await world.repair()).published).toBe(false);
    await world.approve('a');
    expect((await world.repair()).published).toBe(true);
    await world.expectSettled();
  });

  it("replaces an older copy, a rejection, another node's, and one without its bundle", async () => {
    const world = makeWorld(under());
    const other = makeWorld(under());
    await other.approve('theirs');
    const one = await world.approve('a');
    const refused = await world.propose('b');
    const reject = world.request({ type: 'reject', place: one.place, proposal: refused });
    await world.next(reject);
    await world.approve('c', after(reject.statement));
    const { entries } = await world.history();
    const [older, rejection, newest] = entries.map(({ bytes }) => bytes);
    const foreign = (await other.history()).head!.bytes;
    const bare = newest!.slice(0, newest!.length - entries[2]!.frame.bundle!.bytes.length);
    for (const wrong of [older!, rejection!, foreign, bare]) {
      await overwrite(world.bucket, approvedKey(world.node.id), wrong);
      expect((await world.repair()).published).toBe(true);
      await world.expectSettled();
    }
  });

  it('lets the record decide where a copy of the same seq says otherwise', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const loser = world.request({ type: 'revoke', place, more: { reason: 'lost' } });
    await world.next(world.request({ type: 'revoke', place }));
    const frame = encodeFrame({ chain: [world.site.pinned], statement: loser.statement });
    await overwrite(world.bucket, approvedKey(world.node.id), frame);
    expect((await world.repair()).published).toBe(true);
    await world.expectSettled();
  });

  it('does not take a copy back in seq, and says which seq to go above', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const loser = world.request({ type: 'revoke', place, more: { seq: 50 } });
    const next = await world.next(world.request({ type: 'revoke', place }));
    const frame = encodeFrame({ chain: [world.site.pinned], statement: loser.statement });
    await overwrite(world.bucket, approvedKey(world.node.id), frame);
    expect((await world.repair()).published).toBe(false);
    const request = world.request({ type: 'revoke', place: next });
    const low = await expectRefused(world, request, 'bad_sequence');
    expect(low.details).toEqual({ seq: 50 });
    await world.next(world.request({ type: 'revoke', place: next, more: { seq: 51 } }));
    await world.expectSettled();
  });

  it('replaces junk at rejected/', async () => {
    const world = makeWorld(under());
    const { proposal: inForce, place } = await world.approve('a');
    const proposal = await world.propose('b');
    const key = rejectedKey(world.node.id, digestHex(proposal.digest));
    await world.bucket.create(key, JUNK);
    await world.next(world.request({ type: 'reject', place, proposal }));
    expect((await world.rejection(proposal.digest))?.bundle?.bytes).toEqual(proposal.bytes);
    await world.expectSettled();

    const approval = await world.bucket.get(approvedKey(world.node.id), { maxBytes: 1 << 20 });
    for (const wrong of [JUNK, approval!.body]) {
      await overwrite(world.bucket, key, wrong);
      await world.repair();
      await world.expectSettled();
    }
    expect((await world.shown())?.bundle?.digest).toEqual(inForce.digest);
  });

  it('replaces junk at keysets/ of the pinned version', async () => {
    const world = makeWorld(under());
    await overwrite(world.bucket, keysetKey(1), JUNK);
    await world.approve('a');
    const object = await world.bucket.get(keysetKey(1), { maxBytes: 5000 });
    expect(object?.body).not.toEqual(JUNK);
  });

  it('leaves junk under history/ where it is, whatever is done', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    await world.bucket.create(historyKey(world.node.id, 2), JUNK);
    const before = (await world.objects())[historyKey(world.node.id, 2)];
    await world.repair();
    await world.next(world.request({ type: 'revoke', place }));
    await world.repair();
    expect((await world.objects())[historyKey(world.node.id, 2)]).toBe(before);
  });

  it('ignores keys that are none of ours', async () => {
    const world = makeWorld(under());
    const stray = `history/${world.node.id}/readme` as ReturnType<typeof approvedKey>;
    await world.bucket.create(stray, JUNK);
    await world.approve('a');
    await world.expectSettled();
  });

  it('hides and takes away a decided proposal that turns up again, and no other', async () => {
    const world = makeWorld(under());
    const { node, site, store, bucket } = world;
    const { proposal, place } = await world.approve('a');
    const refused = await world.propose('refused');
    await world.next(world.request({ type: 'reject', place, proposal: refused }));
    await world.upload(proposal);
    await world.upload(refused);
    const waiting = await world.propose('waiting');
    const digests = [proposal, refused, waiting].map(({ digest }) => digestHex(digest));
    const hidden = await settleDecided({ store, site, node: node.id }, digests);
    expect([...hidden]).toEqual(digests.slice(0, 2));
    const left = await Promise.all(
      digests.map((digest) => bucket.head(pendingKey(node.id, digest))),
    );
    expect(left.map((info) => info !== undefined)).toEqual([false, false, true]);
  });

  it('tells a rejection before a listing takes the refused proposal away', async () => {
    const world = makeWorld(under());
    const { node, site } = world;
    const proposal = await world.propose('a');
    const dying = faultyStore(world.store, ({ key }) =>
      key.startsWith('rejected/') ? 'unavailable' : undefined,
    );
    const request = world.request({ type: 'reject', proposal });
    expect(await world.decide(request, dying)).toMatchObject({ published: false });
    const digest = digestHex(proposal.digest);
    const where = { site, node: node.id };
    expect(await settleDecided({ ...where, store: dying }, [digest])).toEqual(new Set([digest]));
    expect(await world.bucket.head(pendingKey(node.id, digest))).toBeDefined();
    await settleDecided({ ...where, store: world.store }, [digest]);
    expect((await world.rejection(proposal.digest))?.bundle?.bytes).toEqual(proposal.bytes);
    await world.expectSettled();
  });

  it('does not show a bundle that was taken out of its entry', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    await world.approve('b', place);
    const { entries } = await world.history();
    const { bytes, frame } = entries[1]!;
    const bare = bytes.slice(0, bytes.length - frame.bundle!.bytes.length);
    await overwrite(world.bucket, historyKey(world.node.id, 2), bare);
    expect((await world.repair()).published).toBe(false);
    expect((await world.shown())?.bundle?.digest).toEqual(frame.bundle!.digest);
    expect((await world.history()).head?.forgotten).toBe(true);
  });
}
