import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pad, paddedLength, unpad } from './padding.ts';

const hasCode = (code: string): object => expect.objectContaining({ code }) as object;

describe('paddedLength', () => {
  it.each([
    [0, 256],
    [256, 256],
    [257, 272],
    [272, 272],
    [273, 288],
    [1000, 1024],
    [3300, 3328],
    [1_048_577, 1_081_344],
  ])('of %i is %i', (length, padded) => {
    expect(paddedLength(length)).toBe(padded);
  });

  it('never shrinks, adds at most 12% above the minimum, and is its own padded length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 257, max: 2_000_000 }), (length) => {
        const padded = paddedLength(length);
        expect(padded).toBeGreaterThanOrEqual(length);
        expect(padded).toBeLessThanOrEqual(length * 1.12);
        expect(paddedLength(padded)).toBe(padded);
      }),
    );
  });
});

describe('unpad', () => {
  it('is the inverse of pad', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), (bytes) => {
        expect(unpad(pad(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['only zeros', new Uint8Array(256)],
    ['no marker', new Uint8Array(256).fill(1)],
    ['a size that is not of the series', pad(new Uint8Array(255)).subarray(0, 255)],
    ['a size larger than needed', Uint8Array.from({ length: 272 }, (_, i) => (i === 3 ? 128 : 0))],
  ])('refuses %s', (_, bytes) => {
    expect(() => unpad(bytes)).toThrow(hasCode('bad_padding'));
  });
});
