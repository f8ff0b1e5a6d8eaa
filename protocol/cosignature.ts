import { equalBytes } from '../bundle/bytes.ts';
import { CoatcheckError } from '../bundle/errors.ts';
import type { Keyset } from '../bundle/keyset.ts';
import {
  decodeSignedStatement,
  MAX_STATEMENT_BYTES,
  verifyStatement,
  ZERO_DIGEST,
} from '../bundle/statement.ts';
import type { SignedStatement } from '../bundle/statement.ts';
import { fail } from './errors.ts';
import type { Link } from './history.ts';
import { digestHex } from './keys.ts';
import type { ParsedKey } from './keys.ts';
import type { Site } from './site.ts';

/** Limit on an object of `cosign/`, bytes: the longest statement, and one signature. */
export const MAX_COSIGNATURE_BYTES = MAX_STATEMENT_BYTES - 14 * 65;

/**
 * What an object of `cosign/` holds: a whole statement with one administrator's signature. The signature
 * itself is judged by {@link isUnderWay}.
 * @param at what its key means
 * @throws does_not_verify for what its key does not say; as `decodeSignedStatement`
 */
export function decodeCosignature(
  bytes: Uint8Array,
  at: Extract<ParsedKey, { prefix: 'cosign' }>,
  { id }: Pick<Site, 'id'>,
): SignedStatement {
  const signed = decodeSignedStatement(bytes);
  const { statement, digest, signatures } = signed;
  const [only, ...others] = signatures;
  const isBy = only !== undefined && 'keyIndex' in only && only.keyIndex === at.keyIndex;
  if (
    !isBy ||
    others.length > 0 ||
    statement.node !== at.node ||
    digestHex(digest) !== at.statement ||
    !equalBytes(statement.site, id)
  ) {
    throw fail('does_not_verify', 'this is not the signature that its key names');
  }
  return signed;
}

/**
 * Whether a statement would be a decision now if enough administrators had signed it: it follows the head,
 * is of the newest keyset, and each of its signatures is of a key that may. Otherwise it is void, and for
 * ever: a head and a keyset only go forward.
 *
 * @param head undefined if nothing was decided yet
 * @param keyset the newest
 */
export function isUnderWay(
  signed: SignedStatement,
  head: Pick<Link, 'statementDigest'> | undefined,
  keyset: Keyset,
): boolean {
  const after = head?.statementDigest ?? ZERO_DIGEST;
  return equalBytes(signed.statement.prev, after) && isSignedUnder(signed, keyset);
}

/** Whether each signature of a statement is good, of a key of this keyset that may, and there is one. */
export function isSignedUnder(signed: SignedStatement, keyset: Keyset): boolean {
  try {
    verifyStatement(signed, { ...keyset, threshold: 1 }, { approval: 'required' });
    return true;
  } catch (error) {
    if (error instanceof CoatcheckError) return false;
    throw error;
  }
}
