import {
  CoatcheckError,
  decodeSignedKeyset,
  decodeSignedStatement,
  equalBytes,
  fromBase64,
  Reader,
  toHex,
  verifyLink,
} from '../bundle/index.ts';
import type { NodeId, SignedKeyset } from '../bundle/index.ts';
import { digestWords } from '../bundle/words.ts';
import { codeOf, fail } from '../protocol/errors.ts';
import { createHistoryReader } from '../protocol/history.ts';
import type { History } from '../protocol/history.ts';
import type { Site } from '../protocol/site.ts';
import type { Evidence, NodeEvidence, SlotEvidence } from './evidence.ts';
import { historyView } from './views/statement.ts';
import type { HistoryView } from './views/statement.ts';

/** What became of one keyset of the evidence. */
export interface KeysetProof {
  readonly from: string;
  /** absent where its bytes are no keyset */
  readonly version?: number;
  /** 64 hex digits */
  readonly digest?: string;
  readonly threshold?: number;
  readonly keys: readonly { readonly name: string; readonly may: 'all' | 'first' }[];
  /** names of who signed it; nobody signs the first */
  readonly signers: readonly string[];
  /** it is the one that whoever reads trusts */
  readonly trusted: boolean;
  /** why it does not hang together with that one */
  readonly fault?: string;
}

/** The keysets that hang together with the one that is trusted. */
export interface Administrators {
  /** what {@link proveNode} verifies by: the newest is pinned, the others led to it */
  readonly trust: Pick<Site, 'pinned' | 'ancestors' | 'approval'>;
  /** as the evidence has them, by version */
  readonly keysets: readonly KeysetProof[];
  /** versions below the newest of the evidence that it does not have */
  readonly missing: readonly Range[];
}

/** Consecutive numbers, both among them. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Which keysets of the evidence hang together with the one whose digest somebody got elsewhere: those
 * after it are signed by the threshold of the one before each, those before it are named by the digest in
 * the one after.
 * @param trusted the digest of a keyset, 64 hex digits, or its eight words; spaces and case do not count
 * @throws usage for a text that is neither; not_found if no keyset of the evidence has it
 */
export function proveKeysets(evidence: Evidence, trusted: string): Administrators {
  const isTrusted = matcher(trusted);
  const read = evidence.keysets.map(({ from, bytes }) => ({ from, ...decoded(bytes) }));
  const signed = read.flatMap((one) => (one.signed === undefined ? [] : [one.signed]));
  const start = signed.find((one) => isTrusted(one) && toHex(one.keyset.site) === evidence.site);
  if (start === undefined) {
    throw fail(
      'not_found',
      'no administrators in this record have this digest: nothing of it can be verified by it',
    );
  }
  const chain = [start];
  for (let first = start; ; [first] = chain as [SignedKeyset]) {
    const before = signed.find((one) => isNamedBy(one, first));
    if (before === undefined) break;
    chain.unshift(before);
  }
  for (let last = start; ; last = chain.at(-1)!) {
    const next = signed.find((one) => leads(last, one));
    if (next === undefined) break;
    chain.push(next);
  }
  const keysets = read.map(({ from, signed: one, fault }): KeysetProof => {
    if (one === undefined) {
      return { from, keys: [], signers: [], trusted: false, ...(fault && { fault }) };
    }
    const { version, threshold, keys } = one.keyset;
    const before = chain.find(({ keyset }) => keyset.version === version - 1);
    const found = faultIn(one, chain, before);
    return {
      ...{ from, version, threshold, digest: toHex(one.digest), trusted: isTrusted(one) },
      keys: keys.map(({ name, may }) => ({ name, may })),
      signers: one.signatures.map(({ keyIndex }) =>
        found === undefined ? (before?.keyset.keys[keyIndex]?.name ?? `key ${keyIndex}`) : '',
      ),
      ...(found !== undefined && { fault: found }),
    };
  });
  return {
    trust: {
      ...{ pinned: chain.at(-1)!, ancestors: chain.slice(0, -1) },
      approval: evidence.approval,
    },
    keysets: keysets.toSorted((a, b) => (a.version ?? Infinity) - (b.version ?? Infinity)),
    missing: gapsIn([0, ...signed.map(({ keyset }) => keyset.version)]),
  };
}

/** What became of the record of one node. */
export interface NodeProof extends HistoryView {
  /** between the lowest and the highest slot of the evidence: those that it does not have */
  readonly missing: readonly Range[];
  readonly history: History;
}

/**
 * Verifies every slot of a node as `coatcheck` does of the store itself (`readHistory`).
 * @param now unix seconds: what has ended by it
 */
export function proveNode(
  { node, slots }: NodeEvidence,
  trust: Administrators['trust'],
  now: number,
): NodeProof {
  const id = node as NodeId;
  const faults = new Map<number, string>();
  const reader = createHistoryReader(
    slots.map(({ slot }) => slot),
    ...([trust, id, () => false] as const),
  );
  for (const each of slots) {
    const bytes = bytesOf(each);
    if (typeof bytes === 'string') {
      faults.set(each.slot, bytes);
      reader.add({ slot: each.slot });
    } else reader.add({ slot: each.slot, bytes });
  }
  const history = reader.end();
  const carried = new Set(slots.filter((one) => 'bundle' in one).map(({ slot }) => slot));
  const view = historyView(id, history, now);
  return {
    ...view,
    entries: view.entries.map((entry) => ({
      ...entry,
      forgotten: entry.forgotten && !carried.has(entry.slot),
    })),
    junk: view.junk.map(({ slot, code }) => ({
      slot,
      code: (faults.get(slot) ?? code) as typeof code,
    })),
    missing: gapsIn(slots.map(({ slot }) => slot)),
    history,
  };
}

/** The frame of a slot, or why it holds no decision. */
function bytesOf(slot: SlotEvidence): Uint8Array | string {
  if (!('frame' in slot)) return slot.fault;
  try {
    const bytes = fromBase64(slot.frame);
    if (slot.bundle === undefined) return bytes;
    const reader = new Reader(bytes);
    reader.magic('ccf');
    reader.bytes(reader.u32());
    const { statement } = decodeSignedStatement(reader.bytes(reader.u16()));
    // A bundle that is in this evidence was left out of none.
    reader.end();
    if (toHex(statement.digest) !== slot.bundle.digest) return 'digest_mismatch';
    return slot.bundle.fault ?? bytes;
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return codeOf(error);
  }
}

/** What lies between the numbers, and is none of them. */
function gapsIn(numbers: readonly number[]): Range[] {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted.slice(1).flatMap((number, i) => {
    const below = sorted[i]!;
    return number > below + 1 ? [{ from: below + 1, to: number - 1 }] : [];
  });
}

function matcher(text: string): (keyset: SignedKeyset) => boolean {
  const words = text.trim().toLowerCase().split(/\s+/);
  const hex = words.join('').replaceAll(':', '');
  if (/^[0-9a-f]{64}$/.test(hex)) return ({ digest }) => toHex(digest) === hex;
  if (words.length === 8) {
    const all = words.join(' ');
    return ({ digest }) => digestWords(digest) === all;
  }
  throw fail('usage', 'the digest of a keyset is 64 hex digits, or its eight words');
}

function decoded(text: string): { readonly signed?: SignedKeyset; readonly fault?: string } {
  try {
    return { signed: decodeSignedKeyset(fromBase64(text)) };
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return { fault: codeOf(error) };
  }
}

const isSame = (a: SignedKeyset, b: SignedKeyset): boolean => equalBytes(a.digest, b.digest);

/** By its digest: whoever trusts a keyset trusts what it says of the one before. */
const isNamedBy = (one: SignedKeyset, { keyset }: SignedKeyset): boolean =>
  one.keyset.version === keyset.version - 1 &&
  equalBytes(one.digest, keyset.previous) &&
  equalBytes(one.keyset.site, keyset.site);

function leads(before: SignedKeyset, after: SignedKeyset): boolean {
  return (
    after.keyset.version === before.keyset.version + 1 && linkFault(before, after) === undefined
  );
}

function linkFault(before: SignedKeyset, after: SignedKeyset): string | undefined {
  try {
    verifyLink(before, after);
    return undefined;
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return codeOf(error);
  }
}

/** Why a keyset is none of the chain; its signatures are judged where the one before it is there. */
function faultIn(
  one: SignedKeyset,
  chain: readonly SignedKeyset[],
  before: SignedKeyset | undefined,
): string | undefined {
  const fault = before === undefined ? undefined : linkFault(before, one);
  return fault ?? (chain.some((link) => isSame(link, one)) ? undefined : 'bad_chain');
}
