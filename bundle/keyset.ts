import { ed25519Sign, sha256 } from '#platform';
import { concat, equalBytes, Reader } from './bytes.ts';
import { bundleError } from './errors.ts';
import type { Identity } from './identity.ts';
import { encodeSignedKeyset, keysetMessage, readSignedKeyset } from './keyset-layout.ts';
import type { Keyset, SignedKeyset } from './keyset-layout.ts';
import { sortSignatures, verifyKeySignatures } from './signatures.ts';

export * from './keyset-layout.ts';

/** @param signers with the indexes of their keys in the version *before*; none for version 1 */
export function signKeyset(
  keyset: Keyset,
  signers: readonly { identity: Identity; keyIndex: number }[],
): SignedKeyset {
  const message = keysetMessage(keyset);
  const signatures = signers.map(({ identity, keyIndex }) => ({
    keyIndex,
    signature: ed25519Sign(identity.signSecret, message),
  }));
  return { keyset, digest: sha256(message), signatures: sortSignatures(signatures) };
}

/** Signed keysets one after another, oldest first. */
export function encodeChain(chain: readonly SignedKeyset[]): Uint8Array {
  return concat(...chain.map(encodeSignedKeyset));
}

/** The layout only: {@link verifyChain} judges. @throws as {@link decodeSignedKeyset} */
export function decodeChain(bytes: Uint8Array): SignedKeyset[] {
  const reader = new Reader(bytes);
  const chain: SignedKeyset[] = [];
  do chain.push(readSignedKeyset(reader));
  while (reader.remaining > 0);
  return chain;
}

/**
 * The newest keyset of a chain that leads through the pinned one: the same site throughout, each
 * version one more than the version before, naming its digest and signed by its threshold.
 * @throws bad_site, bad_chain, not_pinned, bad_signature, bad_key_index, key_not_allowed,
 *   threshold_not_met
 */
export function verifyChain(chain: readonly SignedKeyset[], pinned: SignedKeyset): Keyset {
  let before: SignedKeyset | undefined;
  let passesPinned = false;
  for (const link of chain) {
    if (!equalBytes(link.keyset.site, pinned.keyset.site)) {
      throw bundleError('bad_site', 'a keyset of another site');
    }
    if (before !== undefined) verifyLink(before, link);
    if (link.keyset.version === pinned.keyset.version) {
      passesPinned = equalBytes(link.digest, pinned.digest);
    }
    before = link;
  }
  if (before === undefined || !passesPinned) {
    throw bundleError('not_pinned', 'the keysets do not lead through the pinned one');
  }
  return before.keyset;
}

/** @throws as {@link verifyChain}, for one step */
export function verifyLink(before: SignedKeyset, after: SignedKeyset): void {
  const { keyset } = before;
  if (
    after.keyset.version !== keyset.version + 1 ||
    !equalBytes(after.keyset.previous, before.digest) ||
    !equalBytes(after.keyset.site, keyset.site)
  ) {
    throw bundleError('bad_chain', `keyset ${after.keyset.version} does not follow the one before`);
  }
  const message = keysetMessage(after.keyset);
  const keys = keyset.keys.map((key) => key.signKey);
  const signers = verifyKeySignatures(after.signatures, message, keys);
  if (signers.some((index) => keyset.keys[index]!.may !== 'all')) {
    throw bundleError('key_not_allowed', 'a "first" key cannot sign a keyset');
  }
  if (signers.length < keyset.threshold) {
    throw bundleError(
      'threshold_not_met',
      `keyset ${after.keyset.version}: ${signers.length} of ${keyset.threshold} signatures`,
    );
  }
}
