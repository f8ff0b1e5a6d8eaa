import { concat, equalBytes, fromUtf8, Reader, utf8, Writer } from './bytes.ts';
import { assertSignKey } from './ed25519.ts';
import { bundleError } from './errors.ts';
import type { SignedKeyset } from './keyset-layout.ts';
import { readSignatures, verifyKeySignatures, writeSignatures } from './signatures.ts';
import type { KeySignature } from './signatures.ts';
import { MAX_TIME } from './statement-layout.ts';

/**
 * The right to be told how a site's nodes stand, and nothing else: of one key, until an end, and only as
 * long as the keyset is the newest that it names (docs/format.md, "Capability").
 */
export interface Capability {
  /** 16 bytes */
  readonly site: Uint8Array;
  /** Of the keyset whose administrators gave it, 32 bytes */
  readonly keyset: Uint8Array;
  /** Ed25519 key of who may, 32 bytes: no administrator's */
  readonly signKey: Uint8Array;
  /** Unix seconds */
  readonly issued: number;
  /** Unix seconds, at most {@link MAX_CAPABILITY_SECONDS} after `issued` */
  readonly expires: number;
  /** What it is for: 1 to 32 printable ASCII characters, not beginning or ending with a space */
  readonly name: string;
}

/** A capability, and who gave it. */
export interface SignedCapability {
  readonly capability: Capability;
  readonly signatures: readonly KeySignature[];
}

/** The longest that one may be good for: 400 days. */
export const MAX_CAPABILITY_SECONDS = 400 * 86_400;
/** With the longest name and 15 signatures. */
export const MAX_CAPABILITY_BYTES = 133 + 1 + 15 * 65;
const NAME = /^[!-~]([ -~]{0,30}[!-~])?$/;
const CONTEXT = utf8('coatcheck/v1 capability\0');

/** The capability without its signatures. @throws as {@link decodeSignedCapability} */
function encodeCapability(capability: Capability): Uint8Array {
  checkCapability(capability);
  const { site, keyset, signKey, issued, expires, name } = capability;
  return new Writer()
    .magic('ccc')
    .bytes(site)
    .bytes(keyset)
    .bytes(signKey)
    .u64(issued)
    .u64(expires)
    .u8(name.length)
    .bytes(utf8(name))
    .finish();
}

/** What every signature of the capability covers. @throws as {@link decodeSignedCapability} */
export function capabilityMessage(capability: Capability): Uint8Array {
  return concat(CONTEXT, encodeCapability(capability));
}

/** The capability with its signatures. @throws as {@link decodeSignedCapability} */
export function encodeSignedCapability(signed: SignedCapability): Uint8Array {
  const writer = new Writer().bytes(encodeCapability(signed.capability));
  return writeSignatures(writer, signed.signatures).finish();
}

/**
 * Checks the layout, not the signatures.
 * @throws truncated, trailing_bytes, bad_magic, unsupported_version, bad_public_key, bad_time, bad_name,
 *   too_many_signatures, bad_key_index, duplicate, unsorted
 */
export function decodeSignedCapability(bytes: Uint8Array): SignedCapability {
  const reader = new Reader(bytes);
  reader.magic('ccc');
  const capability: Capability = {
    site: reader.bytes(16),
    keyset: reader.bytes(32),
    signKey: reader.bytes(32),
    issued: reader.u64(),
    expires: reader.u64(),
    name: readName(reader.bytes(reader.u8())),
  };
  checkCapability(capability);
  const signatures: KeySignature[] = [];
  for (const entry of readSignatures(reader)) {
    if ('self' in entry) throw bundleError('bad_key_index', 'a node cannot give a capability');
    signatures.push(entry);
  }
  reader.end();
  return { capability, signatures };
}

/**
 * Whether the administrators of `newest` gave it: as many of those that may `all` as its threshold demands.
 * Whether it has ended is for who has a clock.
 * @throws bad_site, keyset_mismatch (other administrators gave it, or these before their keyset changed),
 *   bad_signature, bad_key_index, duplicate, key_not_allowed, threshold_not_met
 */
export function verifyCapability(signed: SignedCapability, newest: SignedKeyset): void {
  const { capability, signatures } = signed;
  const { keyset } = newest;
  if (!equalBytes(capability.site, keyset.site)) {
    throw bundleError('bad_site', 'the capability is of another site');
  }
  if (!equalBytes(capability.keyset, newest.digest)) {
    throw bundleError(
      'keyset_mismatch',
      `the capability was not given under keyset ${keyset.version}, the newest`,
    );
  }
  const keys = keyset.keys.map((key) => key.signKey);
  const signers = verifyKeySignatures(signatures, capabilityMessage(capability), keys);
  if (signers.some((index) => keyset.keys[index]!.may !== 'all')) {
    throw bundleError('key_not_allowed', 'a "first" key cannot give a capability');
  }
  if (signers.length < keyset.threshold) {
    throw bundleError(
      'threshold_not_met',
      `the capability has ${signers.length} of ${keyset.threshold} signatures`,
    );
  }
}

function readName(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    throw bundleError('bad_name', 'the name of a capability is not ASCII', { cause });
  }
}

function checkCapability({ site, keyset, signKey, issued, expires, name }: Capability): void {
  if (site.length !== 16 || keyset.length !== 32) {
    throw bundleError('bad_field', 'a field of the capability has a wrong size');
  }
  assertSignKey(signKey);
  const isTime = (time: number): boolean => Number.isInteger(time) && time >= 0 && time <= MAX_TIME;
  if (
    !isTime(issued) ||
    !isTime(expires) ||
    expires <= issued ||
    expires - issued > MAX_CAPABILITY_SECONDS
  ) {
    throw bundleError(
      'bad_time',
      `a capability ends after it was given, and within ${MAX_CAPABILITY_SECONDS / 86_400} days`,
    );
  }
  if (!NAME.test(name)) {
    throw bundleError('bad_name', 'the name of a capability is not 1 to 32 ASCII characters');
  }
}
