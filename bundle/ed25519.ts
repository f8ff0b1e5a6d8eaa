import { ed25519VerifyRaw } from '#platform';
import { bundleError } from './errors.ts';
import { fromHex } from './bytes.ts';

/** 2^255 - 19, little-endian. */
const P = fromHex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');
/** The order of the base point, little-endian (RFC 8032 section 5.1). */
const L = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/**
 * The y coordinates of the eight points whose order divides 8, little-endian. Both points of a
 * pair have the same y, so the sign bit does not matter.
 */
const SMALL_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(fromHex);

/** Whether a < b, both little-endian and of the same length. */
function lessThan(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = a.length - 1; i >= 0; i--) {
    if (a[i] !== b[i]) return a[i]! < b[i]!;
  }
  return false;
}

/** Whether a 32-byte point is canonical and not of small order. It may still not be on the curve. */
function isSoundPoint(point: Uint8Array): boolean {
  const y = point.slice();
  y[31]! &= 0x7f;
  return lessThan(y, P) && !SMALL_ORDER_Y.some((small) => sameBytes(y, small));
}

/** Not in constant time: for what is public. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** @throws bad_public_key unless `publicKey` is 32 bytes, canonical, and not of small order */
export function assertSignKey(publicKey: Uint8Array): void {
  if (publicKey.length !== 32 || !isSoundPoint(publicKey)) {
    throw bundleError('bad_public_key', 'an Ed25519 key is not canonical or of small order');
  }
}

/**
 * Ed25519 with the same verdict on every platform (docs/format.md, "Signatures"): S is below the
 * group order, A and R are canonical and not of small order, and then the equation without the
 * cofactor holds. Never throws.
 */
export function verifyStrict(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return (
    publicKey.length === 32 &&
    signature.length === 64 &&
    lessThan(signature.subarray(32), L) &&
    isSoundPoint(publicKey) &&
    isSoundPoint(signature.subarray(0, 32)) &&
    ed25519VerifyRaw(publicKey, message, signature)
  );
}
