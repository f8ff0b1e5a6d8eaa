import { equalBytes, isZero, toHex } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES, verifyEntry } from '../../protocol/history.ts';
import type { History, HistoryEntry } from '../../protocol/history.ts';
import { historyKey, nodePrefix, reportKey } from '../../protocol/keys.ts';
import type { DigestHex, ObjectKey } from '../../protocol/keys.ts';
import { listAll } from '../../store/port.ts';
import { readWithin } from './objects.ts';
import { publishInForce } from './publish.ts';
import type { NodeRecord } from './publish.ts';
import { readNode } from './record.ts';

/** What was forgotten by this request. */
export interface ForgetOutcome {
  /** Slots whose bundles were taken away; each keeps its decision. */
  readonly slots: readonly number[];
  /** What else is gone: proposals, refusals, the report. */
  readonly removed: readonly ObjectKey[];
  /** Slots that hold no entry, and why: what is in them stays. */
  readonly junk: readonly { slot: number; code: ErrorCode }[];
}

const TRIES = 6;

/**
 * Takes away what a site has of a node that is revoked: the bundles of its history, its proposals, refusals
 * and report. Every decision stays, with its signatures, and what the node is shown. The only overwriting
 * there is in `history/`: by compare-and-swap, of an entry by the same entry without its bundle. A crash anywhere
 * leaves a record that verifies, and the same request goes on.
 *
 * @param head the revoke that whoever asks has seen, by its statement digest
 * @throws head_moved if that is no longer the newest decision, or is no revoke; any code of the store
 */
export async function forget(record: NodeRecord, head: DigestHex): Promise<ForgetOutcome> {
  const { store, site, node } = record;
  const history = await readNode(store, site, node);
  const revoke = demandRevoked(history, head);
  // The node is shown the revoke before anything goes: else it would be shown a bundle that no entry has.
  await publishInForce(record, revoke);
  const slots: number[] = [];
  for (const entry of history.entries) {
    if (await takeBundle(record, entry)) slots.push(entry.slot);
  }
  const removed: ObjectKey[] = [];
  for (const prefix of ['pending', 'rejected', 'cosign'] as const) {
    for await (const { key } of listAll(store, nodePrefix(prefix, node))) removed.push(key);
  }
  if ((await store.head(reportKey(node))) !== undefined) removed.push(reportKey(node));
  for (const key of removed) await store.delete(key);
  return { slots, removed, junk: history.junk };
}

function demandRevoked({ head }: History, expected: DigestHex): HistoryEntry {
  const digest = head === undefined ? undefined : toHex(head.frame.statementDigest);
  if (head !== undefined && digest === expected && head.frame.statement.type === 'revoke') {
    return head;
  }
  const now =
    head === undefined
      ? 'nothing is decided about it'
      : `the newest decision is ${head.frame.statement.type}, seq ${head.frame.statement.seq}`;
  throw fail('head_moved', `only a node that is revoked is forgotten, and ${now}: look again`, {
    details: {
      ...(head && { head: toHex(head.frame.statementDigest), seq: head.frame.statement.seq }),
    },
  });
}

/** @param entry as it was read without its bundle. @returns whether one was there */
async function takeBundle(
  { store, site, node }: NodeRecord,
  entry: HistoryEntry,
): Promise<boolean> {
  const { statement, statementDigest } = entry.frame;
  if (entry.forgotten || statement.type === 'reject' || isZero(statement.digest)) return false;
  const key = historyKey(node, entry.slot);
  for (let tries = 1; ; tries++) {
    const there = await readWithin(store, key, MAX_ENTRY_BYTES);
    const frame = there?.bytes && verifyEntry(there.bytes, site, node);
    if (there === undefined || !frame || !equalBytes(frame.statementDigest, statementDigest)) {
      throw fail('store_unavailable', `${key} is another object than a moment ago: look again`);
    }
    if (frame.bundle === undefined) return false;
    try {
      await store.replace(key, entry.bytes, there.etag);
      return true;
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      const again = hasCode(error, 'precondition_failed', 'store_unknown');
      if (!again || tries === TRIES) throw error;
    }
  }
}
