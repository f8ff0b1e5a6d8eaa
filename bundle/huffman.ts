import { bundleError } from './errors.ts';

/**
 * Codes of up to so many bits are looked up, longer ones are counted out. What a code costs to
 * prepare is then bounded by its number of symbols, and not by its longest code: a stream may have
 * a new code every few bytes, and none of it need be used.
 */
export const LOOK_UP_BITS = 9;

/** The canonical code of some lengths (RFC 1951 section 3.2.2), ready to decode. */
export interface HuffmanCode {
  /**
   * By the next bits, at most {@link LOOK_UP_BITS} of them: `symbol << 4 | length`, or 0 where no
   * short code begins so.
   */
  readonly short: Uint16Array;
  /** How many codes there are of each length, 0 to 15; none of length 0. */
  readonly counts: Uint16Array;
  /** The symbols in the order of their codes. */
  readonly symbols: Uint16Array;
}

/**
 * Like zlib, refuses a set of lengths that is over-subscribed or incomplete, except one distance
 * code of one bit, or none.
 */
export function huffmanCode(lengths: Uint8Array, mayBeIncomplete: boolean): HuffmanCode {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length]!++;
  counts[0] = 0;
  const longest = checkLengths(counts, mayBeIncomplete);

  const nextCode = new Uint16Array(16);
  const nextPlace = new Uint16Array(16);
  for (let length = 1; length < 16; length++) {
    nextCode[length] = (nextCode[length - 1]! + counts[length - 1]!) << 1;
    nextPlace[length] = nextPlace[length - 1]! + counts[length - 1]!;
  }
  const short = new Uint16Array(1 << Math.min(longest, LOOK_UP_BITS));
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => {
    if (length === 0) return;
    symbols[nextPlace[length]!++] = symbol;
    const code = nextCode[length]!++;
    if (length > LOOK_UP_BITS) return;
    for (let i = reverseBits(code, length); i < short.length; i += 1 << length)
      short[i] = (symbol << 4) | length;
  });
  return { short, counts, symbols };
}

/** @returns the longest length */
function checkLengths(counts: Uint16Array, mayBeIncomplete: boolean): number {
  let left = 1;
  let longest = 0;
  for (let length = 1; length < 16; length++) {
    left = 2 * left - counts[length]!;
    if (left < 0) throw inflateFailed('an over-subscribed code');
    if (counts[length]! > 0) longest = length;
  }
  if (left > 0 && !(mayBeIncomplete && longest <= 1)) throw inflateFailed('an incomplete code');
  return longest;
}

/**
 * The symbol whose code the bits begin with, the first one lowest: `symbol << 4 | length`, or 0 where
 * no code begins so.
 */
export function decodeSymbol({ short, counts, symbols }: HuffmanCode, bits: number): number {
  const found = short[bits & (short.length - 1)]!;
  if (found !== 0) return found;
  // The codes of one length are consecutive numbers, and those of the next begin after them.
  let code = 0;
  let first = 0;
  let place = 0;
  for (let length = 1; length < 16; length++) {
    code |= (bits >> (length - 1)) & 1;
    const count = counts[length]!;
    if (code - first < count) return (symbols[place + code - first]! << 4) | length;
    place += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  return 0;
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
