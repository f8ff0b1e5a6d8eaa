import { sha256 } from '#platform';
import { concat, equalBytes, fromUtf8, isZero, Reader, utf8, Writer } from './bytes.ts';
import { assertSignKey } from './ed25519.ts';
import { bundleError } from './errors.ts';
import type { PublicKeys } from './identity.ts';
import { readSignatures, writeSignatures } from './signatures.ts';
import type { KeySignature } from './signatures.ts';
import { assertBoxKey } from './x25519.ts';

/** One administrator. */
export interface AdminKey extends PublicKeys {
  /** `first`: only the first approval of a node that has no decision yet */
  readonly may: 'all' | 'first';
  /** 1 to 32 printable ASCII characters, not beginning or ending with a space */
  readonly name: string;
}

/** One version of a site's administrators. */
export interface Keyset {
  /** 16 bytes */
  readonly site: Uint8Array;
  /** 1 to 2^32 - 1 */
  readonly version: number;
  /** Digest of the version before, 32 bytes; zeros for version 1 */
  readonly previous: Uint8Array;
  /** How many distinct keys must sign; at most the number of `may: all` keys */
  readonly threshold: number;
  /** 1 to 15: with the node, a bundle has at most 16 recipients */
  readonly keys: readonly AdminKey[];
}

/** A keyset, and who signed it. */
export interface SignedKeyset {
  readonly keyset: Keyset;
  /** SHA-256("coatcheck/v1 keyset\0" || keyset without signatures), 32 bytes */
  readonly digest: Uint8Array;
  /** By keys of the version before; none for version 1 */
  readonly signatures: readonly KeySignature[];
}

/** Limit on a signed keyset, bytes: with 15 keys of the longest names and 15 signatures it has 2,504. */
export const MAX_KEYSET_BYTES = 4096;
/** Limit on the keys of a keyset. */
export const MAX_KEYS = 15;
const MAY = ['all', 'first'] as const;
const NAME = /^[!-~]([ -~]{0,30}[!-~])?$/;
const CONTEXT = utf8('coatcheck/v1 keyset\0');

/** The keyset without its signatures. @throws as {@link decodeSignedKeyset} */
function encodeKeyset(keyset: Keyset): Uint8Array {
  checkKeyset(keyset);
  const writer = new Writer()
    .magic('cck')
    .bytes(keyset.site)
    .u32(keyset.version)
    .bytes(keyset.previous)
    .u8(keyset.threshold)
    .u8(keyset.keys.length);
  for (const key of keyset.keys) {
    const name = utf8(key.name);
    writer.bytes(key.signKey).bytes(key.boxKey).u8(MAY.indexOf(key.may));
    writer.u8(name.length).bytes(name);
  }
  return writer.finish();
}

/** What every signature of the keyset covers; its SHA-256 is the keyset's digest. */
export function keysetMessage(keyset: Keyset): Uint8Array {
  return concat(CONTEXT, encodeKeyset(keyset));
}

/** 32 bytes: what the next version names as `previous`, and what an image pins. */
export function keysetDigest(keyset: Keyset): Uint8Array {
  return sha256(keysetMessage(keyset));
}

/** The keyset with its signatures (docs/format.md, "Keyset"). @throws as {@link decodeSignedKeyset} */
export function encodeSignedKeyset(signed: SignedKeyset): Uint8Array {
  const writer = new Writer().bytes(encodeKeyset(signed.keyset));
  return writeSignatures(writer, signed.signatures).finish();
}

/**
 * Checks the layout and what a keyset says of itself, not its signatures.
 * @throws truncated, trailing_bytes, bad_magic, unsupported_version, bad_site, bad_field,
 *   bad_threshold, bad_key_count, bad_public_key, bad_name, duplicate, too_many_signatures,
 *   bad_key_index, unsorted
 */
export function decodeSignedKeyset(bytes: Uint8Array): SignedKeyset {
  const reader = new Reader(bytes);
  const signed = readSignedKeyset(reader);
  reader.end();
  return signed;
}

/** Reads one keyset where others may follow. @throws as {@link decodeSignedKeyset} */
export function readSignedKeyset(reader: Reader): SignedKeyset {
  const start = reader.offset;
  reader.magic('cck');
  const site = reader.bytes(16);
  const version = reader.u32();
  const previous = reader.bytes(32);
  const threshold = reader.u8();
  const count = reader.u8();
  if (count < 1 || count > MAX_KEYS) {
    throw bundleError('bad_key_count', `a keyset of ${count} keys: 1 to ${MAX_KEYS} are allowed`);
  }
  const keys: AdminKey[] = [];
  for (let i = 0; i < count; i++) {
    const signKey = reader.bytes(32);
    const boxKey = reader.bytes(32);
    const may = MAY[reader.u8()];
    if (may === undefined) throw bundleError('bad_field', `key ${i} has an unknown right`);
    keys.push({ signKey, boxKey, may, name: readName(reader.bytes(reader.u8())) });
  }
  const keyset = { site, version, previous, threshold, keys };
  checkKeyset(keyset);
  const digest = sha256(CONTEXT, reader.since(start));
  const signatures: KeySignature[] = [];
  for (const entry of readSignatures(reader)) {
    if ('self' in entry) throw bundleError('bad_key_index', 'a node cannot sign a keyset');
    signatures.push(entry);
  }
  if (version === 1 && signatures.length > 0) {
    throw bundleError('bad_field', 'keyset version 1 has nobody before it to sign it');
  }
  return { keyset, digest, signatures };
}

function readName(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    throw bundleError('bad_name', "an administrator's name is not ASCII", { cause });
  }
}

function checkKeyset(keyset: Keyset): void {
  const { site, version, previous, threshold, keys } = keyset;
  if (site.length !== 16 || isZero(site)) {
    throw bundleError('bad_site', 'a site id is 16 bytes and not all zeros');
  }
  if (!Number.isInteger(version) || version < 1 || version > 0xffff_ffff) {
    throw bundleError('bad_field', 'a keyset version is 1 to 2^32 - 1');
  }
  if (previous.length !== 32 || isZero(previous) !== (version === 1)) {
    throw bundleError('bad_field', 'only keyset version 1 has no version before it');
  }
  if (keys.length < 1 || keys.length > MAX_KEYS) {
    throw bundleError('bad_key_count', `a keyset has 1 to ${MAX_KEYS} keys`);
  }
  const all = keys.filter((key) => key.may === 'all').length;
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > all) {
    throw bundleError('bad_threshold', `a threshold of ${threshold} with ${all} keys that may all`);
  }
  keys.forEach((key, i) => {
    assertSignKey(key.signKey);
    assertBoxKey(key.boxKey);
    if (!NAME.test(key.name)) {
      throw bundleError('bad_name', `the name of key ${i} is not 1 to 32 ASCII characters`);
    }
    for (const earlier of keys.slice(0, i)) {
      if (
        equalBytes(key.signKey, earlier.signKey) ||
        equalBytes(key.boxKey, earlier.boxKey) ||
        key.name === earlier.name
      ) {
        throw bundleError('duplicate', `key ${i} of the keyset repeats a key or a name`);
      }
    }
  });
}
