import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';

/** Bytes of a key and of a nonce; a box is 16 bytes longer than what is in it. */
export const SECRET_BOX = { keyBytes: 32, nonceBytes: 24 } as const;

/**
 * XSalsa20-Poly1305 (NaCl, crypto_secretbox): 16 bytes of authenticator, and the text.
 * @param nonce 24 bytes, never the same for two texts under one key
 * @param key 32 bytes
 */
export function sealBox(plain: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  return xsalsa20poly1305(key, nonce).encrypt(plain);
}

/** What {@link sealBox} sealed, or undefined where the key, the nonce or a byte is another. */
export function openBox(
  box: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
): Uint8Array | undefined {
  // The library says so only while it decrypts, and a wrong key is no wrong argument.
  if (key.length !== SECRET_BOX.keyBytes || nonce.length !== SECRET_BOX.nonceBytes) {
    throw new RangeError('a key has 32 bytes, and a nonce 24');
  }
  try {
    return xsalsa20poly1305(key, nonce).decrypt(box);
  } catch {
    return undefined;
  }
}
