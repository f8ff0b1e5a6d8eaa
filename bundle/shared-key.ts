import { hsalsa } from '@noble/ciphers/salsa.js';
import { x25519 } from '#platform';
import { utf8 } from './bytes.ts';

/** As words in the byte order of the machine, and aligned to them. */
const words = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.slice().buffer);

const SIGMA = words(utf8('expand 32-byte k'));

/**
 * The key of `nacl.box` between two parties, as `nacl.box.before` gives it: HSalsa20 of what X25519
 * gives (NaCl, crypto_box_curve25519xsalsa20poly1305), 32 bytes. X25519 is the platform's: in
 * JavaScript it is most of what a small bundle costs.
 */
export function boxSharedKey(boxKey: Uint8Array, secret: Uint8Array): Uint8Array {
  const key = new Uint32Array(8);
  hsalsa(SIGMA, words(x25519(secret, boxKey)), new Uint32Array(4), key);
  return new Uint8Array(key.buffer);
}
