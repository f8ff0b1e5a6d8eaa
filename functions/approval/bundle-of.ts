import { equalBytes, toHex } from '../../bundle/bytes.ts';
import { bundleError } from '../../bundle/errors.ts';
import { bundleDigest, readBundle } from '../../bundle/header.ts';
import type { SealedBundle } from '../../bundle/header.ts';
import { nodeIdOf } from '../../bundle/identity.ts';
import type { Keyset } from '../../bundle/keyset.ts';
import { ZERO_DIGEST } from '../../bundle/statement.ts';
import { fail } from '../../protocol/errors.ts';
import { decidedDigests } from '../../protocol/history.ts';
import type { History } from '../../protocol/history.ts';
import { digestHex } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import type { DecisionRequest } from './demands.ts';
import type { Present } from './objects.ts';

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
  const expected = bundle?.digest ?? ZERO_DIGEST;
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
