import { bundleError } from './errors.ts';

const MIN_BYTES = 256;

/**
 * The smallest size of the Padmé series that holds `length` bytes, and at least 256: hides all but
 * O(log log n) bits of a length at a cost of at most 12% (Nikitin et al., PURBs, PETS 2019).
 */
export function paddedLength(length: number): number {
  if (length <= MIN_BYTES) return MIN_BYTES;
  const exponent = Math.floor(Math.log2(length));
  const kept = Math.floor(Math.log2(exponent)) + 1;
  const step = 2 ** (exponent - kept);
  return Math.ceil(length / step) * step;
}

/** The bytes, 0x80, and zeros up to a {@link paddedLength}. */
export function pad(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(paddedLength(bytes.length + 1));
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  return padded;
}

/** The inverse of {@link pad}: a view. @throws bad_padding for any bytes that it does not make */
export function unpad(padded: Uint8Array): Uint8Array {
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end--;
  if (end < 0 || padded[end] !== 0x80 || paddedLength(end + 1) !== padded.length) {
    throw bundleError('bad_padding', 'the contents are not padded as the format demands');
  }
  return padded.subarray(0, end);
}
