import { expect, it } from 'vitest';
import { equalBytes } from '../../../bundle/bytes.ts';
import { encodeSignedStatement } from '../../../bundle/statement.ts';
import { encodeSignedKeyset } from '../../../bundle/keyset.ts';
import { cosign, MAX_UNDER_WAY } from '../../../functions/approval/cosign.ts';
import { withdraw } from '../../../functions/approval/withdraw.ts';
import { codeOf } from '../../../protocol/errors.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import { cosignKey, digestHex, keysetKey, nodePrefix } from '../../../protocol/keys.ts';
import { listAll } from '../../../store/port.ts';
import { after, makeAdmin, makeSite, nextKeyset, sign } from '../../support/site.ts';
import type { TestAdmin } from '../../support/site.ts';
import { faultyStore } from './faulty-store.ts';
import type { Fault } from './faulty-store.ts';
import { holds, makeWorld } from './world.ts';
import type { StoreUnderTest, Wish, World } from './world.ts';

/** One signs now, another later: a signature that lacks others lies in `cosign/` and decides nothing. */
export function cosignedContract(under: () => StoreUnderTest): void {
  const [ada, bob, cyd] = ['ada', 'bob', 'cyd'].map((name) => makeAdmin(name)) as [
    TestAdmin,
    TestAdmin,
    TestAdmin,
  ];
  const robot = makeAdmin('robot', 'first');
  const shared = (): World =>
    makeWorld(under(), makeSite({ admins: [ada, bob, cyd, robot], threshold: 2 }));

  const bring = (world: World, wish: Wish, by: TestAdmin, store = world.store) =>
    cosign(
      { store, site: world.site, node: world.node.id, ...world.request({ ...wish, admins: [by] }) },
      by.identity.signKey,
    );
  const brings = (...args: Parameters<typeof bring>): Promise<string> =>
    bring(...args).then(({ outcome }) => outcome, codeOf);
  async function lying(world: World): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of listAll(world.bucket, nodePrefix('cosign', world.node.id))) {
      keys.push(key);
    }
    return keys;
  }
  const both = { admins: [ada, bob] };

  it('keeps each signature once, and is decided by whoever brings all of them', async () => {
    const world = shared();
    const proposal = await world.propose('a');
    const wish = { type: 'approve', proposal } as const;
    const { statement } = world.request({ ...wish, admins: [ada] });
    expect(await brings(world, wish, ada)).toBe('created');
    expect(await brings(world, wish, ada)).toBe('already');
    const key = cosignKey(world.node.id, digestHex(statement.digest), 0);
    expect(await lying(world)).toEqual([key]);
    const object = await world.bucket.get(key, { maxBytes: 1000 });
    expect(object?.body).toEqual(encodeSignedStatement(statement));
    expect((await world.history()).entries).toEqual([]);
    expect(await world.shown()).toBeUndefined();
    await world.next(world.request({ ...wish, ...both }));
    expect(await lying(world)).toEqual([]);
    await world.expectSettled();
    expect(await brings(world, wish, cyd)).toBe('already_decided');
    expect(await lying(world)).toEqual([]);
  });

  it('keeps nothing that would be no decision with more signatures', async () => {
    const world = shared();
    const first = await world.propose('a');
    const wish = { type: 'approve', proposal: first } as const;
    const place = await world.next(world.request({ ...wish, ...both }));
    const proposal = await world.propose('b');
    const good = { type: 'approve', proposal, place } as const;
    const later = nextKeyset({ signed: world.site.pinned, admins: [ada, bob] }, [ada, bob, cyd], 2);
    const refused: [Wish, TestAdmin, ErrorCode][] = [
      [{ type: 'approve', proposal }, ada, 'head_moved'],
      [{ ...good, more: { digest: new Uint8Array(32).fill(5) } }, ada, 'not_found'],
      [{ ...good, more: { seq: 1 } }, ada, 'bad_sequence'],
      [{ ...good, proposal: first, from: { slot: 2 } }, ada, 'not_found'],
      [{ ...good, keyset: later.keyset }, ada, 'stale_keyset'],
      [{ type: 'reject', proposal: first, place }, ada, 'in_force'],
      [{ ...good, more: { site: new Uint8Array(16).fill(1) } }, ada, 'wrong_site'],
      [good, robot, 'key_not_allowed'],
    ];
    for (const [bad, by, code] of refused) expect(await brings(world, bad, by)).toBe(code);
    const record = { store: world.store, site: world.site, node: world.node.id };
    const request = world.request({ ...good, ...both });
    const two = cosign({ ...record, ...request }, ada.identity.signKey);
    expect(await two.catch(codeOf)).toBe('bad_request');
    const ofBob = world.request({ ...good, admins: [bob] });
    const byAda = cosign({ ...record, ...ofBob }, ada.identity.signKey);
    expect(await byAda.catch(codeOf)).toBe('bad_signer');
    const forged = {
      ...ofBob.statement,
      signatures: [{ ...request.statement.signatures[0]!, keyIndex: 1 }],
    };
    const byBob = cosign({ ...record, ...ofBob, statement: forged }, bob.identity.signKey);
    expect(await byBob.catch(codeOf)).toBe('bad_signature');
    expect(await lying(world)).toEqual([]);
  });

  it('is not for a site where one signature is enough', async () => {
    const world = makeWorld(under(), makeSite({ admins: [ada, bob] }));
    const proposal = await world.propose('a');
    expect(await brings(world, { type: 'approve', proposal }, ada)).toBe('bad_request');
  });

  it('counts a key for first approvals as one, and for a first approval alone', async () => {
    const world = shared();
    const proposal = await world.propose('a');
    const wish = { type: 'approve', proposal } as const;
    expect(await brings(world, wish, robot)).toBe('created');
    expect(await brings(world, { type: 'reject', proposal }, robot)).toBe('key_not_allowed');
    await world.next(world.request({ ...wish, admins: [robot, cyd] }));
    expect(await lying(world)).toEqual([]);
  });

  it('takes away what came too late: with the decision that overtook it, and with a repair', async () => {
    const world = shared();
    const proposal = await world.propose('a');
    const reject = { type: 'reject', proposal } as const;
    await bring(world, reject, ada);
    await bring(world, { ...reject, more: { reason: 'another' } }, bob);
    const late = await bring(world, { type: 'revoke' }, cyd);
    const bytes = (await world.bucket.get(late.key, { maxBytes: 1000 }))!.body;
    const place = await world.next(world.request({ type: 'approve', proposal, ...both }));
    expect(await lying(world)).toEqual([]);
    // One that was on its way while the decision was made.
    await world.bucket.create(late.key, bytes);
    const junk = cosignKey(world.node.id, digestHex(new Uint8Array(32).fill(9)), 3);
    await world.bucket.create(junk, Uint8Array.of(1, 2, 3));
    const stays = await bring(world, { type: 'revoke', place }, ada);
    expect(await lying(world)).toEqual([stays.key]);
    await world.bucket.create(late.key, bytes);
    await world.bucket.create(junk, Uint8Array.of(1, 2, 3));
    expect((await world.repair()).cleaned.toSorted()).toEqual([junk, late.key].toSorted());
    expect(await lying(world)).toEqual([stays.key]);
    expect((await world.repair()).cleaned).toEqual([]);
    await world.expectSettled();
  });

  it('is void once the administrators change', async () => {
    const world = shared();
    const proposal = await world.propose('a');
    await bring(world, { type: 'reject', proposal }, ada);
    const { pinned } = world.site;
    const next = nextKeyset({ signed: pinned, admins: [ada, bob] }, [ada, bob, cyd], 2);
    await world.bucket.create(keysetKey(2), encodeSignedKeyset(next));
    const late = world.request({ type: 'reject', proposal, ...both });
    expect(await world.decide(late).catch(codeOf)).toBe('stale_keyset');
    expect((await world.repair()).cleaned).toHaveLength(1);
    expect(await lying(world)).toEqual([]);
  });

  it('bounds what one administrator has signed about a node', async () => {
    const world = shared();
    const proposal = await world.propose('a');
    const nth = (n: number): Wish => ({ type: 'reject', proposal, more: { reason: `${n}` } });
    for (let n = 0; n < MAX_UNDER_WAY; n++)
      expect(await brings(world, nth(n), ada)).toBe('created');
    expect(await brings(world, nth(99), ada)).toBe('too_many_cosignatures');
    expect(await brings(world, nth(0), ada)).toBe('already');
    expect(await brings(world, nth(99), bob)).toBe('created');
    await world.next(world.request({ ...nth(0), ...both }));
    expect(await lying(world)).toEqual([]);
  });

  it('keeps what it is about from being taken back', async () => {
    const world = shared();
    const proposal = await world.propose('of ada', ada);
    const wish = { type: 'approve', proposal } as const;
    const takeBack = (): Promise<unknown> =>
      withdraw(
        { store: world.store, site: world.site, node: world.node.id },
        digestHex(proposal.digest),
        ada.identity.signKey,
      ).catch(codeOf);
    await bring(world, wish, ada);
    expect(await takeBack()).toBe('cosigned');
    const refused = { ...proposal, digest: new Uint8Array(32).fill(3) };
    await world.next(world.request({ type: 'reject', proposal: refused, ...both }));
    expect(await takeBack()).toBe(true);
  });

  it(
    'finds out what became of a write, and is whole or absent after a crash at any call',
    { tags: 'long' },
    async () => {
      const faults = ['lost, done', 'lost, not done', 'again, late', 'crash before', 'crash after'];
      for (const fault of faults as Fault[]) {
        for (let n = 1, hit = true; hit; n++) {
          const world = shared();
          const proposal = await world.propose('a');
          const wish = { type: 'approve', proposal } as const;
          hit = false;
          let calls = 0;
          const store = faultyStore(world.store, ({ operation }) => {
            const isCounted = fault.startsWith('crash') || operation === 'create';
            const isHit = isCounted && ++calls === n;
            hit ||= isHit;
            return isHit ? fault : undefined;
          });
          await brings(world, wish, ada, store);
          await store.land();
          expect(await brings(world, wish, ada)).toMatch(/^(created|already)$/);
          expect(await lying(world)).toHaveLength(1);
          await world.next(world.request({ ...wish, ...both }));
          await world.repair();
          expect(await lying(world)).toEqual([]);
        }
      }
    },
  );

  it('makes one decision of two that bring the last signature at once', async () => {
    const world = shared();
    const proposal = await world.propose('a');
    const wish = { type: 'approve', proposal } as const;
    await bring(world, wish, ada);
    const requests = [bob, cyd].map((by) => world.request({ ...wish, admins: [ada, by] }));
    const told = await Promise.all(requests.map((request) => world.decide(request)));
    expect(new Set(told.map(({ slot }) => slot))).toEqual(new Set([1]));
    const history = await world.expectSettled();
    expect(history.entries).toHaveLength(1);
    for (const request of requests) expect(holds(history, request)).toBe(true);
    const another = sign(
      { ...requests[0]!.statement.statement, reason: 'x' },
      world.keyset,
      ada,
      bob,
    );
    expect(equalBytes(another.digest, requests[0]!.statement.digest)).toBe(false);
    const late = world.request({ type: 'revoke', place: after(requests[0]!.statement), ...both });
    await world.next(late);
  });
}
