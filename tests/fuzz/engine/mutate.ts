import type { Random } from './random.ts';

/** Numbers that parsers get wrong. */
const NUMBERS = [
  0, 1, 15, 16, 127, 128, 255, 256, 1023, 1024, 1025, 32_767, 32_768, 65_535, 65_536,
];
const LARGE = [0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
const DIGITS = [
  '0',
  '1',
  '00',
  '-1',
  '1e3',
  '4294967295',
  '9007199254740993',
  '99999999999999999999',
];

const MAX_STEPS = 6;

/** What {@link createMutator} draws on. */
export interface Stock {
  readonly random: Random;
  /** Words of the format, and of the code that reads it. */
  readonly words: readonly Uint8Array[];
  /** The longest input, bytes. */
  readonly maxBytes: number;
}

/**
 * Makes new inputs of old ones: one to six small changes each.
 * @param other gives another input, to take a piece of
 */
export function createMutator(
  { random, words, maxBytes }: Stock,
  other: () => Uint8Array,
): (input: Uint8Array) => Uint8Array {
  const digits = DIGITS.map((text) => new TextEncoder().encode(text));
  const bytes = new Uint8Array(maxBytes);
  let length = 0;

  /** Where and how long a piece is: mostly short. */
  const piece = (total: number): [at: number, size: number] => {
    const at = random.below(total);
    const most = random.oneIn(4) ? total - at : Math.min(total - at, 8);
    return [at, 1 + random.below(most)];
  };
  const insert = (piece: Uint8Array, at: number): void => {
    const size = Math.min(piece.length, maxBytes - length);
    bytes.copyWithin(at + size, at, length);
    bytes.set(piece.subarray(0, size), at);
    length += size;
  };
  const overwrite = (piece: Uint8Array, at: number): void => {
    const size = Math.min(piece.length, maxBytes - at);
    bytes.set(piece.subarray(0, size), at);
    length = Math.max(length, at + size);
  };
  const put = (piece: Uint8Array): void => {
    const at = random.below(length + 1);
    if (random.oneIn(2)) insert(piece, at);
    else overwrite(piece, at);
  };
  const remove = (at: number, size: number): void => {
    bytes.copyWithin(at, at + size, length);
    length -= size;
  };
  const number = (): Uint8Array => {
    const value = random.oneIn(4) ? random.pick(LARGE) : random.pick(NUMBERS);
    const view = new DataView(new ArrayBuffer(4));
    const size = random.pick([1, 2, 4]);
    const little = random.oneIn(4);
    if (size === 1) view.setUint8(0, value);
    else if (size === 2) view.setUint16(0, value, little);
    else view.setUint32(0, value, little);
    return new Uint8Array(view.buffer, 0, size);
  };

  const steps: readonly (() => void)[] = [
    () => void (bytes[random.below(length)]! ^= 1 << random.below(8)),
    () => void (bytes[random.below(length)] = random.below(256)),
    () => void (bytes[random.below(length)]! += random.oneIn(2) ? 1 : 255),
    () => put(Uint8Array.of(random.below(256))),
    () => put(Uint8Array.of(0x20 + random.below(0x5f))),
    () => overwrite(number(), random.below(length)),
    () => put(number()),
    () => put(random.pick(digits)),
    () => put(random.pick(words)),
    () => put(random.pick(words)),
    () => remove(...piece(length)),
    () => {
      const [at, size] = piece(length);
      put(bytes.slice(at, at + size));
    },
    () => {
      const from = other();
      if (from.length === 0) return;
      const [at, size] = piece(from.length);
      put(from.subarray(at, at + size));
    },
    () => {
      const from = other();
      const at = random.below(Math.min(length, from.length) + 1);
      overwrite(from.subarray(at), at);
      length = Math.max(at, Math.min(from.length, maxBytes));
    },
  ];

  return (input) => {
    bytes.set(input);
    length = input.length;
    const count = 1 + random.below(MAX_STEPS);
    for (let i = 0; i < count; i++) {
      if (length === 0) insert(Uint8Array.of(random.below(256)), 0);
      random.pick(steps)();
    }
    return bytes.slice(0, length);
  };
}
