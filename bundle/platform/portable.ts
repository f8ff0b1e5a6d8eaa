import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import nacl from 'tweetnacl';

/** SHA-256 over the parts, one after another: 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = nobleSha256.create();
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** HMAC-SHA256 (RFC 2104) over the parts, one after another: 32 bytes. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = hmac.create(nobleSha256, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** HKDF-SHA256 (RFC 5869). */
export function hkdfSha256(
  ikm: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  return hkdf(nobleSha256, ikm, salt, info, length);
}

/** Ed25519 public key (RFC 8032) of a 32-byte seed: 32 bytes. */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return nacl.sign.keyPair.fromSeed(seed).publicKey;
}

/** X25519 public key (RFC 7748) of a 32-byte secret: 32 bytes. */
export function x25519PublicKey(secret: Uint8Array): Uint8Array {
  return nacl.scalarMult.base(secret);
}

/**
 * X25519 (RFC 7748): 32 bytes. Differs from other implementations for keys of small order, which
 * `assertBoxKey` refuses.
 */
export function x25519(secret: Uint8Array, boxKey: Uint8Array): Uint8Array {
  return nacl.scalarMult(secret, boxKey);
}

/** Ed25519 signature (RFC 8032): 64 bytes. */
export function ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return nacl.sign.detached(message, nacl.sign.keyPair.fromSeed(seed).secretKey);
}

/**
 * Ed25519 verification as tweetnacl does it. Differs from other implementations on crafted input:
 * only `ed25519.ts` may call it.
 */
export function ed25519VerifyRaw(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return nacl.sign.detached.verify(message, signature, publicKey);
}

/** Bytes from Web Crypto, which every browser and Node have: at most 65,536. */
export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}
