import { equalBytes, toHex } from '../../bundle/bytes.ts';
import type { NodeId } from '../../bundle/identity.ts';
import type { SignedStatement } from '../../bundle/statement.ts';
import { fail } from '../../protocol/errors.ts';
import type { History } from '../../protocol/history.ts';
import type { DecisionSource } from '../../protocol/http.ts';
import type { Site } from '../../protocol/site.ts';
import type { ObjectStore } from '../../store/port.ts';

/** A decision that somebody asks for. */
export interface DecisionRequest {
  readonly statement: SignedStatement;
  /** For approve and rollback; for reconfigure only where its bundle was sealed anew. */
  readonly from?: DecisionSource;
  /** Who signed the request: an administrator, or the node itself (policy `approval: none`). */
  readonly by: 'admin' | 'node';
  /**
   * The node's X25519 key, 32 bytes. A bundle shows only the signing key of its maker, and both keys
   * must hash to the node's id: so a decision about a bundle that the node made needs this.
   */
  readonly nodeBoxKey?: Uint8Array;
  /**
   * Nobody showed a token for this node's own statement: it is let in only while there are fewer nodes than
   * these, {@link MAX_NODES} at most.
   */
  readonly strangersUpTo?: number;
}

/**
 * How many nodes there may be, of any kind, where a new one approves for itself and showed no token. Then
 * whoever makes keys makes nodes.
 */
export const MAX_NODES = 1000;

/**
 * How many decisions a node makes for itself one after another. An administrator who looks at it and
 * hands it back (`reconfigure`) lets it make as many again.
 */
export const MAX_OWN_ENTRIES = 256;

/** How far above the head a node's own seq may be: one more than a node that remembers needs. */
const MAX_NODE_SEQ_STEP = 1000;

/** Whether the node that it is about signed it. */
export const isSelfSigned = (signed: SignedStatement): boolean =>
  signed.signatures.some((signature) => 'self' in signature);

/**
 * What a request must be whatever the history says: about this site and node, and signed by whom it
 * may be.
 *
 * @throws wrong_site, not_this_node, self_signed_refused, approval_required, bad_signer, bad_request
 */
export function demandRequest(request: DecisionRequest, site: Site, node: NodeId): void {
  const { statement } = request.statement;
  if (!equalBytes(statement.site, site.id)) {
    throw fail('wrong_site', `this statement is of site ${toHex(statement.site)}, not of this one`);
  }
  if (statement.node !== node) {
    throw fail('not_this_node', `this statement is about ${statement.node}, not ${node}`);
  }
  const self = isSelfSigned(request.statement);
  if (request.by === 'admin') {
    if (!self) return;
    throw fail('self_signed_refused', "an administrator does not bring a node's own statement");
  }
  if (site.approval !== 'none') {
    throw fail('approval_required', 'this site wants an administrator to approve');
  }
  if (!self) throw fail('bad_signer', 'a node brings only an approval that it signed itself');
  if (request.from !== undefined && 'slot' in request.from) {
    // From a slot it could approve the same bytes again and again, and so fill the bucket.
    throw fail('bad_request', 'a node approves only what it has just proposed');
  }
}

/**
 * A node's own seq stays near the head's: otherwise a node could take the last seq there is, and no
 * administrator could ever revoke it.
 *
 * @throws bad_sequence
 */
export function demandNearSeq({ statement: signed }: DecisionRequest, history: History): void {
  const seq = history.head?.frame.statement.seq ?? 0;
  if (isSelfSigned(signed) && signed.statement.seq > seq + MAX_NODE_SEQ_STEP) {
    throw fail('bad_sequence', `a node may go at most ${MAX_NODE_SEQ_STEP} above seq ${seq}`, {
      details: { seq },
    });
  }
}

/**
 * What a node may take of the store by what it decides for itself. Two that ask at one moment may both
 * be let in: a listing is no lock.
 *
 * @param bytes of the entry that would be made
 * @throws too_many_entries, too_many_nodes; store_full where the store keeps the rest for others; the
 *   codes of a listing
 */
export async function demandModest(
  store: Pick<ObjectStore, 'list' | 'demandRoom'>,
  request: DecisionRequest,
  history: History,
  bytes: number,
): Promise<void> {
  if (request.by === 'admin') return;
  const others = history.entries.findLastIndex(({ frame }) => !frame.self) + 1;
  if (history.entries.length - others >= MAX_OWN_ENTRIES) {
    throw fail(
      'too_many_entries',
      `this node has made ${MAX_OWN_ENTRIES} decisions for itself: an administrator has to hand it back (coatcheck reconfigure)`,
    );
  }
  const { strangersUpTo: limit } = request;
  if (history.entries.length === 0 && limit !== undefined) {
    const { objects } = await store.list('approved/', { limit });
    if (objects.length >= limit) {
      throw fail(
        'too_many_nodes',
        `there are ${limit} nodes already: more are let in with an enrolment token`,
      );
    }
  }
  // It is shown as well as recorded.
  await store.demandRoom?.(2 * bytes);
}
