import { fromHex } from '../../bundle/bytes.ts';

/** The order of the base point of Ed25519, little-endian (RFC 8032, section 5.1). */
const L = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/** The same signature with S + L for S: other bytes, and the same equation. */
export function malleate(signature: Uint8Array): Uint8Array {
  const other = signature.slice();
  let carry = 0;
  for (let i = 0; i < 32; i++) {
    carry += other[32 + i]! + L[i]!;
    other[32 + i] = carry & 0xff;
    carry >>= 8;
  }
  return other;
}
