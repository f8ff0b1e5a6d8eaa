import nacl from 'tweetnacl';
import { x25519 } from '#platform';
import { utf8 } from './bytes.ts';

/** The part of tweetnacl below its documented functions; its types leave it out. */
const { crypto_core_hsalsa20: hsalsa20 } = (
  nacl as unknown as {
    lowlevel: {
      crypto_core_hsalsa20: (
        out: Uint8Array,
        input: Uint8Array,
        key: Uint8Array,
        constant: Uint8Array,
      ) => void;
    };
  }
).lowlevel;
const SIGMA = utf8('expand 32-byte k');

/**
 * The key of `nacl.box` between two parties, as `nacl.box.before` gives it: HSalsa20 of what X25519
 * gives (NaCl, crypto_box_curve25519xsalsa20poly1305), 32 bytes. X25519 is the platform's: in
 * JavaScript it is most of what a small bundle costs.
 */
export function boxSharedKey(boxKey: Uint8Array, secret: Uint8Array): Uint8Array {
  const key = new Uint8Array(32);
  hsalsa20(key, new Uint8Array(16), x25519(secret, boxKey), SIGMA);
  return key;
}
