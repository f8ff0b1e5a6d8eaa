import { bundleError } from './errors.ts';

/** A code by its next `width` bits: `symbol << 4 | length`, or 0 where no code begins so. */
export interface HuffmanTable {
  readonly width: number;
  readonly entries: Uint16Array;
}

/**
 * The canonical code of these lengths (RFC 1951 section 3.2.2). Like zlib, refuses a set of lengths
 * that is over-subscribed or incomplete, except one distance code of one bit, or none.
 */
export function huffmanTable(lengths: Uint8Array, mayBeIncomplete: boolean): HuffmanTable {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length]!++;
  counts[0] = 0;
  const next = new Uint16Array(16);
  let code = 0;
  let left = 1;
  let width = 1;
  for (let length = 1; length < 16; length++) {
    code = (code + counts[length - 1]!) << 1;
    next[length] = code;
    left = 2 * left - counts[length]!;
    if (left < 0) throw inflateFailed('an over-subscribed code');
    if (counts[length]! > 0) width = length;
  }
  if (left > 0 && !(mayBeIncomplete && width === 1)) throw inflateFailed('an incomplete code');
  const entries = new Uint16Array(1 << width);
  lengths.forEach((length, symbol) => {
    if (length === 0) return;
    const reversed = reverseBits(next[length]!++, length);
    for (let i = reversed; i < entries.length; i += 1 << length)
      entries[i] = (symbol << 4) | length;
  });
  return { width, entries };
}

function reverseBits(code: number, length: number): number {
  let reversed = 0;
  for (let i = 0; i < length; i++) reversed |= ((code >> i) & 1) << (length - 1 - i);
  return reversed;
}

/** The error for compressed data that RFC 1951 does not allow. */
export function inflateFailed(what: string): Error {
  return bundleError('inflate_failed', `the compressed data are damaged: ${what}`);
}
