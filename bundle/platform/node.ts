import { createHash, createHmac, createPrivateKey, createPublicKey } from 'node:crypto';
import { diffieHellman, hash, hkdfSync, randomFillSync, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** SHA-256 over the parts, one after another: 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  // Ten times faster for short messages: no object is made.
  if (parts.length === 1) return plain(hash('sha256', only!, 'buffer'));
  const hasher = createHash('sha256');
  for (const part of parts) hasher.update(part);
  return plain(hasher.digest());
}

/** HMAC-SHA256 (RFC 2104) over the parts, one after another: 32 bytes. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return plain(hmac.digest());
}

/** HKDF-SHA256 (RFC 5869). */
export function hkdfSha256(
  ikm: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', ikm, salt, info, length));
}

/** A private key in DER (RFC 8410) is these bytes and then the 32 bytes of the secret. */
const PKCS8 = {
  ed25519: Buffer.from('302e020100300506032b657004220420', 'hex'),
  x25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
} as const;

function privateKey(curve: keyof typeof PKCS8, secret: Uint8Array): KeyObject {
  const key = Buffer.concat([PKCS8[curve], secret]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function publicKey(curve: keyof typeof PKCS8, secret: Uint8Array): Uint8Array {
  const { x = '' } = createPublicKey(privateKey(curve, secret)).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x, 'base64url'));
}

/** Ed25519 public key (RFC 8032) of a 32-byte seed: 32 bytes. */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return publicKey('ed25519', seed);
}

/** X25519 public key (RFC 7748) of a 32-byte secret: 32 bytes. */
export function x25519PublicKey(secret: Uint8Array): Uint8Array {
  return publicKey('x25519', secret);
}

/**
 * X25519 (RFC 7748): 32 bytes. Differs from other implementations for keys of small order, which
 * `assertBoxKey` refuses.
 */
export function x25519(secret: Uint8Array, boxKey: Uint8Array): Uint8Array {
  const x = Buffer.from(boxKey).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
  return plain(diffieHellman({ privateKey: privateKey('x25519', secret), publicKey: key }));
}

/** Ed25519 signature (RFC 8032): 64 bytes. */
export function ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return plain(sign(null, message, privateKey('ed25519', seed)));
}

/**
 * Ed25519 verification as OpenSSL does it. Differs from other implementations on crafted input:
 * only `ed25519.ts` may call it.
 */
export function ed25519VerifyRaw(
  signKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  // As a JWK because OpenSSL takes ten times longer to import a key in DER: as long as to verify.
  const x = Buffer.from(signKey).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, message, key, signature);
}

/** Bytes from the system's random source. */
export function randomBytes(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length));
}

/** Without the Buffer prototype, so that both platforms give the same type. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
