import * as node from '../../../bundle/platform/node.ts';
import { utf8 } from '../../../bundle/bytes.ts';

/**
 * What `#platform` is while a target is fuzzed: all of it real but Ed25519, which is a hash here, and
 * a hundred times faster, and random bytes, which are the same at every run. Whoever knows a public key can sign with it, which is what a fuzzer wants:
 * everything behind a signature is reached. The two real platforms are compared by the target
 * `platforms`.
 */
export { hkdfSha256, hmacSha256, sha256, x25519 } from '../../../bundle/platform/node.ts';

/** 32 bytes that every check of a key, a point or a scalar takes: below 2^252. */
function sound(label: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = node.sha256(utf8(label), ...parts);
  bytes[31]! &= 0x0f;
  return bytes;
}

export const ed25519PublicKey = (seed: Uint8Array): Uint8Array => sound('sign key', seed);

const boxKeys = new Map<string, Uint8Array>();

/** X25519, computed once for each of a few secrets. */
export function x25519PublicKey(secret: Uint8Array): Uint8Array {
  const name = Buffer.from(secret).toString('latin1');
  const key = boxKeys.get(name) ?? node.x25519PublicKey(secret);
  if (boxKeys.size < 1024) boxKeys.set(name, key);
  return key;
}

/** The signature that this stand-in takes for one of the key. */
export function signFor(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64);
  signature.set(sound('R', publicKey, message));
  signature.set(sound('S', publicKey, message), 32);
  return signature;
}

export const ed25519Sign = (seed: Uint8Array, message: Uint8Array): Uint8Array =>
  signFor(ed25519PublicKey(seed), message);

export function ed25519VerifyRaw(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return Buffer.compare(signFor(publicKey, message), signature) === 0;
}

let drawn = 0;

/** Bytes that are the same at every run. */
export function randomBytes(length: number): Uint8Array {
  return node.hkdfSha256(utf8(`drawn ${drawn++}`), utf8('fuzz'), utf8('random'), length);
}
