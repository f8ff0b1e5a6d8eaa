import { ed25519Sign } from '#platform';
import { equalBytes, isZero } from './bytes.ts';
import { verifyStrict } from './ed25519.ts';
import { bundleError } from './errors.ts';
import { nodeIdOf } from './identity.ts';
import type { Identity } from './identity.ts';
import type { Keyset } from './keyset.ts';
import { sortSignatures, verifyKeySignatures } from './signatures.ts';
import type { SelfSignature } from './signatures.ts';
import { statementDigest, statementMessage } from './statement-layout.ts';
import type { SignedStatement, Statement } from './statement-layout.ts';

export * from './statement-layout.ts';
export type { KeySignature, SelfSignature, StatementSignature } from './signatures.ts';

/** @param keyIndex the position of the administrator's key in the keyset of the statement */
export function signStatement(
  statement: Statement,
  identity: Identity,
  keyIndex: number,
): SignedStatement {
  return addSignature(
    { statement, digest: statementDigest(statement), signatures: [] },
    identity,
    keyIndex,
  );
}

/** The same statement with one more signature. @throws duplicate if this key signed already */
export function addSignature(
  signed: SignedStatement,
  identity: Identity,
  keyIndex: number,
): SignedStatement {
  if (signed.signatures.some((entry) => 'self' in entry || entry.keyIndex === keyIndex)) {
    throw bundleError('duplicate', `key ${keyIndex} signed this statement already`);
  }
  const signature = ed25519Sign(identity.signSecret, statementMessage(signed.statement));
  const signatures = sortSignatures([...signed.signatures, { keyIndex, signature }]);
  return { ...signed, signatures };
}

/** An approval that a node gives itself, under the policy `approval: none`. */
export function signStatementAsNode(statement: Statement, identity: Identity): SignedStatement {
  const { signKey, boxKey } = identity;
  const signature = ed25519Sign(identity.signSecret, statementMessage(statement));
  return {
    statement,
    digest: statementDigest(statement),
    signatures: [{ self: { signKey, boxKey }, signature }],
  };
}

/**
 * Whether the statement is decided: every signature good, of distinct keys, as many as the keyset
 * demands; or, under the policy `none`, an approval by the node itself and nobody else.
 * @throws keyset_mismatch, bad_site, bad_signature, bad_key_index, duplicate, key_not_allowed,
 *   threshold_not_met, self_signed_refused, bad_node_id
 */
export function verifyStatement(
  signed: SignedStatement,
  keyset: Keyset,
  policy: { approval: 'required' | 'none' },
): { signers: number[]; self: boolean } {
  const { statement, signatures } = signed;
  if (statement.keysetVersion !== keyset.version) {
    throw bundleError(
      'keyset_mismatch',
      `the statement is of keyset ${statement.keysetVersion}, not ${keyset.version}`,
    );
  }
  if (!equalBytes(statement.site, keyset.site)) {
    throw bundleError('bad_site', 'the statement is of another site');
  }
  const self = signatures.find((entry) => 'self' in entry);
  if (self !== undefined) {
    verifySelf(signed, self, policy);
    return { signers: [], self: true };
  }
  const keys = keyset.keys.map((key) => key.signKey);
  const signers = verifyKeySignatures(signatures, statementMessage(statement), keys);
  const isFirstApproval =
    statement.type === 'approve' && statement.seq === 1 && isZero(statement.prev);
  if (!isFirstApproval && signers.some((index) => keyset.keys[index]!.may === 'first')) {
    throw bundleError(
      'key_not_allowed',
      'a "first" key signs only the first approval of a node: sign with another key',
    );
  }
  if (signers.length < keyset.threshold) {
    throw bundleError(
      'threshold_not_met',
      `${signers.length} of ${keyset.threshold} signatures: more administrators must sign`,
    );
  }
  return { signers, self: false };
}

function verifySelf(
  { statement, signatures }: SignedStatement,
  { self, signature }: SelfSignature,
  policy: { approval: 'required' | 'none' },
): void {
  if (policy.approval !== 'none') {
    throw bundleError('self_signed_refused', 'this site wants an administrator to approve');
  }
  if (statement.type !== 'approve' || signatures.length !== 1) {
    throw bundleError('self_signed_refused', 'a node signs only approvals, and alone');
  }
  if (nodeIdOf(self) !== statement.node) {
    throw bundleError('bad_node_id', 'the statement is signed by another node');
  }
  if (!verifyStrict(self.signKey, statementMessage(statement), signature)) {
    throw bundleError('bad_signature', "the node's own signature is not good");
  }
}
