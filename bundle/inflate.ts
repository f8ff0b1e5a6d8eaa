import { bundleError } from './errors.ts';
import { decodeSymbol, huffmanCode, inflateFailed } from './huffman.ts';
import type { HuffmanCode } from './huffman.ts';

/**
 * Raw deflate (RFC 1951), decoded into exactly `length` bytes: one byte more or less is an error,
 * and so is one byte of input after the last block. Memory is `length` bytes whatever the input, so
 * a bomb costs nothing, and work is in proportion to the input and the output.
 *
 * Ours because the usual libraries either cut the output silently, or accept what follows the
 * stream, or expand a bomb before they ask (docs/adr/0011).
 * @param dictionary what back references may reach before the first byte
 * @throws inflate_failed, length_mismatch, trailing_bytes
 */
export function inflateExactly(
  input: Uint8Array,
  length: number,
  dictionary: Uint8Array,
): Uint8Array {
  const bits = new BitReader(input);
  const output = new Output(length, dictionary);
  let isLast: boolean;
  do {
    isLast = bits.take(1) === 1;
    const type = bits.take(2);
    if (type === 0) copyStored(bits, output);
    else if (type === 1) inflateBlock(bits, output, ...(fixedCodes ??= makeFixedCodes()));
    else if (type === 2) inflateBlock(bits, output, ...readCodes(bits));
    else throw inflateFailed('a reserved block type');
  } while (!isLast);
  if (bits.unreadBytes > 0) {
    throw bundleError('trailing_bytes', `${bits.unreadBytes} bytes after the compressed data`);
  }
  return output.finish();
}

const MAX_CODE_BITS = 15;

class BitReader {
  readonly #input: Uint8Array;
  #offset = 0;
  #held = 0;
  #bits = 0;

  constructor(input: Uint8Array) {
    this.#input = input;
  }

  /** Whole bytes that nothing has read a bit of. */
  get unreadBytes(): number {
    return this.#input.length - this.#offset + (this.#bits >> 3);
  }

  /** The next `count` bits (0 to 16), the first one lowest. */
  take(count: number): number {
    while (this.#bits < count) {
      if (this.#offset === this.#input.length) throw inflateFailed('they end early');
      this.#held |= this.#input[this.#offset++]! << this.#bits;
      this.#bits += 8;
    }
    const value = this.#held & ((1 << count) - 1);
    this.#held >>>= count;
    this.#bits -= count;
    return value;
  }

  symbol(code: HuffmanCode): number {
    while (this.#bits < MAX_CODE_BITS && this.#offset < this.#input.length) {
      this.#held |= this.#input[this.#offset++]! << this.#bits;
      this.#bits += 8;
    }
    const entry = decodeSymbol(code, this.#held);
    const codeLength = entry & 15;
    if (codeLength === 0) throw inflateFailed('a code that stands for nothing');
    if (codeLength > this.#bits) throw inflateFailed('they end early');
    this.#held >>>= codeLength;
    this.#bits -= codeLength;
    return entry >> 4;
  }

  /** Drops the rest of the current byte and gives the next `count` whole ones. */
  bytes(count: number): Uint8Array {
    this.#offset -= this.#bits >> 3;
    this.#held = 0;
    this.#bits = 0;
    if (count > this.#input.length - this.#offset) throw inflateFailed('they end early');
    this.#offset += count;
    return this.#input.subarray(this.#offset - count, this.#offset);
  }
}

class Output {
  readonly #bytes: Uint8Array;
  readonly #dictionary: Uint8Array;
  #offset = 0;

  constructor(length: number, dictionary: Uint8Array) {
    this.#bytes = new Uint8Array(length);
    this.#dictionary = dictionary;
  }

  #advance(count: number): number {
    const at = this.#offset;
    if (count > this.#bytes.length - at) {
      throw bundleError('length_mismatch', 'the contents are longer than the declared length');
    }
    this.#offset += count;
    return at;
  }

  literal(byte: number): void {
    this.#bytes[this.#advance(1)] = byte;
  }

  append(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#advance(bytes.length));
  }

  copy(distance: number, count: number): void {
    const at = this.#advance(count);
    if (distance > at + this.#dictionary.length)
      throw inflateFailed('a reference before the beginning');
    for (let i = at; i < at + count; i++) {
      const from = i - distance;
      this.#bytes[i] = from < 0 ? this.#dictionary.at(from)! : this.#bytes[from]!;
    }
  }

  finish(): Uint8Array {
    if (this.#offset !== this.#bytes.length) {
      throw bundleError('length_mismatch', 'the contents are shorter than the declared length');
    }
    return this.#bytes;
  }
}

function copyStored(bits: BitReader, output: Output): void {
  const [low, high, notLow, notHigh] = bits.bytes(4) as unknown as [number, number, number, number];
  if ((low ^ notLow) !== 0xff || (high ^ notHigh) !== 0xff) throw inflateFailed('a stored length');
  output.append(bits.bytes(low | (high << 8)));
}

// RFC 1951 section 3.2.6
function makeFixedCodes(): [HuffmanCode, HuffmanCode] {
  const literals = Uint8Array.from({ length: 288 }, (_, i) =>
    i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8,
  );
  return [huffmanCode(literals, false), huffmanCode(new Uint8Array(32).fill(5), false)];
}
let fixedCodes: [HuffmanCode, HuffmanCode] | undefined;

const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const END_OF_BLOCK = 256;

// RFC 1951 section 3.2.7
function readCodes(bits: BitReader): [HuffmanCode, HuffmanCode] {
  const literals = bits.take(5) + 257;
  const distances = bits.take(5) + 1;
  const codes = bits.take(4) + 4;
  if (literals > 286 || distances > 30) throw inflateFailed('too many codes');
  const codeLengths = new Uint8Array(19);
  for (let i = 0; i < codes; i++) codeLengths[LENGTH_ORDER[i]!] = bits.take(3);
  const codeOfLengths = huffmanCode(codeLengths, false);
  const lengths = new Uint8Array(literals + distances);
  for (let i = 0; i < lengths.length;) {
    const symbol = bits.symbol(codeOfLengths);
    if (symbol < 16) {
      lengths[i++] = symbol;
      continue;
    }
    if (symbol === 16 && i === 0) throw inflateFailed('a repeat of nothing');
    const value = symbol === 16 ? lengths[i - 1]! : 0;
    const repeat =
      symbol === 16 ? 3 + bits.take(2) : symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7);
    if (i + repeat > lengths.length) throw inflateFailed('a repeat over the end');
    lengths.fill(value, i, i + repeat);
    i += repeat;
  }
  if (lengths[END_OF_BLOCK] === 0) throw inflateFailed('a block without an end');
  return [
    huffmanCode(lengths.subarray(0, literals), true),
    huffmanCode(lengths.subarray(literals), true),
  ];
}

// RFC 1951 section 3.2.5
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
];
const LENGTH_BITS = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const distanceBits = (code: number): number => Math.max(0, (code >> 1) - 1);
const distanceBase = (code: number): number =>
  code < 2 ? code + 1 : ((2 | (code & 1)) << distanceBits(code)) + 1;

function inflateBlock(
  bits: BitReader,
  output: Output,
  literals: HuffmanCode,
  distances: HuffmanCode,
): void {
  for (;;) {
    const symbol = bits.symbol(literals);
    if (symbol < END_OF_BLOCK) {
      output.literal(symbol);
      continue;
    }
    if (symbol === END_OF_BLOCK) return;
    const code = symbol - 257;
    if (code >= LENGTH_BASE.length) throw inflateFailed('an unused length code');
    const count = LENGTH_BASE[code]! + bits.take(LENGTH_BITS[code]!);
    const distanceCode = bits.symbol(distances);
    if (distanceCode > 29) throw inflateFailed('an unused distance code');
    output.copy(distanceBase(distanceCode) + bits.take(distanceBits(distanceCode)), count);
  }
}
