import { equalBytes, toHex } from '../../bundle/bytes.ts';
import { bundleError } from '../../bundle/errors.ts';
import { bundleDigest, readBundle } from '../../bundle/header.ts';
import type { SealedBundle } from '../../bundle/header.ts';
import { nodeIdOf } from '../../bundle/identity.ts';
import type { NodeId } from '../../bundle/identity.ts';
import type { Keyset } from '../../bundle/keyset.ts';
import type { SignedStatement } from '../../bundle/statement.ts';
import { fail } from '../../protocol/errors.ts';
import { decidedDigests } from '../../protocol/history.ts';
import type { History } from '../../protocol/history.ts';
import type { DecisionSource } from '../../protocol/http.ts';
import { digestHex } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import type { Present } from './objects.ts';

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

export const isSelfSigned = (signed: SignedStatement): boolean =>
  signed.signatures.some((signature) => 'self' in signature);

/**
 * What a request must be whatever the history says: about this site and node, and signed by whom it
 * may be.
 *
 * @throws wrong_site, not_this_node, self_signed_refused, approval_required, bad_signer
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
 * What each type of decision demands beyond its signatures and its place
 * (docs/approval.md, "Types").
 *
 * @param keyset that of the statement, the newest
 * @param proposal what was read at `pending/<node>/<digest>`, where the request names it
 * @returns the sealed bundle that the entry will hold, if any
 * @throws bad_request (a source too many or too few), in_force, already_decided, not_found,
 *   too_large, digest_mismatch, bad_signer, bad_recipients, and as `readBundle`
 */
export function bundleOf(
  request: DecisionRequest,
  history: History,
  keyset: Keyset,
  site: Site,
  proposal: Present | undefined,
): Uint8Array | undefined {
  const { from } = request;
  const { type, digest } = request.statement.statement;
  if (type === 'reject' || type === 'revoke') {
    if (from !== undefined)
      throw fail('bad_request', `a ${type} takes no bundle: leave out "from"`);
    if (type === 'reject') demandRejectable(digest, history);
    return undefined;
  }
  if (from === undefined) {
    if (type === 'reconfigure') return bundleInForce(digest, history);
    throw fail('bad_request', `say where the bundle to ${type} is: "from"`);
  }
  if ('pending' in from) demandUndecided(digest, history);
  const bytes = 'pending' in from ? bytesWithin(proposal, site) : bundleInSlot(from.slot, history);
  if (bytes === undefined) {
    throw fail('not_found', 'this bundle is not there (any more): list again', {
      details: { digest: toHex(digest) },
    });
  }
  if (!equalBytes(bundleDigest(bytes), digest)) {
    throw bundleError('digest_mismatch', 'the bundle is not the one that the statement names');
  }
  const bundle = readBundle(bytes, { maxBytes: site.maxBundleBytes, expect: 'proposal' });
  demandMaker(bundle, request, keyset);
  demandRecipients(bundle, keyset);
  return bytes;
}

function demandRejectable(digest: Uint8Array, history: History): void {
  const inForce = history.inForce?.frame.statement.digest;
  if (inForce !== undefined && equalBytes(inForce, digest)) {
    throw fail('in_force', 'this bundle is in force: revoke it, or approve another');
  }
  demandUndecided(digest, history);
}

function demandUndecided(digest: Uint8Array, history: History): void {
  const entry = decidedDigests(history).get(digestHex(digest));
  if (entry === undefined) return;
  const { type, seq } = entry.frame.statement;
  throw fail('already_decided', `this proposal is decided: ${type}, seq ${seq}`, {
    details: { type, seq, slot: entry.slot },
  });
}

/** A reconfigure carries what it replaces, so that the dialogue can start from its answers. */
function bundleInForce(digest: Uint8Array, history: History): Uint8Array | undefined {
  const bundle = history.inForce?.frame.bundle;
  const expected = bundle?.digest ?? new Uint8Array(32);
  if (equalBytes(expected, digest)) return bundle?.bytes;
  throw bundleError(
    'digest_mismatch',
    bundle === undefined
      ? 'no bundle is in force: a reconfigure names none'
      : 'a reconfigure names the bundle in force',
    { details: { digest: toHex(expected) } },
  );
}

function bytesWithin(proposal: Present | undefined, site: Site): Uint8Array | undefined {
  if (proposal === undefined || proposal.bytes !== undefined) return proposal?.bytes;
  throw fail('too_large', `this proposal is over the site's ${site.maxBundleBytes} bytes`, {
    details: { maxBytes: site.maxBundleBytes },
  });
}

function bundleInSlot(slot: number, history: History): Uint8Array | undefined {
  return history.entries.find((entry) => entry.slot === slot)?.frame.bundle?.bytes;
}

/** The maker is the node, or an administrator of the newest keyset; its kind says which. */
function demandMaker(
  bundle: SealedBundle,
  { statement: { statement, signatures }, nodeBoxKey }: DecisionRequest,
  keyset: Keyset,
): void {
  if (bundle.kind === 'admin') {
    if (keyset.keys.some((key) => equalBytes(key.signKey, bundle.signer))) return;
    throw fail('bad_signer', 'the maker of this bundle is no administrator of the newest keyset');
  }
  const own = signatures.find((signature) => 'self' in signature)?.self.boxKey;
  const boxKey = nodeBoxKey ?? own;
  if (boxKey === undefined) {
    throw fail('bad_signer', "the node made this bundle: send the node's box key to show it");
  }
  if (nodeIdOf({ signKey: bundle.signer, boxKey }) !== statement.node) {
    throw fail('bad_signer', `this bundle was not made by ${statement.node}`);
  }
}

/**
 * One slot for the node and one for each administrator. Slots are anonymous, so the count is all
 * that a server can see: the administrator's tool opens the bundle before it signs.
 */
function demandRecipients(bundle: SealedBundle, keyset: Keyset): void {
  const expected = 1 + keyset.keys.length;
  if (bundle.recipientCount === expected) return;
  throw fail(
    'bad_recipients',
    `this bundle has ${bundle.recipientCount} recipients instead of ${expected}: seal it again`,
    { details: { expected } },
  );
}
