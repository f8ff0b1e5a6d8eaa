import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { deflateSync } from 'fflate';
import { describe, expect, it, vi } from 'vitest';
import { concat, utf8 } from './bytes.ts';
import { CoatcheckError } from './errors.ts';
import { longCodes } from '../tests/fixtures/deflate.ts';
import { inflateExactly } from './inflate.ts';

const NONE = new Uint8Array();
const text = utf8('nameserver 10.0.0.1\nnameserver 10.0.0.2\n'.repeat(20));
const dictionary = utf8('nameserver 10.0.0.1\nsearch example.org\n');
const hasCode = (code: string): object => expect.objectContaining({ code }) as object;

/** What zlib makes of a stream; undefined where it refuses, or where bytes follow the end. */
function zlibInflate(input: Uint8Array, preset: Uint8Array): Uint8Array | undefined {
  try {
    const { buffer, engine } = inflateRawSync(input, {
      ...(preset.length > 0 && { dictionary: preset }),
      maxOutputLength: 65_536,
      info: true,
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    return engine.bytesWritten === input.length ? new Uint8Array(buffer) : undefined;
  } catch {
    return undefined;
  }
}

/** What ours makes of it when told the length that zlib found; undefined where it refuses. */
function ourInflate(input: Uint8Array, length: number, preset: Uint8Array): Uint8Array | undefined {
  try {
    return inflateExactly(input, length, preset);
  } catch (error) {
    if (error instanceof CoatcheckError) return undefined;
    throw error;
  }
}

/** Bytes with repetition, so that every kind of block and reference comes up. */
const content = fc
  .array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(text, dictionary)), {
    maxLength: 12,
  })
  .map((parts) => concat(...parts));
const streams = fc
  .tuple(
    content,
    fc.constantFrom(NONE, dictionary),
    fc.record({
      level: fc.constantFrom(0, 1, 6, 9),
      strategy: fc.constantFrom(
        constants.Z_DEFAULT_STRATEGY,
        constants.Z_FIXED,
        constants.Z_HUFFMAN_ONLY,
        constants.Z_RLE,
      ),
    }),
  )
  .map(([plain, preset, options]) => ({
    plain,
    preset,
    deflated: new Uint8Array(
      deflateRawSync(plain, { ...options, ...(preset.length > 0 && { dictionary: preset }) }),
    ),
  }));

describe('inflateExactly', () => {
  it('inflates whatever zlib deflates', () => {
    fc.assert(
      fc.property(streams, ({ plain, preset, deflated }) => {
        expect(inflateExactly(deflated, plain.length, preset)).toEqual(plain);
      }),
      { numRuns: 300 },
    );
  });

  it('inflates what fflate deflates with a dictionary', { tags: 'long' }, () => {
    fc.assert(
      fc.property(content, (plain) => {
        const deflated = deflateSync(plain, { level: 9, dictionary });
        expect(inflateExactly(deflated, plain.length, dictionary)).toEqual(plain);
      }),
    );
  });

  it(
    'has the same verdict as zlib on damaged streams, and the same output',
    { tags: 'long' },
    () => {
      const damaged = fc
        .tuple(streams, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }))
        .map(([{ deflated, preset }, edits]) => {
          const input = deflated.slice();
          for (const [at, byte] of edits) input[at % input.length] = byte;
          return { input, preset };
        });
      fc.assert(
        fc.property(damaged, ({ input, preset }) => {
          const expected = zlibInflate(input, preset);
          expect(ourInflate(input, expected?.length ?? 1000, preset)).toEqual(expected);
        }),
        { numRuns: 300 },
      );
    },
  );

  it('has the same verdict as zlib on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (input) => {
        const expected = zlibInflate(input, NONE);
        expect(ourInflate(input, expected?.length ?? 1000, NONE)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses every truncation', () => {
    const deflated = deflateSync(text, { level: 9 });
    for (let length = 0; length < deflated.length; length++) {
      expect(() => inflateExactly(deflated.subarray(0, length), text.length, NONE)).toThrow(
        hasCode('inflate_failed'),
      );
    }
  });

  it('refuses one byte after the end, which libraries accept', () => {
    const deflated = concat(deflateSync(text), Uint8Array.of(0));
    expect(() => inflateExactly(deflated, text.length, NONE)).toThrow(hasCode('trailing_bytes'));
  });

  it.each([-1, 1])('refuses a declared length that is wrong by %i', (error) => {
    expect(() => inflateExactly(deflateSync(text), text.length + error, NONE)).toThrow(
      hasCode('length_mismatch'),
    );
  });

  it('stops at the declared length, however much a bomb holds', () => {
    const bomb = deflateRawSync(new Uint8Array(64 * 1024 * 1024));
    const before = process.memoryUsage().arrayBuffers;
    expect(() => inflateExactly(bomb, 1000, NONE)).toThrow(hasCode('length_mismatch'));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  it('makes the fixed codes once, however many blocks there are, and all of them empty', () => {
    // Four blocks in five bytes: a megabyte of them is a proposal that somebody has to read.
    const blocks = Buffer.alloc(1_000_000, Uint8Array.of(2, 8, 32, 128, 0));
    const made = vi.spyOn(Uint8Array, 'from');
    expect(inflateExactly(concat(blocks, Uint8Array.of(3, 0)), 0, NONE)).toEqual(NONE);
    expect(made.mock.calls.length).toBeLessThan(2);
    made.mockRestore();
  });

  it('inflates words of up to 15 bits, each block with a code of its own', () => {
    const words = Uint8Array.from({ length: 15 }, (_, i) => i);
    const plain = concat(words, words, words, text);
    const deflated = longCodes(3, String.fromCharCode(...words), text);
    expect(inflateExactly(deflated, plain.length, NONE)).toEqual(plain);
    expect(new Uint8Array(inflateRawSync(deflated))).toEqual(plain);
  });

  it('refuses a reference to before the dictionary', () => {
    const deflated = deflateSync(concat(dictionary, text), { level: 9, dictionary });
    expect(() => inflateExactly(deflated, dictionary.length + text.length, NONE)).toThrow(
      hasCode('inflate_failed'),
    );
  });
});
