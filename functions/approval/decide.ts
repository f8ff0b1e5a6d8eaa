import { CoatcheckError } from '../../bundle/errors.ts';
import { encodeFrame } from '../../bundle/frame.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { verifyEntry } from '../../protocol/history.ts';
import type { History, HistoryEntry } from '../../protocol/history.ts';
import { digestHex, historyKey } from '../../protocol/keys.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { removeOvertaken } from './cosigned.ts';
import { demandModest, demandRequest } from './demands.ts';
import type { DecisionRequest } from './demands.ts';
import { examine } from './examine.ts';
import { publishInForce, publishRejection, removeProposal } from './publish.ts';
import type { NodeRecord } from './publish.ts';
import { putBackKeyset } from './record.ts';

/** The answer to a decision that is committed. */
export interface DecisionOutcome {
  /** `already`: this very statement was committed by an earlier request, which may have had other signatures. */
  readonly outcome: 'decided' | 'already';
  readonly slot: number;
  readonly statementDigest: DigestHex;
  /** Whether the node is shown it by now; if not, `repair` will, and says what is in the way. */
  readonly published: boolean;
}

const TRIES = 6;

/**
 * Commits a decision about a node, and publishes it (docs/approval.md).
 *
 * The commit is the creation of the next slot of the history. Before it every demand of the
 * protocol is checked against one listing; where the slot turns out to be taken, or the outcome of
 * the creation is not known, all of it is read and checked again. A decision that is committed is
 * answered as such, also if it could not be published: asking for another one would be wrong, and
 * any later request or repair publishes it. The same statement may be sent again at any time.
 *
 * @throws the codes of `demandRequest`, `examine` and `verifyFrame`, and of the store. Nothing was decided, except
 *   under store_unknown: then it is not known, and the same statement must be sent again.
 */
export async function decide(record: NodeRecord & DecisionRequest): Promise<DecisionOutcome> {
  demandRequest(record, record.site, record.node);
  const { entry, history, outcome } = await commit(record);
  const published = await succeeds(() => publish(record, history, entry));
  if (published) await succeeds(() => removeProposal(record, entry));
  await succeeds(() => removeOvertaken(record, entry));
  return {
    outcome,
    slot: entry.slot,
    statementDigest: digestHex(entry.frame.statementDigest),
    // Somebody took the slot with the same statement and no bundle: there is nothing to show.
    published: published && !entry.forgotten,
  };
}

interface Committed {
  readonly outcome: 'decided' | 'already';
  readonly entry: HistoryEntry;
  /** As it was read, without the entry if that is new. */
  readonly history: History;
}

async function commit(record: NodeRecord & DecisionRequest): Promise<Committed> {
  /** The answer to a creation that may have been made all the same. */
  let doubt: CoatcheckError | undefined;
  for (let tries = 1; ; tries++) {
    try {
      const committed = await attempt(record);
      // Found after a creation whose answer was lost, it is that creation, unless others signed it.
      const isOurs = doubt?.code === 'store_unknown' && hasSigners(committed.entry, record);
      return isOurs ? { ...committed, outcome: 'decided' } : committed;
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      // What is in the way may be ourselves: a proxy that hears no answer sends a PUT again.
      const again = hasCode(error, 'store_unknown', 'already_exists');
      if (again && doubt?.code !== 'store_unknown') doubt = error;
      if (again && tries < TRIES) continue;
      // A creation of unknown outcome may still land while its slot is free. After head_moved it is
      // not: it was the lowest free one, and below the entry that moved the head none is free.
      if (doubt === undefined || error.code === 'head_moved') throw error;
      const what = 'whether this is decided is not known: send the same statement again';
      throw fail('store_unknown', what, { cause: error });
    }
  }
}

/** Signatures are of the same bytes, so that the same keys have made the same ones. */
function hasSigners({ frame }: HistoryEntry, { statement }: DecisionRequest): boolean {
  const keys = statement.signatures.flatMap((one) => ('keyIndex' in one ? [one.keyIndex] : []));
  return keys.length === frame.signers.length && keys.every((key) => frame.signers.includes(key));
}

async function attempt(record: NodeRecord & DecisionRequest): Promise<Committed> {
  const { store, site, node, statement } = record;
  const { history, found, chain, bundle } = await examine(record);
  if (found !== undefined) return { outcome: 'already', entry: found, history };
  const bytes = encodeFrame({ chain, statement, ...(bundle && { bundle }) });
  const slot = history.nextSlot;
  const entry = { slot, bytes, frame: verifyEntry(bytes, site, node), forgotten: false };
  await demandModest(store, record, history, bytes.length);
  await store.create(historyKey(node, slot), bytes);
  return { outcome: 'decided', entry, history };
}

/** Shows what is in force, and the entry's rejection: also what an earlier request left undone. */
async function publish(record: NodeRecord, history: History, entry: HistoryEntry): Promise<void> {
  const isFirst = (history.entries[0] ?? entry) === entry;
  if (isFirst) await putBackKeyset(record.store, record.site.pinned);
  const { type, seq } = entry.frame.statement;
  const before = history.inForce;
  const isNewest = type !== 'reject' && seq > (before?.frame.statement.seq ?? 0);
  const inForce = isNewest ? entry : before;
  if (inForce !== undefined && !inForce.forgotten) await publishInForce(record, inForce);
  if (type === 'reject') await publishRejection(record, entry);
}

async function succeeds(step: () => Promise<void>): Promise<boolean> {
  try {
    await step();
    return true;
  } catch (error) {
    if (error instanceof CoatcheckError) return false;
    throw error;
  }
}
