import { concat } from '../../../bundle/bytes.ts';
import {
  bundleDigest,
  PREFIX_BYTES,
  SIGNATURE_BYTES,
  signedMessage,
} from '../../../bundle/header.ts';
import { keysetDigest, keysetMessage } from '../../../bundle/keyset.ts';
import type { Keyset, SignedKeyset } from '../../../bundle/keyset.ts';
import { statementDigest, statementMessage } from '../../../bundle/statement.ts';
import type { SignedStatement, Statement, StatementSignature } from '../../../bundle/statement.ts';
import { signFor } from '../stand-ins/platform.ts';

// An object that was changed, with its signatures made good again, so that what is behind them is
// reached. The stand-in for Ed25519 signs for any public key.

/** A bundle or report, signed by whatever key its header names; as it is if it is too short. */
export function resignBundle(bytes: Uint8Array): Uint8Array {
  if (bytes.length < PREFIX_BYTES + SIGNATURE_BYTES) return bytes;
  const unsigned = bytes.subarray(0, bytes.length - SIGNATURE_BYTES);
  const message = signedMessage(bytes[5] === 2 ? 'report' : 'node', unsigned);
  return concat(unsigned, signFor(bytes.subarray(8, 40), message));
}

/** A statement, signed by the same keys of the keyset, as far as it has such keys. */
export function resignStatement(
  { statement, signatures }: Pick<SignedStatement, 'statement' | 'signatures'>,
  { keys }: Keyset,
): SignedStatement {
  const message = statementMessage(statement);
  const sign = (entry: StatementSignature): StatementSignature => {
    const signKey = 'self' in entry ? entry.self.signKey : keys[entry.keyIndex]?.signKey;
    return signKey === undefined ? entry : { ...entry, signature: signFor(signKey, message) };
  };
  return { statement, digest: statementDigest(statement), signatures: signatures.map(sign) };
}

/** Keysets of which each names the one before, signed by the same keys of it, if it has them. */
export function relinkChain(chain: readonly SignedKeyset[]): SignedKeyset[] {
  const linked: SignedKeyset[] = [];
  for (const { keyset, signatures } of chain) {
    const before = linked.at(-1);
    if (before === undefined) {
      linked.push({ keyset, digest: keysetDigest(keyset), signatures });
      continue;
    }
    const next = keyset.version === 1 ? keyset : { ...keyset, previous: before.digest };
    const message = keysetMessage(next);
    linked.push({
      keyset: next,
      digest: keysetDigest(next),
      signatures: signatures.map((entry) => {
        const signKey = before.keyset.keys[entry.keyIndex]?.signKey;
        return signKey === undefined ? entry : { ...entry, signature: signFor(signKey, message) };
      }),
    });
  }
  return linked;
}

/** The statement about these bytes instead. */
export function renamed(statement: Statement, bundle: Uint8Array): Statement {
  return { ...statement, digest: bundleDigest(bundle) };
}
