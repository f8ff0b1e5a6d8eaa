import { equalBytes } from '../../bundle/bytes.ts';
import type { SignedKeyset } from '../../bundle/keyset.ts';
import { fail } from '../../protocol/errors.ts';
import { demandFollows } from '../../protocol/history.ts';
import type { History, HistoryEntry } from '../../protocol/history.ts';
import { digestHex, pendingKey } from '../../protocol/keys.ts';
import { keysetsOf } from '../../protocol/site.ts';
import { currentChain, storeKeysets } from '../keysets.ts';
import { bundleOf } from './bundle-of.ts';
import { demandNearSeq, isSelfSigned } from './demands.ts';
import type { DecisionRequest } from './demands.ts';
import { readWithin } from './objects.ts';
import { readShown } from './publish.ts';
import type { NodeRecord } from './publish.ts';
import { readNode } from './record.ts';

/** What a decision meets in the store. */
export interface Examined {
  /** of one listing: head and next slot are of the same moment */
  readonly history: History;
  /** The entry that has this statement already: then nothing else was demanded. */
  readonly found?: HistoryEntry;
  /** to the newest keyset, which is that of the statement */
  readonly chain: readonly SignedKeyset[];
  /** what the entry will carry */
  readonly bundle?: Uint8Array;
}

/**
 * Everything that the protocol demands of a decision beside its signatures, against the store as it is
 * now (docs/approval.md).
 *
 * @throws head_moved with the new head's `head` (hex) and `seq` in the details; bad_sequence with
 *   the `seq` to go above; stale_keyset with the newest `version`; the codes of `demandFollows` and
 *   `bundleOf`, and of the store
 */
export async function examine(record: NodeRecord & DecisionRequest): Promise<Examined> {
  const { store, site, node, from, statement: signed } = record;
  const { statement } = signed;
  // Both are read before the listing: it then shows why a proposal is gone, and holds whatever is
  // shown, unless the history was cut.
  const shown = await readShown(record);
  const proposal =
    from && 'pending' in from
      ? await readWithin(store, pendingKey(node, digestHex(statement.digest)), site.maxBundleBytes)
      : undefined;

  const wanted = from && 'slot' in from ? from.slot : undefined;
  const history = await readNode(store, site, node, (slot) => slot === wanted);
  const self = isSelfSigned(signed);
  // A node and an administrator can sign the same statement, and it does not mean the same.
  const found = history.entries.find(
    ({ frame }) => frame.self === self && equalBytes(frame.statementDigest, signed.digest),
  );
  if (found !== undefined) return { history, found, chain: found.frame.chain };

  demandFollows({ statement, self }, history.head?.frame);
  demandNearSeq(record, history);
  if (statement.type !== 'reject' && shown && shown.statement.seq >= statement.seq) {
    const { seq } = shown.statement;
    throw fail('bad_sequence', `the node is shown seq ${seq}, which its history lost: go above`, {
      details: { seq },
    });
  }
  const chain = await currentChain(storeKeysets(store), keysetsOf(site));
  const newest = chain.at(-1)!.keyset;
  if (statement.keysetVersion !== newest.version) {
    throw fail('stale_keyset', `the newest keyset is ${newest.version}: sign again`, {
      details: { version: newest.version },
    });
  }
  const bundle = bundleOf(record, history, newest, site, proposal);
  return { history, chain, ...(bundle && { bundle }) };
}
