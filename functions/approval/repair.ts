import { equalBytes } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { decidedDigests } from '../../protocol/history.ts';
import type { History, HistoryEntry } from '../../protocol/history.ts';
import { approvedKey, nodePrefix, parseKey } from '../../protocol/keys.ts';
import type { DigestHex, ObjectKey } from '../../protocol/keys.ts';
import { keysetsOf } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import { currentChain, storeKeysets } from '../keysets.ts';
import { readCosigned, sortCosigned } from './cosigned.ts';
import { publishInForce, publishRejection, removeProposal } from './publish.ts';
import type { NodeRecord, OnWritten } from './publish.ts';
import { putBackKeyset, readNode } from './record.ts';

/** What a repair found and did. */
export interface RepairOutcome {
  /**
   * Whether the node is shown what its history says is in force, or nothing if that is nothing.
   * False for a newer statement that the history does not hold (a restored backup): the next
   * decision must go above its seq. False also for a bundle in force that was taken away, and for
   * junk where there is nothing to put in its place.
   */
  readonly published: boolean;
  /** Slots that hold no entry, and why. They stay: nothing in `history/` is ever removed. */
  readonly junk: readonly { slot: number; code: ErrorCode }[];
  /** Decided proposals that were still in `pending/`, and signatures that no decision can use any more. */
  readonly cleaned: readonly ObjectKey[];
  /** Objects that were missing or behind, and were written again. */
  readonly written: readonly ObjectKey[];
}

/**
 * Does again whatever a crash, a full store or a restore left undone for one node: puts back missing
 * keysets, publishes what is in force and the newest rejection, and removes decided proposals and
 * signatures that came too late.
 * Anybody may, at any time; done twice it changes nothing.
 *
 * @throws any code of the store
 */
export async function repair(record: NodeRecord): Promise<RepairOutcome> {
  const { store, site, node } = record;
  const cosigned = await readCosigned(record);
  const history = await readNode(store, site, node);
  const written: ObjectKey[] = [];
  const onWritten: OnWritten = (key) => void written.push(key);
  for (const keyset of history.head?.frame.chain ?? [site.pinned]) {
    if (keyset.keyset.version >= site.pinned.keyset.version) {
      await putBackKeyset(store, keyset, onWritten);
    }
  }
  const published = await showInForce(record, history, onWritten);
  const { head } = history;
  if (head?.frame.statement.type === 'reject') await publishRejection(record, head, onWritten);
  const decided = decidedDigests(history);
  const cleaned: ObjectKey[] = [];
  for await (const { key } of listAll(store, nodePrefix('pending', node))) {
    const parsed = parseKey(key);
    const entry = parsed?.prefix === 'pending' ? decided.get(parsed.digest) : undefined;
    if (entry === undefined) continue;
    await settleProposal(record, entry, onWritten);
    cleaned.push(key);
  }
  if (cosigned.length > 0) {
    const chain = await currentChain(storeKeysets(store), keysetsOf(site));
    for (const { key } of sortCosigned(cosigned, history, chain.at(-1)!.keyset).overtaken) {
      await store.delete(key);
      cleaned.push(key);
    }
  }
  return { published, junk: history.junk, cleaned, written };
}

async function showInForce(
  record: NodeRecord,
  history: History,
  onWritten: OnWritten,
): Promise<boolean> {
  const { store, site, node } = record;
  const { inForce } = history;
  if (inForce === undefined) return (await store.head(approvedKey(node))) === undefined;
  if (inForce.forgotten) return false;
  const shown = await publishInForce(record, inForce, onWritten);
  if (equalBytes(shown.statementDigest, inForce.frame.statementDigest)) return true;
  const since = await readNode(store, site, node);
  return since.entries.some(({ frame }) =>
    equalBytes(frame.statementDigest, shown.statementDigest),
  );
}

/**
 * Which of a node's waiting proposals are decided: a listing hides them. They are settled there and
 * then; one that the store will not let go of stays hidden, and the next listing tries again.
 *
 * @throws any code of reading the history
 */
export async function settleDecided(
  record: NodeRecord,
  waiting: readonly DigestHex[],
): Promise<ReadonlySet<DigestHex>> {
  const decided = decidedDigests(await readNode(record.store, record.site, record.node));
  const hidden = new Set<DigestHex>();
  for (const digest of waiting) {
    const entry = decided.get(digest);
    if (entry === undefined) continue;
    hidden.add(digest);
    try {
      await settleProposal(record, entry);
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
    }
  }
  return hidden;
}

/** A rejection is published first, since nothing else holds the refused proposal. */
async function settleProposal(
  record: NodeRecord,
  entry: HistoryEntry,
  onWritten?: OnWritten,
): Promise<void> {
  if (entry.frame.statement.type === 'reject') await publishRejection(record, entry, onWritten);
  await removeProposal(record, entry);
}
