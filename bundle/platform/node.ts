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

type Curve = 'Ed25519' | 'X25519';

/**
 * A key as a JWK (RFC 8037), since OpenSSL takes ten times longer to import one in DER: longer than
 * to sign with it. Node takes the public half of a private key from its `d`, and wants an `x`.
 */
function privateKey(crv: Curve, secret: Uint8Array): KeyObject {
  const d = Buffer.from(secret).toString('base64url');
  return createPrivateKey({ key: { kty: 'OKP', crv, x: '', d }, format: 'jwk' });
}

function publicKeyObject(crv: Curve, key: Uint8Array): KeyObject {
  const x = Buffer.from(key).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv, x }, format: 'jwk' });
}

function publicKey(crv: Curve, secret: Uint8Array): Uint8Array {
  const { x = '' } = createPublicKey(privateKey(crv, secret)).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x, 'base64url'));
}

/** Ed25519 public key (RFC 8032) of a 32-byte seed: 32 bytes. */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return publicKey('Ed25519', seed);
}

/** X25519 public key (RFC 7748) of a 32-byte secret: 32 bytes. */
export function x25519PublicKey(secret: Uint8Array): Uint8Array {
  return publicKey('X25519', secret);
}

/**
 * X25519 (RFC 7748): 32 bytes. Differs from other implementations for keys of small order, which
 * `assertBoxKey` refuses.
 */
export function x25519(secret: Uint8Array, boxKey: Uint8Array): Uint8Array {
  const publicKey = publicKeyObject('X25519', boxKey);
  return plain(diffieHellman({ privateKey: privateKey('X25519', secret), publicKey }));
}

/** Ed25519 signature (RFC 8032): 64 bytes. */
export function ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return plain(sign(null, message, privateKey('Ed25519', seed)));
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
  return verify(null, message, publicKeyObject('Ed25519', signKey), signature);
}

/** Bytes from the system's random source. */
export function randomBytes(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length));
}

/** Without the Buffer prototype, so that both platforms give the same type. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
