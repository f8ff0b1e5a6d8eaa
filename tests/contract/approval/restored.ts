import { expect, it } from 'vitest';
import { encodeSignedKeyset } from '../../../bundle/keyset.ts';
import { doubt } from '../../../admin/doubt.ts';
import type { RecordDoubt } from '../../../admin/doubt.ts';
import type { Seen } from '../../../admin/memory.ts';
import { doubtText } from '../../../words/warnings.ts';
import { settleDecided } from '../../../functions/approval/repair.ts';
import { codeOf } from '../../../protocol/errors.ts';
import type { History } from '../../../protocol/history.ts';
import { approvedKey, digestHex, keysetKey, nodePrefix } from '../../../protocol/keys.ts';
import type { ObjectKey } from '../../../protocol/keys.ts';
import { memoryOf, verifyForNode } from '../../../protocol/verify.ts';
import type { NodeMemory } from '../../../protocol/verify.ts';
import { listAll } from '../../../store/port.ts';
import { after, makeAdmin, makeSite, nextKeyset } from '../../support/site.ts';
import type { After, TestProposal } from '../../support/site.ts';
import type { DecisionRequest } from '../../../functions/approval/demands.ts';
import { faultyStore } from './faulty-store.ts';
import { expectDecidedOnce, SCENARIOS } from './scenarios.ts';
import { expectRefused, holds, makeWorld } from './world.ts';
import type { StoreUnderTest, World } from './world.ts';

type Part = 'pending' | 'history' | 'approved' | 'rejected' | 'keysets';
const PARTS: readonly Part[] = ['pending', 'history', 'approved', 'rejected', 'keysets'];

type Copy = ReadonlyMap<ObjectKey, Uint8Array>;

/** A store of which an older copy was put back: what is lost, who notices, and how it goes on. */
export function restoredContract(under: () => StoreUnderTest): void {
  it('shows a node nothing that nobody approved, and one that remembers refuses to go back', async () => {
    const { world, old } = await restored(under());
    expect(await world.repair()).toMatchObject({ published: true, junk: [] });
    const history = await world.expectSettled();
    expect(history.head?.frame.statementDigest).toEqual(old.place.digest);
    expect(await boot(world)).toMatchObject({ seq: 1, digest: old.place.digest });
    expect(await boot(world, old.memory)).toBe('rollback_refused');
  });

  it("is noticed by an administrator's tool that remembers", async () => {
    const { world, old, before, newest } = await restored(under());
    expect(doubt(seen(before), seen(before))).toBeUndefined();
    expect(text(doubt(seen(before), seen(await world.history())))).toContain(
      'a backup was restored',
    );
    // Another decision at the same seq, made by a tool that remembers nothing.
    await world.next(world.request({ type: 'revoke', place: old.place }));
    expect((await world.history()).head?.frame.statement.seq).toBe(newest.seq);
    expect(text(doubt(seen(before), seen(await world.history())))).toContain(
      'somebody rewrote its log',
    );
  });

  it('goes on above what a tool remembers, and every node obeys that', async () => {
    const { world, old, newest } = await restored(under());
    const place = { digest: old.place.digest, seq: newest.seq };
    await world.next(world.request({ type: 'revoke', place }));
    await world.expectSettled();
    for (const memory of [undefined, old.memory]) {
      expect(await boot(world, memory)).toMatchObject({ seq: newest.seq + 1 });
    }
  });

  it('makes the lost decision once more when it is sent again, and it is the same to everybody', async () => {
    const { world, request, old } = await restored(under());
    expect(await world.decide(request)).toMatchObject({ outcome: 'decided', slot: 2 });
    await expectDecidedOnce(world, request);
    expect(await boot(world, old.memory)).toEqual(old.memory);
  });

  it('does not make the lost decision after another one, nor another one after it', async () => {
    for (const first of ['lost', 'other'] as const) {
      const { world, request, old, proposal } = await restored(under());
      const other = world.request({ type: 'reject', place: old.place, proposal });
      const [winner, loser] = first === 'lost' ? [request, other] : [other, request];
      await world.next(winner);
      await expectRefused(world, loser, 'head_moved');
      const { type } = loser.statement.statement;
      const later = world.request({ type, place: after(winner.statement), proposal });
      await expectRefused(world, later, type === 'reject' ? 'in_force' : 'already_decided');
      expect((await world.expectSettled()).entries).toHaveLength(2);
    }
  });

  it('lets a node that approves for itself go on above what it remembers', async () => {
    const world = makeWorld(under(), makeSite({ approval: 'none' }));
    const one = await world.next(world.ownRequest({ proposal: await world.propose('a') }));
    const copy = await copyOf(world);
    const more = await world.next(
      world.ownRequest({ place: one, proposal: await world.propose('b') }),
    );
    const memory = (await boot(world)) as NodeMemory;
    await putBack(world, copy);
    const place = { digest: one.digest, seq: more.seq };
    await world.next(world.ownRequest({ place, proposal: await world.propose('c') }));
    await world.expectSettled();
    expect(await boot(world, memory)).toMatchObject({ seq: 3 });
  });

  for (const part of PARTS) {
    it(`holds where only ${part}/ was put back`, async () => {
      const { world, request, old, newest, proposal } = await restored(under(), [part]);
      const isCut = part === 'history';
      expect((await world.repair()).published).toBe(!isCut);
      // Whatever was put back, the node is shown the newest that it was ever shown.
      expect(await boot(world, old.memory)).toEqual(old.memory);
      expect(holds(await world.history(), request)).toBe(!isCut);
      if (isCut) {
        const low = world.request({ type: 'revoke', place: old.place });
        const { details } = await expectRefused(world, low, 'bad_sequence');
        expect(details).toEqual({ seq: newest.seq });
        const place = { digest: old.place.digest, seq: newest.seq };
        await world.next(world.request({ type: 'revoke', place }));
      } else {
        const { store, site, node } = world;
        const digest = digestHex(proposal.digest);
        const hidden = await settleDecided({ store, site, node: node.id }, [digest]);
        expect(hidden).toEqual(new Set([digest]));
        await world.next(world.request({ type: 'revoke', place: newest }));
      }
      await world.expectSettled();
    });
  }

  it('holds for a copy that was taken at any call of a decision', async () => {
    for (const title of ['an approval of another proposal', 'a rejection'] as const) {
      for (let n = 1, taken = true; taken; n++) {
        const { world, request } = await SCENARIOS[title](under());
        let copy: Copy | undefined;
        const store = faultyStore(world.store, async ({ index }) => {
          if (index === n) copy = await copyOf(world);
          return undefined;
        });
        await world.decide(request, store);
        taken = copy !== undefined;
        if (copy === undefined) continue;
        await putBack(world, copy);
        const committed = holds(await world.history(), request);
        await world.repair();
        await world.expectSettled();
        const outcome = committed ? 'already' : 'decided';
        expect(await world.decide(request)).toMatchObject({ outcome, published: true });
        await expectDecidedOnce(world, request);
      }
    }
  });

  it('does not let a removed administrator decide, once the newest keyset is put back', async () => {
    const world = makeWorld(under());
    const bob = makeAdmin('bob');
    const next = nextKeyset({ signed: world.site.pinned, admins: world.admins }, [bob]);
    const { place } = await world.approve('a');
    const copy = await copyOf(world);
    await world.bucket.create(keysetKey(2), encodeSignedKeyset(next));
    const wish = { type: 'reconfigure', keyset: next.keyset, admins: [bob] } as const;
    const carried = (await world.history()).inForce!.frame.bundle!;
    await world.next(world.request({ ...wish, place, proposal: carried }));
    const newest = (await boot(world)) as NodeMemory;
    await putBack(world, copy);
    // The store has forgotten the change, and so whoever asks only the store is let in ...
    const removed = world.request({ type: 'revoke', place, more: { seq: 8 } });
    await world.next(removed);
    // ... but a node that remembers the keyset is not led back.
    expect(await boot(world, newest)).toBe('rollback_refused');
    await world.bucket.create(keysetKey(2), encodeSignedKeyset(next));
    const late = world.request({ type: 'reconfigure', place: after(removed.statement) });
    await expectRefused(world, late, 'stale_keyset');
    const again = { ...wish, place: after(removed.statement) };
    await world.next(world.request(again));
    expect(await boot(world, newest)).toMatchObject({ keysetVersion: 2, seq: 9 });
    await world.expectSettled();
  });
}

/** Approves one bundle, copies the store, approves another, boots, and puts the copy back. */
async function restored(
  under: StoreUnderTest,
  parts: readonly Part[] = PARTS,
): Promise<{
  world: World;
  /** The decision that the copy has, and what a node remembers that booted since. */
  old: { place: After; memory: NodeMemory };
  /** The decision that the copy has not. */
  newest: After;
  request: DecisionRequest;
  proposal: TestProposal;
  before: History;
}> {
  const world = makeWorld(under);
  const { place } = await world.approve('a');
  const proposal = await world.propose('b');
  const copy = await copyOf(world);
  const request = world.request({ type: 'approve', place, proposal });
  const newest = await world.next(request);
  const before = await world.history();
  const memory = (await boot(world)) as NodeMemory;
  await putBack(world, copy, parts);
  return { world, old: { place, memory }, newest, request, proposal, before };
}

async function copyOf({ bucket, node }: World): Promise<Copy> {
  const copy = new Map<ObjectKey, Uint8Array>();
  for (const part of PARTS) {
    for await (const { key } of listAll(bucket, prefixOf(part, node.id))) {
      const object = await bucket.get(key, { maxBytes: 1e6 });
      if (object !== undefined) copy.set(key, object.body);
    }
  }
  return copy;
}

/** Makes the store what it was, with everything gone that was made since. */
async function putBack({ bucket, node }: World, copy: Copy, parts = PARTS): Promise<void> {
  for (const part of parts) {
    const prefix = prefixOf(part, node.id);
    for await (const { key } of listAll(bucket, prefix)) await bucket.delete(key);
    for (const [key, body] of copy) if (key.startsWith(prefix)) await bucket.create(key, body);
  }
}

function prefixOf(part: Part, node: World['node']['id']): string {
  if (part === 'keysets') return 'keysets/';
  return part === 'approved' ? approvedKey(node) : nodePrefix(part, node);
}

/** What a node remembers that boots now, or why it refuses. */
async function boot({ bucket, site, node }: World, memory?: NodeMemory): Promise<unknown> {
  const object = await bucket.get(approvedKey(node.id), { maxBytes: 1e6 });
  const trust = { site, node: node.id, where: 'approved', ...(memory && { memory }) } as const;
  try {
    return memoryOf(verifyForNode(object!.body, trust));
  } catch (error) {
    return codeOf(error);
  }
}

const text = (said: RecordDoubt | undefined): string => (said === undefined ? '' : doubtText(said));

function seen({ head }: History): Seen | undefined {
  if (head === undefined) return undefined;
  const { slot, frame } = head;
  return { seq: frame.statement.seq, slot, digest: digestHex(frame.statementDigest) };
}
