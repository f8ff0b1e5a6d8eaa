import { sha256 } from '#platform';
import { concat, Reader, utf8, Writer } from './bytes.ts';
import { assertSignKey, verifyStrict } from './ed25519.ts';
import { bundleError } from './errors.ts';
import { assertBoxKey } from './x25519.ts';

/** Who made it: the node, an administrator, or (a report) the node for the administrators only. */
export type BundleKind = 'node' | 'admin' | 'report';
/** Who may have made a sealed object, each at the place of its number in the header. */
export const BUNDLE_KINDS: readonly BundleKind[] = ['node', 'admin', 'report'];

/** Limit on a sealed bundle that a site cannot raise, bytes. */
export const MAX_SEALED_BYTES = 1024 * 1024;
/** Limit on a sealed bundle in a new site, bytes. */
export const DEFAULT_SEALED_BYTES = 256 * 1024;
/** Limit on a sealed report, bytes. */
export const MAX_REPORT_BYTES = 4 * 1024;
/** Limit on those to whom one object is sealed. */
export const MAX_RECIPIENTS = 16;
/** The newest dictionary that this version knows; 0 is none. */
export const MAX_DICTIONARY = 1;

/** The signed layout up to the commitment: what the keys inside are bound to. */
export const PREFIX_BYTES = 72;
/** Of the commitment to the keys inside, HMAC-SHA256. */
export const COMMITMENT_BYTES = 32;
/** A sealed 32-byte key: 16 bytes of Poly1305 and the key. */
export const SLOT_BYTES = 48;
/** Of Poly1305, before what a box holds. */
export const BOX_OVERHEAD_BYTES = 16;
/** Of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;

/** A bundle or a report whose layout and signature are good: what a server may know of it. */
export interface SealedBundle {
  readonly bytes: Uint8Array;
  readonly kind: BundleKind;
  /** 0 for none */
  readonly dictionary: number;
  /** 1 to 16; for a proposal the node and every administrator */
  readonly recipientCount: number;
  /** Ed25519, 32 bytes */
  readonly signer: Uint8Array;
  /** SHA-256 of `bytes`, 32 bytes: the name of the bundle */
  readonly digest: Uint8Array;
}

/** SHA-256 of the whole sealed bundle, 32 bytes. */
export function bundleDigest(bytes: Uint8Array): Uint8Array {
  return sha256(bytes);
}

/** The first 72 bytes of a sealed bundle. */
export function encodePrefix(header: {
  kind: BundleKind;
  dictionary: number;
  recipientCount: number;
  signer: Uint8Array;
  ephemeral: Uint8Array;
}): Uint8Array {
  return new Writer()
    .magic('ccb')
    .u8(0)
    .u8(BUNDLE_KINDS.indexOf(header.kind))
    .u8(header.dictionary)
    .u8(header.recipientCount)
    .bytes(header.signer)
    .bytes(header.ephemeral)
    .finish();
}

/** What the signature at the end of a bundle covers, made of everything before it. */
export function signedMessage(kind: BundleKind, unsigned: Uint8Array): Uint8Array {
  const context = kind === 'report' ? 'coatcheck/v1 report\0' : 'coatcheck/v1 bundle\0';
  return concat(utf8(context), sha256(unsigned));
}

/**
 * Checks everything that can be checked without a recipient's key: the size, the layout, the two
 * public keys, the signature. Opens nothing.
 * @param options.maxBytes the site's limit; 1 MiB, or 4 KiB for a report, if that is less
 * @throws too_large, bad_magic, unsupported_version, unsupported_suite, bad_kind,
 *   unknown_dictionary, bad_recipient_count, truncated, bad_public_key, bad_signature
 */
export function readBundle(
  bytes: Uint8Array,
  options: { maxBytes: number; expect: 'proposal' | 'report' },
): SealedBundle {
  const hardLimit = options.expect === 'report' ? MAX_REPORT_BYTES : MAX_SEALED_BYTES;
  const maxBytes = Math.min(options.maxBytes, hardLimit);
  if (bytes.length > maxBytes) {
    throw bundleError('too_large', `a sealed object of ${bytes.length} bytes is over ${maxBytes}`, {
      details: { maxBytes },
    });
  }
  const reader = new Reader(bytes);
  reader.magic('ccb');
  const suite = reader.u8();
  if (suite !== 0) throw bundleError('unsupported_suite', `cipher suite ${suite} is not known`);
  const kind = BUNDLE_KINDS[reader.u8()];
  if (kind === undefined || (kind === 'report') !== (options.expect === 'report')) {
    throw bundleError('bad_kind', `this is not a ${options.expect}`);
  }
  const dictionary = reader.u8();
  if (dictionary > MAX_DICTIONARY) {
    throw bundleError('unknown_dictionary', `dictionary ${dictionary} is not known`);
  }
  const recipientCount = reader.u8();
  if (recipientCount < 1 || recipientCount > MAX_RECIPIENTS) {
    throw bundleError('bad_recipient_count', `${recipientCount} recipients: 1 to 16 are allowed`);
  }
  const signer = reader.bytes(32);
  const ephemeral = reader.bytes(32);
  reader.bytes(COMMITMENT_BYTES + recipientCount * SLOT_BYTES);
  const unsignedBytes = bytes.length - SIGNATURE_BYTES;
  if (reader.remaining < BOX_OVERHEAD_BYTES + SIGNATURE_BYTES) {
    throw bundleError('truncated', 'the sealed object ends before its signature');
  }
  assertSignKey(signer);
  assertBoxKey(ephemeral);
  const message = signedMessage(kind, bytes.subarray(0, unsignedBytes));
  if (!verifyStrict(signer, message, bytes.subarray(unsignedBytes))) {
    throw bundleError('bad_signature', 'the sealed object was changed, or cut, after signing');
  }
  return { bytes, kind, dictionary, recipientCount, signer, digest: bundleDigest(bytes) };
}
