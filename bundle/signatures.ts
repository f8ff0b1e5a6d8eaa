import type { Reader, Writer } from './bytes.ts';
import { verifyStrict } from './ed25519.ts';
import { bundleError } from './errors.ts';
import type { PublicKeys } from './identity.ts';

/** At most one signature per key of a keyset. */
const MAX_SIGNATURES = 15;
/** The key index that says: the node itself, whose public keys follow. */
export const SELF_INDEX = 255;

/** One administrator's signature. */
export interface KeySignature {
  /** 0 to 14: the position of the key in the keyset */
  readonly keyIndex: number;
  /** 64 bytes */
  readonly signature: Uint8Array;
}

/** The signature of a node that speaks for itself (policy `approval: none`). */
export interface SelfSignature {
  readonly self: PublicKeys;
  /** 64 bytes */
  readonly signature: Uint8Array;
}

/** A signature of an administrator, or of the node itself. */
export type StatementSignature = KeySignature | SelfSignature;

const indexOf = (entry: StatementSignature): number =>
  'self' in entry ? SELF_INDEX : entry.keyIndex;

/** The same signatures in the one order that the format allows. */
export function sortSignatures<S extends StatementSignature>(signatures: readonly S[]): S[] {
  return signatures.toSorted((a, b) => indexOf(a) - indexOf(b));
}

/** A count, and 65 bytes per signature (129 for a node's own), by ascending key index. */
export function writeSignatures(writer: Writer, signatures: readonly StatementSignature[]): Writer {
  writer.u8(signatures.length);
  for (const entry of signatures) {
    writer.u8(indexOf(entry)).bytes(entry.signature);
    if ('self' in entry) writer.bytes(entry.self.signKey).bytes(entry.self.boxKey);
  }
  return writer;
}

/** @throws truncated, too_many_signatures, bad_key_index, duplicate, unsorted */
export function readSignatures(reader: Reader): StatementSignature[] {
  const count = reader.u8();
  if (count > MAX_SIGNATURES) {
    throw bundleError('too_many_signatures', `${count} signatures: at most ${MAX_SIGNATURES}`);
  }
  const signatures: StatementSignature[] = [];
  let last = -1;
  for (let i = 0; i < count; i++) {
    const keyIndex = reader.u8();
    if (keyIndex >= MAX_SIGNATURES && keyIndex !== SELF_INDEX) {
      throw bundleError('bad_key_index', `no keyset has a key ${keyIndex}`);
    }
    if (keyIndex === last) throw bundleError('duplicate', `key ${keyIndex} signed twice`);
    if (keyIndex < last) throw bundleError('unsorted', 'signatures go by ascending key index');
    last = keyIndex;
    const signature = reader.bytes(64);
    if (keyIndex === SELF_INDEX) {
      const self = { signKey: reader.bytes(32), boxKey: reader.bytes(32) };
      signatures.push({ self, signature });
    } else {
      signatures.push({ keyIndex, signature });
    }
  }
  return signatures;
}

/**
 * The indexes of the keys that signed. Every signature must be good: one that is not makes the
 * whole object bad, so that an object has one verdict whatever the threshold.
 * @param keys 32-byte Ed25519 keys, by index
 * @throws bad_key_index, duplicate, bad_signature
 */
export function verifyKeySignatures(
  signatures: readonly StatementSignature[],
  message: Uint8Array,
  keys: readonly Uint8Array[],
): number[] {
  const signers: number[] = [];
  for (const entry of signatures) {
    const key = 'self' in entry ? undefined : keys[entry.keyIndex];
    if (key === undefined) {
      throw bundleError('bad_key_index', `the keyset has no key ${indexOf(entry)}`);
    }
    if (signers.includes(indexOf(entry))) {
      throw bundleError('duplicate', `key ${indexOf(entry)} signed twice`);
    }
    if (!verifyStrict(key, message, entry.signature)) {
      throw bundleError('bad_signature', `the signature of key ${indexOf(entry)} is not good`);
    }
    signers.push(indexOf(entry));
  }
  return signers;
}
