import { describe, expect, it } from 'vitest';
import { toHex } from '../bundle/index.ts';
import { encodeFrame } from '../bundle/frame.ts';
import { encodeSignedKeyset, signKeyset } from '../bundle/keyset.ts';
import type { SignedKeyset } from '../bundle/keyset.ts';
import type { SignedStatement, StatementType } from '../bundle/statement.ts';
import { digestWords } from '../bundle/words.ts';
import { readHistory } from '../protocol/history.ts';
import type { HistoryObject } from '../protocol/history.ts';
import { keysetKey } from '../protocol/keys.ts';
import type { Site } from '../protocol/site.ts';
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
import { copiedEvidence, parseEvidence } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { proveKeysets, proveNode } from './prove.ts';

const [ada, bob] = [makeAdmin('ada'), makeAdmin('bob')];
const { site } = makeSite({ admins: [ada] });
const first = site.pinned;
const second = nextKeyset({ signed: first, admins: [ada] }, [ada, bob]);
const third = nextKeyset({ signed: second, admins: [ada] }, [bob]);
const node = makeNode();
const bundle = propose({ keyset: first.keyset, node });
const signed = (
  type: StatementType,
  place: After,
  at: SignedKeyset,
  by: typeof ada,
  more = {},
): SignedStatement => sign(makeStatement(at.keyset, node.id, type, place, more), at.keyset, by);

// Approved by the first administrator, refused and revoked by those who came after.
const approve = signed('approve', NOTHING, first, ada, { digest: bundle.digest });
const reject = signed('reject', after(approve), second, bob, { digest: bundle.digest });
const revoke = signed('revoke', after(reject), third, bob, { reason: 'stolen' });
const WHOLE: readonly HistoryObject[] = [
  { slot: 1, bytes: encodeFrame({ chain: [first], statement: approve, bundle: bundle.bytes }) },
  { slot: 2, bytes: encodeFrame({ chain: [first, second], statement: reject }) },
  { slot: 3, bytes: encodeFrame({ chain: [first, second, third], statement: revoke }) },
];
const KEYSETS = [second, third].map((one) => encodeSignedKeyset(one));

/** As a page gets it. */
async function evidenceOf(
  objects: readonly HistoryObject[] = WHOLE,
  keysets: readonly Uint8Array[] = KEYSETS,
  of: Site = site,
): Promise<Evidence> {
  const copy = {
    nodes: [node.id],
    objectsOf: () => Promise.resolve(objects),
    keysets: () => Promise.resolve(keysets.map((bytes, i) => ({ from: keysetKey(i + 2), bytes }))),
  };
  const about = { site: of, program: 'a test', all: true, read: 1_790_000_100 };
  return parseEvidence(JSON.stringify(await copiedEvidence(copy, about, () => true)));
}

const hex = ({ digest }: SignedKeyset): string => toHex(digest);
function proven(evidence: Evidence, trusted = hex(first)) {
  const { trust, keysets, missing } = proveKeysets(evidence, trusted);
  const [one] = evidence.nodes.map((each) => proveNode(each, trust, evidence.read));
  return { keysets, missingKeysets: missing, ...one! };
}
const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  return copy;
};
const slotsOf = ({ entries }: ReturnType<typeof proven>) => entries.map(({ slot }) => slot);

describe('a record that is proved alone', () => {
  it('verifies under administrators who changed, by the digest or the words of any keyset', async () => {
    const evidence = await evidenceOf();
    for (const keyset of [first, second, third]) {
      for (const trusted of [
        hex(keyset),
        hex(keyset)
          .toUpperCase()
          .replace(/(..)(?=.)/g, '$1:'),
        ` ${digestWords(keyset.digest)} `,
      ]) {
        const proof = proven(evidence, trusted);
        expect(proof.entries.map(({ type, decidedBy }) => [type, decidedBy])).toEqual([
          ...[
            ['approve', ['ada']],
            ['reject', ['bob']],
          ],
          ['revoke', ['bob']],
        ]);
        expect(proof).toMatchObject({ junk: [], missing: [], missingKeysets: [], isWhole: true });
        expect(proof.entries.some(({ forgotten }) => forgotten)).toBe(false);
        expect(proof.keysets).toMatchObject([
          { version: 1, from: 'site.json', trusted: keyset === first },
          { version: 2, from: keysetKey(2), signers: ['ada'], trusted: keyset === second },
          { version: 3, from: keysetKey(3), signers: ['ada'], trusted: keyset === third },
        ]);
      }
    }
  });

  it('has no byte of a bundle', async () => {
    const text = JSON.stringify(await evidenceOf());
    const base64 = Buffer.from(bundle.bytes).toString('base64');
    expect(text).not.toContain(base64.slice(0, 40));
    expect(text.length).toBeLessThan(bundle.bytes.length * 20);
  });

  it('is what the store itself is, whatever byte of it was changed, and says so at its slot', async () => {
    for (const [i, { slot, bytes }] of WHOLE.entries()) {
      for (let at = 0; at < bytes!.length; at += 5) {
        const objects = WHOLE.with(i, { slot, bytes: flipped(bytes!, at) });
        const wanted = readHistory(objects, site, node.id);
        const proof = proven(await evidenceOf(objects));
        expect({ slot, at, slots: slotsOf(proof) }).toEqual({
          ...{ slot, at },
          slots: wanted.entries.map((entry) => entry.slot),
        });
        expect(proof.junk.map((one) => one.slot)).toEqual(wanted.junk.map((one) => one.slot));
        expect(proof.junk[0]?.slot).toBe(slot);
      }
    }
  });

  it(
    'verifies no decision of which a byte was changed in the page itself',
    { tags: ['long'] },
    async () => {
      const evidence = await evidenceOf();
      const slots = evidence.nodes[0]!.slots;
      for (const [i, each] of slots.entries()) {
        if (!('frame' in each)) throw new Error('a frame is missing');
        const bytes = Uint8Array.from(Buffer.from(each.frame, 'base64'));
        for (let at = 0; at < bytes.length; at++) {
          const frame = Buffer.from(flipped(bytes, at)).toString('base64');
          const nodes = [{ node: node.id, slots: slots.with(i, { ...each, frame }) }];
          const proof = proven({ ...evidence, nodes });
          expect({ at, is: slotsOf(proof).includes(each.slot) }).toEqual({ at, is: false });
          expect(proof.junk.map(({ slot }) => slot)).toContain(each.slot);
        }
      }
    },
  );

  it('names a keyset of which a byte was changed, and what it takes with it', async () => {
    for (const [i, bytes] of KEYSETS.entries()) {
      for (let at = 0; at < bytes.length; at++) {
        const { keysets } = proven(await evidenceOf(WHOLE, KEYSETS.with(i, flipped(bytes, at))));
        const wrong = keysets.filter(({ fault }) => fault !== undefined).map(({ from }) => from);
        expect({ at, wrong: wrong.includes(keysetKey(i + 2)) }).toEqual({ at, wrong: true });
      }
    }
    // Without the second, the third hangs on nothing; but what was decided brings its keysets along.
    const gap = proven(await evidenceOf(WHOLE, [new Uint8Array(), KEYSETS[1]!]));
    expect(gap.missingKeysets).toEqual([{ from: 2, to: 2 }]);
    expect(gap.keysets).toMatchObject([
      { version: 1 },
      { fault: 'bad_chain' },
      { fault: 'truncated' },
    ]);
    expect(slotsOf(gap)).toEqual([1, 2, 3]);
  });

  it('names the keyset whose signature was changed, whichever one is trusted', async () => {
    const changed = flipped(KEYSETS[0]!, KEYSETS[0]!.length - 1);
    for (const trusted of [first, second, third]) {
      const { keysets } = proven(await evidenceOf(WHOLE, [changed, KEYSETS[1]!]), hex(trusted));
      expect(keysets[1]).toMatchObject({ version: 2, fault: 'bad_signature' });
      expect(keysets[0]!.fault).toBeUndefined();
    }
  });

  it('names one of two keysets that both were signed after the same one', async () => {
    const fork = nextKeyset({ signed: first, admins: [ada] }, [ada, makeAdmin('eve')]);
    const { keysets } = proven(
      await evidenceOf(WHOLE, [...KEYSETS, encodeSignedKeyset(fork)]),
      hex(third),
    );
    expect(keysets.filter(({ fault }) => fault !== undefined)).toMatchObject([
      { version: 2, digest: hex(fork), fault: 'bad_chain' },
    ]);
  });

  it('names what is missing between, and that what was before a late beginning is not there', async () => {
    const [one, two, three] = WHOLE as [HistoryObject, HistoryObject, HistoryObject];
    const dropped = proven(await evidenceOf([one, three]));
    expect([slotsOf(dropped), dropped.missing]).toEqual([[1], [{ from: 2, to: 2 }]]);
    expect(dropped.junk).toEqual([{ slot: 3, code: 'head_moved' }]);
    const pruned = proven(await evidenceOf([two, three]));
    expect(pruned).toMatchObject({ isWhole: false, missing: [], junk: [] });
    const junk = { slot: 4, bytes: new Uint8Array([1, 2, 3]) };
    expect(proven(await evidenceOf([...WHOLE, junk])).junk).toEqual([
      { slot: 4, code: 'bad_magic' },
    ]);
    const far = proven(await evidenceOf([one, { slot: 9_999_999_999 }]));
    expect(far.missing).toEqual([{ from: 2, to: 9_999_999_998 }]);
    expect(far.junk).toEqual([{ slot: 9_999_999_999, code: 'too_large' }]);
  });

  it('says what was forgotten, and refuses a bundle that is not the one that was signed', async () => {
    const without = { slot: 1, bytes: encodeFrame({ chain: [first], statement: approve }) };
    expect(proven(await evidenceOf([without])).entries).toMatchObject([{ forgotten: true }]);
    const evidence = await evidenceOf();
    const said = JSON.stringify(evidence).replaceAll(toHex(bundle.digest), 'ab'.repeat(32));
    expect(proven(parseEvidence(said)).junk).toEqual([{ slot: 1, code: 'digest_mismatch' }]);
  });

  it('proves nothing by the digest of another keyset, or of one of another site', async () => {
    const evidence = await evidenceOf();
    const stranger = makeSite({ name: 'other', admins: [ada] }).site.pinned;
    for (const trusted of [hex(stranger), digestWords(stranger.digest)]) {
      expect(() => proven(evidence, trusted)).toThrow(
        expect.objectContaining({ code: 'not_found' }),
      );
    }
    const both = await evidenceOf(WHOLE, [...KEYSETS, encodeSignedKeyset(stranger)]);
    expect(() => proven(both, hex(stranger))).toThrow(
      expect.objectContaining({ code: 'not_found' }),
    );
    for (const trusted of ['', 'ada', hex(first).slice(1), `${hex(first)}0`]) {
      expect(() => proven(evidence, trusted)).toThrow(expect.objectContaining({ code: 'usage' }));
    }
  });

  it('takes no keyset that the administrators before did not sign, and no self-approval but by the policy', async () => {
    const eve = makeAdmin('eve');
    const forged = signKeyset({ ...second.keyset, keys: [eve.key] }, [
      { identity: eve.identity, keyIndex: 0 },
    ]);
    const taken = sign(
      makeStatement(forged.keyset, node.id, 'revoke', after(approve)),
      ...([forged.keyset, eve] as const),
    );
    const objects = [
      WHOLE[0]!,
      { slot: 2, bytes: encodeFrame({ chain: [first, forged], statement: taken }) },
    ];
    const proof = proven(await evidenceOf(objects, [encodeSignedKeyset(forged)]));
    expect(proof.junk).toEqual([{ slot: 2, code: 'bad_signature' }]);
    expect(proof.keysets.map(({ fault }) => fault)).toEqual([undefined, 'bad_signature']);
    const own = signAsNode(
      makeStatement(first.keyset, node.id, 'approve', NOTHING, { digest: bundle.digest }),
      node,
    );
    const self = [
      { slot: 1, bytes: encodeFrame({ chain: [first], statement: own, bundle: bundle.bytes }) },
    ];
    expect(proven(await evidenceOf(self)).junk).toEqual([{ slot: 1, code: 'self_signed_refused' }]);
    const none = await evidenceOf(self, [], { ...site, approval: 'none' });
    expect(proven(none).entries).toMatchObject([{ self: true }]);
  });

  it('refuses a text that is no record', () => {
    for (const text of ['', '{}', '[]', '{"coatcheck":"record/2"}']) {
      expect(() => parseEvidence(text)).toThrow(
        expect.objectContaining({ code: 'file_malformed' }),
      );
    }
  });
});
