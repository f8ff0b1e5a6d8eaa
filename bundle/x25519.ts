import { bundleError } from './errors.ts';
import { fromHex } from './bytes.ts';

/**
 * The u coordinates of small order on the curve and its twist, little-endian, and after them
 * 2^255 - 19, from which on a coordinate is not canonical (RFC 7748; cr.yp.to/ecdh.html).
 */
const SMALL_ORDER_U = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map(fromHex);

/** Whether u >= 2^255 - 19, the unused top bit included. */
function isNotCanonical(u: Uint8Array): boolean {
  if (u[31]! > 0x7f) return true;
  return u[0]! >= 0xed && u[31] === 0x7f && u.subarray(1, 31).every((byte) => byte === 0xff);
}

/**
 * With a key of small order the shared secret is zero whatever the other side's secret is.
 * @throws bad_public_key unless `publicKey` is 32 bytes, canonical, and not of small order
 */
export function assertBoxKey(publicKey: Uint8Array): void {
  if (
    publicKey.length !== 32 ||
    isNotCanonical(publicKey) ||
    SMALL_ORDER_U.some((small) => publicKey.every((byte, i) => byte === small[i]))
  ) {
    throw bundleError('bad_public_key', 'an X25519 key is not canonical or of small order');
  }
}
