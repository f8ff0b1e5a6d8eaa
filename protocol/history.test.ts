import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../bundle/frame.ts';
import type { SignedKeyset } from '../bundle/keyset.ts';
import type { SignedStatement, Statement, StatementType } from '../bundle/statement.ts';
import {
  after,
  makeAdmin,
  makeNode,
  makeSite,
  makeStatement,
  nextKeyset,
  NOTHING,
  propose,
  sign,
  signAsNode,
} from '../tests/support/site.ts';
import type { After } from '../tests/support/site.ts';
import { digestHex } from './keys.ts';
import { decidedDigests, demandFollows, MAX_ENTRY_BYTES, readHistory } from './history.ts';

const ada = makeAdmin('ada');
const { site } = makeSite({ admins: [ada] });
const { keyset } = site.pinned;
const node = makeNode();
const other = makeNode('other');
const first = propose({ keyset, node });
const second = propose({ keyset, node, files: { 'etc/hostname': 'renamed\n' } });

const signed = (
  type: StatementType,
  place: After,
  more: Partial<Statement> = {},
  at: SignedKeyset = site.pinned,
): SignedStatement => sign(makeStatement(at.keyset, node.id, type, place, more), at.keyset, ada);
const bytes = (
  statement: SignedStatement,
  bundle?: { bytes: Uint8Array },
  chain = [site.pinned],
): Uint8Array => encodeFrame({ chain, statement, ...(bundle && { bundle: bundle.bytes }) });

// approve 1, reject 2, revoke 3
const approve = signed('approve', NOTHING, { digest: first.digest });
const reject = signed('reject', after(approve), { digest: second.digest });
const revoke = signed('revoke', after(reject));
const one = { slot: 1, bytes: bytes(approve, first) };
const two = { slot: 2, bytes: bytes(reject) };
const three = { slot: 3, bytes: bytes(revoke) };
const junk = (slot: number) => ({ slot, bytes: new Uint8Array([1, 2, 3]) });

const read = (...objects: { slot: number; bytes?: Uint8Array }[]) =>
  readHistory(objects, site, node.id);
const slots = (history: ReturnType<typeof read>) => history.entries.map(({ slot }) => slot);

describe('readHistory', () => {
  it('says of an empty record that nothing is decided and slot 1 is free', () => {
    expect(read()).toEqual({ entries: [], junk: [], nextSlot: 1 });
  });

  it('takes the entry with the largest seq for the head, a rejection too', () => {
    expect(read(one, two).head?.slot).toBe(2);
  });

  it('takes the newest entry that is no rejection for what is in force', () => {
    expect(read(one, two).inForce?.slot).toBe(1);
    expect(read(one, two, three).inForce?.slot).toBe(3);
    expect(
      read({ slot: 1, bytes: bytes(signed('reject', NOTHING, { digest: first.digest })) }),
    ).not.toHaveProperty('inForce');
  });

  it('does not depend on the order of the listing', () => {
    expect(slots(read(three, one, two))).toEqual([1, 2, 3]);
  });

  it('keeps the bytes as they are stored', () => {
    expect(read(one).head?.bytes).toBe(one.bytes);
  });

  it('lets junk use up a slot and nothing else', () => {
    const history = read(one, junk(2), { ...two, slot: 3 }, { slot: 4 });
    expect(slots(history)).toEqual([1, 3]);
    expect(history.junk).toEqual([
      { slot: 2, code: 'bad_magic' },
      { slot: 4, code: 'too_large' },
    ]);
    expect(history.nextSlot).toBe(5);
  });

  it('offers the lowest free slot above the head, also below junk', () => {
    expect(read(one, junk(9_999_999_999)).nextSlot).toBe(2);
    expect(read(one, junk(2), junk(4)).nextSlot).toBe(3);
    expect(read(junk(1)).nextSlot).toBe(2);
  });

  it('lets seq jump', () => {
    const jump = signed('revoke', after(approve), { seq: 1_000_000 });
    expect(read(one, { slot: 2, bytes: bytes(jump) }).head?.frame.statement.seq).toBe(1_000_000);
  });

  it('refuses a seq that is not above the one below', () => {
    const same = signed('revoke', after(approve), { seq: 1 });
    expect(read(one, { slot: 2, bytes: bytes(same) }).junk).toEqual([
      { slot: 2, code: 'bad_sequence' },
    ]);
  });

  it('refuses a statement that lost its race and was slipped in later', () => {
    const loser = signed('revoke', after(approve), { seq: 99 });
    const history = read(one, two, { slot: 3, bytes: bytes(loser) });
    expect(history.head?.slot).toBe(2);
    expect(history.junk).toEqual([{ slot: 3, code: 'head_moved' }]);
  });

  it('refuses the same entry a second time', () => {
    expect(read(one, { ...one, slot: 2 }).junk).toEqual([{ slot: 2, code: 'head_moved' }]);
  });

  it('takes the lowest entry without its prev, so that older ones may be pruned', () => {
    expect(slots(read(two, three))).toEqual([2, 3]);
    expect(read(two, three).junk).toEqual([]);
    expect(slots(read(three))).toEqual([3]);
    expect(read(three).nextSlot).toBe(4);
  });

  it('is not cut short by junk below a pruned record', () => {
    expect(slots(read(junk(1), two, three))).toEqual([2, 3]);
  });

  it('refuses an entry above a free slot, until that slot is used up', () => {
    const ahead = { slot: 3, bytes: two.bytes };
    expect(read(one, ahead)).toMatchObject({
      head: { slot: 1 },
      junk: [{ slot: 3, code: 'does_not_verify' }],
      nextSlot: 2,
    });
    // A decision in the free slot stays, whatever stood ready above it.
    expect(
      read(one, { slot: 2, bytes: bytes(signed('revoke', after(approve))) }, ahead),
    ).toMatchObject({
      head: { slot: 2 },
      junk: [{ slot: 3, code: 'head_moved' }],
    });
    expect(slots(read(one, junk(2), ahead))).toEqual([1, 3]);
  });

  it('refuses a first decision above a free slot', () => {
    const ahead = { ...one, slot: 2 };
    expect(read(ahead).junk).toEqual([{ slot: 2, code: 'does_not_verify' }]);
    expect(slots(read(junk(1), ahead))).toEqual([2]);
  });

  it('refuses what follows an entry that was lost in the middle', () => {
    expect(read(one, three).junk).toEqual([{ slot: 3, code: 'head_moved' }]);
  });

  it('refuses an entry of another node', () => {
    expect(readHistory([one], site, other.id).junk).toEqual([{ slot: 1, code: 'not_this_node' }]);
  });

  it('refuses an entry of another site', () => {
    const foreign = makeSite({ name: 'foreign', admins: [ada] }).site;
    expect(readHistory([one], foreign, node.id).junk).toEqual([{ slot: 1, code: 'bad_site' }]);
  });

  it('refuses an entry whose bundle is not the one approved', () => {
    expect(read({ slot: 1, bytes: bytes(approve, second) }).junk).toEqual([
      { slot: 1, code: 'digest_mismatch' },
    ]);
  });

  it('takes an entry whose bundle was taken away, and says that it is forgotten', () => {
    const history = read({ slot: 1, bytes: bytes(approve) }, two, three);
    expect(history.entries.map(({ forgotten }) => forgotten)).toEqual([true, false, false]);
  });

  it('keeps an entry when the site lowers its limit on bundles', () => {
    const small = makeSite({ admins: [ada], maxBundleBytes: 1024 }).site;
    const large = propose({ keyset, node, files: { 'etc/motd': noise(4000) } });
    const statement = signed('approve', NOTHING, { digest: large.digest });
    const object = { slot: 1, bytes: bytes(statement, large) };
    expect(object.bytes.length).toBeGreaterThan(2048);
    expect(readHistory([object], small, node.id).entries).toHaveLength(1);
    expect(MAX_ENTRY_BYTES).toBeGreaterThan(1024 * 1024);
  });

  describe('with a second keyset', () => {
    const bob = makeAdmin('bob');
    const next = nextKeyset({ signed: site.pinned, admins: [ada] }, [ada, bob]);
    const chain = [site.pinned, next];
    const newer = signed('revoke', after(approve), {}, next);

    it('takes a decision under a newer keyset, which the entry carries', () => {
      expect(slots(read(one, { slot: 2, bytes: bytes(newer, undefined, chain) }))).toEqual([1, 2]);
    });

    it('refuses one under an older keyset above it', () => {
      const older = signed('revoke', after(newer));
      const history = read(
        one,
        { slot: 2, bytes: bytes(newer, undefined, chain) },
        { slot: 3, bytes: bytes(older) },
      );
      expect(history.junk).toEqual([{ slot: 3, code: 'stale_keyset' }]);
    });
  });

  describe('of a site that pins a later keyset', () => {
    const bob = makeAdmin('bob');
    const next = nextKeyset({ signed: site.pinned, admins: [ada] }, [bob]);
    const later = { ...site, pinned: next, ancestors: [site.pinned] };
    const byBob = sign(
      makeStatement(next.keyset, node.id, 'revoke', after(reject)),
      ...([next.keyset, bob] as const),
    );
    const four = { slot: 3, bytes: bytes(byBob, undefined, [site.pinned, next]) };
    const readLater = (of: typeof later | typeof site, ...objects: (typeof one)[]) =>
      readHistory(objects, of, node.id);

    it('is the same record as before', () => {
      const history = readLater(later, one, two);
      expect([slots(history), history.junk, history.nextSlot]).toEqual([[1, 2], [], 3]);
      expect(history.inForce?.slot).toBe(1);
      expect(slots(readLater(later, one, two, four))).toEqual([1, 2, 3]);
    });
    it('takes nothing above it that administrators sign who are not in it any more', () => {
      const anew = signed('approve', after(byBob), { digest: second.digest });
      const history = readLater(later, one, two, four, { slot: 4, bytes: bytes(anew, second) });
      expect([slots(history), history.junk]).toEqual([
        [1, 2, 3],
        [{ slot: 4, code: 'stale_keyset' }],
      ]);
    });
    it('takes nothing under keysets that did not lead to it', () => {
      const fork = nextKeyset({ signed: site.pinned, admins: [ada] }, [ada]);
      const forked = signed('revoke', after(approve), {}, fork);
      const mallory = makeAdmin('mallory');
      const own = makeSite({ admins: [mallory] }).site.pinned;
      const forged = sign(makeStatement(own.keyset, node.id, 'revoke'), own.keyset, mallory);
      expect(
        readLater(
          later,
          one,
          { slot: 2, bytes: bytes(forked, undefined, [site.pinned, fork]) },
          { slot: 3, bytes: bytes(forged, undefined, [own]) },
        ).junk,
      ).toEqual([
        { slot: 2, code: 'not_pinned' },
        { slot: 3, code: 'not_pinned' },
      ]);
    });
    it('is cut where the site drops the keysets that led to it', () => {
      const cut = { ...site, pinned: next };
      expect(readLater(cut, one, two).junk.map(({ code }) => code)).toEqual([
        ...['not_pinned', 'not_pinned'],
      ]);
      expect(slots(readLater(cut, one, two, four))).toEqual([3]);
    });
  });

  describe("with a node's own approvals", () => {
    const open = makeSite({ admins: [ada], approval: 'none' }).site;
    const own = (place: After, digest = first.digest) =>
      signAsNode(makeStatement(keyset, node.id, 'approve', place, { digest }), node);
    const readOpen = (...statements: readonly [SignedStatement, { bytes: Uint8Array }?][]) =>
      readHistory(
        statements.map(([statement, bundle], i) => ({
          slot: i + 1,
          bytes: bytes(statement, bundle),
        })),
        open,
        node.id,
      );

    it('takes them after nothing, after each other, and after a reconfigure', () => {
      const a = own(NOTHING);
      const b = own(after(a), second.digest);
      const handBack = signed('reconfigure', after(b), { digest: second.digest });
      const c = own(after(handBack));
      const history = readOpen([a, first], [b, second], [handBack, second], [c, first]);
      expect(history.junk).toEqual([]);
      expect(slots(history)).toEqual([1, 2, 3, 4]);
    });

    it.each(['approve', 'rollback', 'revoke', 'reject'] as const)(
      "refuses one after an administrator's %s",
      (type) => {
        const digest = type === 'revoke' ? {} : { digest: second.digest };
        const admins = signed(type, NOTHING, digest);
        expect(readOpen([admins], [own(after(admins)), first]).junk).toEqual([
          { slot: 2, code: 'approval_required' },
        ]);
      },
    );

    it('refuses all of them unless the pinned policy allows them', () => {
      expect(read({ slot: 1, bytes: bytes(own(NOTHING), first) }).junk).toEqual([
        { slot: 1, code: 'self_signed_refused' },
      ]);
    });

    it('keeps what an administrator decided when the policy becomes strict', () => {
      const a = own(NOTHING);
      const approved = signed('approve', after(a), { digest: second.digest });
      const history = read(
        { slot: 1, bytes: bytes(a, first) },
        { slot: 2, bytes: bytes(approved, second) },
      );
      expect(slots(history)).toEqual([2]);
    });
  });
});

describe('demandFollows', () => {
  const head = read(one, two).head!.frame;

  it('names the head and its seq when prev is another', () => {
    const { statement } = signed('revoke', after(approve));
    expect(() => demandFollows({ statement, self: false }, head)).toThrow(
      expect.objectContaining({
        code: 'head_moved',
        details: { head: digestHex(reject.digest), seq: 2 },
      }),
    );
  });

  it('names zeros and seq 0 where nothing is decided', () => {
    const { statement } = signed('revoke', after(approve));
    expect(() => demandFollows({ statement, self: false }, undefined)).toThrow(
      expect.objectContaining({ code: 'head_moved', details: { head: '0'.repeat(64), seq: 0 } }),
    );
  });
});

describe('decidedDigests', () => {
  it('has every digest that an entry names, of any type, and no other', () => {
    const decided = decidedDigests(read(one, two, three, junk(4)));
    expect([...decided.keys()]).toEqual([digestHex(first.digest), digestHex(second.digest)]);
    expect(decided.get(digestHex(second.digest))?.frame.statement.type).toBe('reject');
  });
});

/** Text that does not compress. */
function noise(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48271) % 2147483647;
    return String.fromCharCode(33 + (state % 90));
  }).join('');
}
