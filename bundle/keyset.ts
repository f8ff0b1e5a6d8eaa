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
 *
 * The signatures come last. What hangs on the pinned digest was signed by administrators, but for
 * the first forgery; a chain of a stranger's own making would have a thousand signatures to check.
 * @throws bad_site, bad_chain, not_pinned, bad_signature, bad_key_index, key_not_allowed,
 *   threshold_not_met
 */
export function verifyChain(chain: readonly SignedKeyset[], pinned: SignedKeyset): Keyset {
  if (chain.some(({ keyset }) => !equalBytes(keyset.site, pinned.keyset.site))) {
    throw bundleError('bad_site', 'a keyset of another site');
  }
  const steps = chain.slice(1).map((after, i) => [chain[i]!, after] as const);
  for (const [before, after] of steps) checkFollows(before, after);
  const newest = chain.at(-1);
  if (newest === undefined || !chain.some((link) => isSameKeyset(link, pinned))) {
    throw bundleError('not_pinned', 'the keysets do not lead through the pinned one');
  }
  for (const [before, after] of steps) checkSignatures(before, after);
  return newest.keyset;
}

/** @throws as {@link verifyChain}, for one step */
export function verifyLink(before: SignedKeyset, after: SignedKeyset): void {
  checkFollows(before, after);
  checkSignatures(before, after);
}

function isSameKeyset(a: SignedKeyset, b: SignedKeyset): boolean {
  return a.keyset.version === b.keyset.version && equalBytes(a.digest, b.digest);
}

function checkFollows({ keyset, digest }: SignedKeyset, { keyset: after }: SignedKeyset): void {
  if (
    after.version !== keyset.version + 1 ||
    !equalBytes(after.previous, digest) ||
    !equalBytes(after.site, keyset.site)
  ) {
    throw bundleError('bad_chain', `keyset ${after.version} does not follow the one before`);
  }
}

function checkSignatures({ keyset }: SignedKeyset, after: SignedKeyset): void {
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
