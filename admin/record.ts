import { isZero, toHex } from '../bundle/index.ts';
import type { NodeId, VerifiedFrame } from '../bundle/index.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { createHistoryReader, MAX_ENTRY_BYTES } from '../protocol/history.ts';
import type { History, HistoryEntry, HistoryObject } from '../protocol/history.ts';
import type { Site } from '../protocol/site.ts';
import type { Seen } from './memory.ts';
import type { Objects, ReadObject } from './objects.ts';
import type { RecordWarning } from './warning.ts';

/** The verified record of a node, and what in it deserves a look. */
export interface NodeRecord extends History {
  readonly warnings: readonly RecordWarning[];
}

/**
 * Reads every slot of a node's history, and verifies them in their order.
 * @param keeps the slots whose bundles are wanted, besides that in force
 * @throws store_unavailable for an entry that is listed and not given, and what reading throws
 */
export async function readRecord(
  objects: Objects,
  site: Site,
  node: NodeId,
  keeps: (slot: number) => boolean,
): Promise<History> {
  const slots = new Map<string, number>();
  for await (const { key, parsed } of objects.list('history', node)) {
    if (parsed.prefix === 'history') slots.set(key, parsed.slot);
  }
  const keys = [...slots.keys()].sort((a, b) => slots.get(a)! - slots.get(b)!);
  const reader = createHistoryReader(slots.values(), site, node, keeps);
  const read = objects.readEach(
    keys,
    MAX_ENTRY_BYTES,
    (object) => slotOf(object, slots.get(object.key)!),
    { keepsBody: true },
  );
  for await (const object of read) reader.add(object);
  return reader.end();
}

/**
 * An object of a history as its reader takes it.
 * @throws store_unavailable for one that is listed and not given, and what reading threw
 */
export function slotOf({ key, bytes, error }: ReadObject, slot: number): HistoryObject {
  if (error !== undefined) {
    if (hasCode(error, 'too_large')) return { slot };
    throw error;
  }
  // Nothing is ever deleted there, so this is no "not found".
  if (bytes === undefined) {
    throw fail('store_unavailable', `the store lists ${key} and does not give it: try again`);
  }
  return { slot, bytes };
}

/** The newest decision of a record, as a memory has it. */
export function headOf({ head }: Pick<History, 'head'>): Seen | undefined {
  if (head === undefined) return undefined;
  const { slot, frame } = head;
  return { seq: frame.statement.seq, slot, digest: toHex(frame.statementDigest) };
}

/** Whether a decision brings a bundle that is still in the store, kept in `entry` or not. */
export function carriesBundle({ frame, forgotten }: HistoryEntry): boolean {
  const { type, digest } = frame.statement;
  return type !== 'reject' && !forgotten && !isZero(digest);
}

/** What in a record deserves a look, in the order in which it is told. */
export function recordWarnings(
  { inForce, junk }: Pick<History, 'inForce' | 'junk'>,
  site: Pick<Site, 'pinned'>,
): RecordWarning[] {
  const version = inForce?.frame.keyset.version ?? Infinity;
  const pinned = site.pinned.keyset.version;
  return [
    ...(version < pinned ? [{ code: 'older_keyset', version, pinned } as const] : []),
    ...junk.map(({ slot, code }) => ({ code: 'junk_slot', slot, reason: code }) as const),
  ];
}

/** How the reason begins for which a proposal is refused that was approved as another. */
export const REBASED = 'rebased and approved as ';

/** Who decided: names of administrators, or `node`. */
export const decidersOf = ({ frame }: { readonly frame: VerifiedFrame }): string[] =>
  frame.self ? ['node'] : frame.signers.map((i) => frame.keyset.keys[i]!.name);

/** Which decision an entry is, and whose, in a few words: `reject (seq 2) by bob`. */
export const decisionText = (entry: { readonly frame: VerifiedFrame }): string => {
  const { type, seq } = entry.frame.statement;
  return `${type} (seq ${seq}) by ${decidersOf(entry).join(', ')}`;
};
