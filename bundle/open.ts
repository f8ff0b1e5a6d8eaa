import { equalBytes, Reader } from './bytes.ts';
import { dictionary } from './dictionary.ts';
import { bundleError } from './errors.ts';
import { COMMITMENT_BYTES, PREFIX_BYTES, SIGNATURE_BYTES, SLOT_BYTES } from './header.ts';
import type { SealedBundle } from './header.ts';
import { inflateExactly } from './inflate.ts';
import { decodeManifest } from './manifest.ts';
import { demandMaker } from './metadata.ts';
import type { Manifest } from './manifest.ts';
import { MAX_MANIFEST_BYTES } from './manifest.ts';
import { unpad } from './padding.ts';
import { boxKeyOf, commitment, slotNonce, ZERO_NONCE } from './seal.ts';
import { openBox } from './secret-box.ts';
import { boxSharedKey } from './shared-key.ts';

/** The X25519 pair of one recipient, 32 bytes each. */
export interface BoxKeys {
  readonly boxKey: Uint8Array;
  readonly boxSecret: Uint8Array;
}

/**
 * Opens a bundle whose signature `readBundle` has checked.
 * @throws not_a_recipient, bad_commitment, decrypt_failed, bad_padding, manifest_too_large,
 *   inflate_failed, length_mismatch, trailing_bytes, bad_kind, and as `decodeManifest` and `demandMaker`
 */
export function openBundle(sealed: SealedBundle, keys: BoxKeys): Manifest {
  const manifest = decodeManifest(openBytes(sealed, keys, MAX_MANIFEST_BYTES));
  if (sealed.kind === 'node' && !equalBytes(sealed.signer, manifest.node.signKey)) {
    throw bundleError('bad_kind', 'a bundle that says "made by the node" is signed by another key');
  }
  if (sealed.kind === 'node') demandMaker(manifest.metadata);
  return manifest;
}

/** What bundles and reports have in common: the contents, inflated, of at most `maxBytes`. */
export function openBytes(sealed: SealedBundle, keys: BoxKeys, maxBytes: number): Uint8Array {
  const reader = new Reader(unpad(decrypt(sealed, keys)));
  if (reader.remaining < 4) throw bundleError('truncated', 'the contents have no length');
  const length = reader.u32le();
  if (length > maxBytes) {
    throw bundleError('manifest_too_large', `the contents are ${length} bytes, over ${maxBytes}`);
  }
  return inflateExactly(reader.rest(), length, dictionary(sealed.dictionary));
}

function decrypt({ bytes, recipientCount }: SealedBundle, keys: BoxKeys): Uint8Array {
  const reader = new Reader(bytes.subarray(0, bytes.length - SIGNATURE_BYTES));
  const prefix = reader.bytes(PREFIX_BYTES);
  const ephemeral = prefix.subarray(PREFIX_BYTES - 32);
  const committed = reader.bytes(COMMITMENT_BYTES);
  const shared = boxSharedKey(ephemeral, keys.boxSecret);
  const nonce = slotNonce(ephemeral, keys.boxKey);
  let key: Uint8Array | undefined;
  for (let i = 0; i < recipientCount; i++) {
    const slot = reader.bytes(SLOT_BYTES);
    key ??= openBox(slot, nonce, shared);
  }
  if (key === undefined)
    throw bundleError('not_a_recipient', 'this bundle is not sealed to this key');
  if (!equalBytes(commitment(key, prefix), committed)) {
    throw bundleError('bad_commitment', 'the bundle could show others other contents: refuse it');
  }
  const inner = openBox(reader.rest(), ZERO_NONCE, boxKeyOf(key, prefix));
  if (inner === undefined)
    throw bundleError('decrypt_failed', 'the contents of the bundle are damaged');
  return inner;
}
