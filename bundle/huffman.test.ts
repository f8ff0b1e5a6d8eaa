import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSymbol, huffmanCode, LOOK_UP_BITS } from './huffman.ts';

/** Complete sets of 2 to 286 lengths: a code, of which one word is split in two again and again. */
const lengths = fc.array(fc.nat(), { minLength: 1, maxLength: 284 }).map((splits) => {
  const words = [1, 1];
  for (const at of splits) {
    const i = at % words.length;
    if (words[i] === 15) continue;
    words[i]!++;
    words.push(words[i]!);
  }
  return Uint8Array.from(words);
});

/** Every word of the code as RFC 1951 section 3.2.2 gives it, its first bit lowest. */
function wordsOf(lengths: Uint8Array): { symbol: number; length: number; bits: number }[] {
  const words = [];
  let code = 0;
  for (let length = 1; length < 16; length++) {
    for (const [symbol, own] of lengths.entries()) {
      if (own !== length) continue;
      const bits = Number.parseInt(
        Array.from(code.toString(2).padStart(length, '0')).toReversed().join(''),
        2,
      );
      words.push({ symbol, length, bits });
      code++;
    }
    code <<= 1;
  }
  return words;
}

describe('huffmanCode', () => {
  it('decodes every word of every complete code, whatever follows it', () => {
    fc.assert(
      fc.property(lengths, fc.nat(0x7fff), (all, rest) => {
        const code = huffmanCode(all, false);
        for (const { symbol, length, bits } of wordsOf(all)) {
          const read = decodeSymbol(code, bits | ((rest << length) & 0x7fff));
          expect(read).toBe((symbol << 4) | length);
        }
      }),
    );
  });

  it('costs at most so many entries, however long its words are', () => {
    fc.assert(
      fc.property(lengths, (all) => {
        const { short, symbols } = huffmanCode(all, false);
        expect(short.length).toBeLessThanOrEqual(2 ** LOOK_UP_BITS);
        expect(symbols.length).toBe(all.length);
      }),
    );
  });

  it.each([
    ['one word of one bit', [0, 1], 0, (1 << 4) | 1],
    ['one word of one bit, another asked for', [0, 1], 1, 0],
    ['no word', [0, 0], 0, 0],
  ])('may be incomplete: %s', (_, all, bits, read) => {
    expect(decodeSymbol(huffmanCode(Uint8Array.from(all), true), bits)).toBe(read);
  });

  it.each([[[1, 1, 1]], [[2]], [[1]], [[]]])('refuses the lengths %j', (all) => {
    expect(() => huffmanCode(Uint8Array.from(all), false)).toThrow(/damaged/);
  });
});
