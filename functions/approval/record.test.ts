import { describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { toHex, utf8 } from '../../bundle/bytes.ts';
import { encodeFrame } from '../../bundle/frame.ts';
import { historyKey } from '../../protocol/keys.ts';
import { createMemoryStore } from '../../store/memory.ts';
import {
  after,
  makeNode,
  makeSite,
  makeStatement,
  NOTHING,
  propose,
  sign,
} from '../../tests/support/site.ts';
import { readNode } from './record.ts';

const { site, admins } = makeSite();
const { keyset } = site.pinned;
const node = makeNode();
/** What does not compress well: 62 KiB, of which some 32 are left. */
const noise = Array.from({ length: 1000 }, (_, i) => toHex(sha256(utf8(`noise ${i}`)))).join('');
const bundle = propose({ keyset, node, files: { 'etc/noise': noise } });

/** Approvals of the same bundle again and again, a rejection at every tenth slot. */
async function recordOf(length: number) {
  const store = createMemoryStore();
  let place = NOTHING;
  for (let slot = 1; slot <= length; slot++) {
    const isRejection = slot % 10 === 0;
    const digest = isRejection ? new Uint8Array(32).fill(slot) : bundle.digest;
    const type = isRejection ? 'reject' : 'approve';
    const statement = sign(
      makeStatement(keyset, node.id, type, place, { digest }),
      ...([keyset, admins[0]!] as const),
    );
    const frame = { chain: [site.pinned], statement };
    const bytes = encodeFrame(isRejection ? frame : { ...frame, bundle: bundle.bytes });
    await store.create(historyKey(node.id, slot), bytes);
    place = after(statement);
  }
  return store;
}

/** Bytes of memory that a value keeps from being freed: of every buffer that it has a view of. */
function heldBytes(value: unknown, seen = new Set<unknown>()): number {
  if (typeof value !== 'object' || value === null || seen.has(value)) return 0;
  seen.add(value);
  if (!ArrayBuffer.isView(value)) {
    return Object.values(value).reduce<number>((sum, part) => sum + heldBytes(part, seen), 0);
  }
  const { buffer } = value;
  if (seen.has(buffer)) return 0;
  seen.add(buffer);
  return buffer.byteLength;
}

describe('readNode', () => {
  const length = 120;
  const store = recordOf(length);

  it('holds one bundle of a record, however long it is', async () => {
    expect(bundle.bytes.length).toBeGreaterThan(30_000);
    const history = await readNode(await store, site, node.id);
    expect(history.entries.map(({ slot }) => slot)).toEqual(
      Array.from({ length }, (_, i) => i + 1),
    );
    expect(history.inForce?.slot).toBe(length - 1);
    expect(history.inForce?.frame.bundle?.bytes).toEqual(bundle.bytes);
    expect(heldBytes(history)).toBeLessThan(bundle.bytes.length + length * 1500);
  });

  it('holds the bundles that are asked for besides, and every one if told to', async () => {
    const history = await readNode(await store, site, node.id, (slot) => slot === 7);
    const held = history.entries.filter(({ frame }) => frame.bundle !== undefined);
    expect(held.map(({ slot }) => slot)).toEqual([7, length - 1]);
    const whole = await readNode(await store, site, node.id, () => true);
    expect(heldBytes(whole)).toBeGreaterThan(length * 0.9 * bundle.bytes.length);
  });

  it('says the same of the record, whichever bundles it holds', async () => {
    const told = async (keeps: () => boolean) => {
      const { entries, junk, head, nextSlot } = await readNode(await store, site, node.id, keeps);
      const said = entries.map(({ slot, forgotten, frame }) => {
        const { statement, statementDigest, signers, self, keyset } = frame;
        return { slot, forgotten, statement, statementDigest, signers, self, keyset };
      });
      return { said, junk, head: head?.slot, nextSlot };
    };
    expect(await told(() => false)).toEqual(await told(() => true));
  });
});
