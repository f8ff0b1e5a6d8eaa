import { blake2b } from '@noble/hashes/blake2.js';
// Without threads: the other build of it loads Node's when it is imported.
import { deflateSync } from 'fflate/browser';
import { ed25519Sign, hmacSha256, randomBytes, x25519PublicKey } from '#platform';
import { concat, utf8, Writer } from './bytes.ts';
import { dictionary } from './dictionary.ts';
import { bundleError } from './errors.ts';
import { encodePrefix, MAX_DICTIONARY, MAX_RECIPIENTS, MAX_SEALED_BYTES } from './header.ts';
import { signedMessage } from './header.ts';
import type { BundleKind } from './header.ts';
import type { Identity } from './identity.ts';
import { encodeManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { demandMaker } from './metadata.ts';
import { pad } from './padding.ts';
import { SECRET_BOX, sealBox } from './secret-box.ts';
import { boxSharedKey } from './shared-key.ts';
import { assertBoxKey } from './x25519.ts';

/**
 * Compresses, pads, seals to every recipient, signs. Never the same bytes twice.
 * @param options.recipients 32-byte X25519 keys, 1 to 16: the node first, then the administrators
 *   in the order of the keyset
 * @throws bad_recipient_count, bad_public_key, too_large, and as `encodeManifest` and `demandMaker`
 */
export function sealBundle(options: {
  manifest: Manifest;
  signer: Identity;
  kind: 'node' | 'admin';
  recipients: readonly Uint8Array[];
}): Uint8Array {
  const { manifest, kind } = options;
  if (kind === 'node') demandMaker(manifest.metadata);
  return sealBytes({ ...options, plain: encodeManifest(manifest) });
}

/** What bundles and reports have in common: {@link sealBundle} without the manifest. */
export function sealBytes(options: {
  plain: Uint8Array;
  signer: Identity;
  kind: BundleKind;
  recipients: readonly Uint8Array[];
}): Uint8Array {
  const { plain, signer } = options;
  const inner = encodeInner(plain, MAX_DICTIONARY);
  // HMAC over the contents with the node's own secret in the key: a random source that repeats
  // itself early in a boot then repeats neither key for different contents.
  const entropy = concat(randomBytes(32), signer.hedge);
  return sealInner({
    ...options,
    inner,
    dictionaryId: MAX_DICTIONARY,
    key: hmacSha256(entropy, utf8('coatcheck/v1 key\0'), inner),
    ephemeralSecret: hmacSha256(entropy, utf8('coatcheck/v1 ephemeral\0'), inner),
  });
}

/** Length, raw deflate, padding: what the secret box holds. */
export function encodeInner(plain: Uint8Array, dictionaryId: number): Uint8Array {
  const preset = dictionary(dictionaryId);
  const compressed = deflateSync(plain, {
    level: 9,
    ...(preset.length > 0 && { dictionary: preset }),
  });
  return pad(new Writer().u32le(plain.length).bytes(compressed).finish());
}

/**
 * Seals with given secrets. Only {@link sealBytes}, which draws them, and the maker of the test
 * vectors may call it: a key that seals two contents gives both away.
 */
export function sealInner(options: {
  inner: Uint8Array;
  dictionaryId: number;
  signer: Identity;
  kind: BundleKind;
  recipients: readonly Uint8Array[];
  /** 32 bytes each */
  key: Uint8Array;
  ephemeralSecret: Uint8Array;
}): Uint8Array {
  const { inner, signer, kind, recipients, key, ephemeralSecret } = options;
  if (recipients.length < 1 || recipients.length > MAX_RECIPIENTS) {
    throw bundleError(
      'bad_recipient_count',
      `${recipients.length} recipients: 1 to 16 are allowed`,
    );
  }
  recipients.forEach(assertBoxKey);
  const ephemeral = x25519PublicKey(ephemeralSecret);
  const prefix = encodePrefix({
    kind,
    dictionary: options.dictionaryId,
    recipientCount: recipients.length,
    signer: signer.signKey,
    ephemeral,
  });
  const slots = recipients.map((recipient) =>
    sealBox(key, slotNonce(ephemeral, recipient), boxSharedKey(recipient, ephemeralSecret)),
  );
  const unsigned = concat(
    prefix,
    commitment(key, prefix),
    ...slots,
    sealBox(inner, ZERO_NONCE, boxKeyOf(key, prefix)),
  );
  const signature = ed25519Sign(signer.signSecret, signedMessage(kind, unsigned));
  const bytes = concat(unsigned, signature);
  if (bytes.length > MAX_SEALED_BYTES) {
    throw bundleError('too_large', `${bytes.length} sealed bytes are over ${MAX_SEALED_BYTES}`);
  }
  return bytes;
}

/** Zero, because the key of the secret box seals one message only. */
export const ZERO_NONCE = new Uint8Array(SECRET_BOX.nonceBytes);

/** As in libsodium's crypto_box_seal: BLAKE2b-192(ephemeral || recipient), 24 bytes. */
export function slotNonce(ephemeral: Uint8Array, recipient: Uint8Array): Uint8Array {
  return blake2b(concat(ephemeral, recipient), { dkLen: 24 });
}

/**
 * 32 bytes that fit one key only. XSalsa20-Poly1305 does not commit to its key: without this, one
 * bundle could show two recipients two different contents.
 */
export function commitment(key: Uint8Array, prefix: Uint8Array): Uint8Array {
  return hmacSha256(key, utf8('coatcheck/v1 commit\0'), prefix);
}

/** The key of the secret box, bound to the header. */
export function boxKeyOf(key: Uint8Array, prefix: Uint8Array): Uint8Array {
  return hmacSha256(key, utf8('coatcheck/v1 seal\0'), prefix);
}
