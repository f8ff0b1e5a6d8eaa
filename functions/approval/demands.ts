import { equalBytes, toHex } from '../../bundle/bytes.ts';
import type { NodeId } from '../../bundle/identity.ts';
import type { SignedStatement } from '../../bundle/statement.ts';
import { fail } from '../../protocol/errors.ts';
import type { History } from '../../protocol/history.ts';
import type { DecisionSource } from '../../protocol/http.ts';
import type { Site } from '../../protocol/site.ts';

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
}

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
