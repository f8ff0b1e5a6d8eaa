import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as bytes from './bytes.ts';

const anyBytes = fc.uint8Array({ maxLength: 80 });
const hasCode = (code: string): object => expect.objectContaining({ code }) as object;

describe('text forms of bytes', () => {
  it('agree with Node', () => {
    fc.assert(
      fc.property(anyBytes, (input) => {
        const buffer = Buffer.from(input);
        expect(bytes.toHex(input)).toBe(buffer.toString('hex'));
        expect(bytes.toBase64(input)).toBe(buffer.toString('base64'));
        expect(bytes.toBase64Url(input)).toBe(buffer.toString('base64url'));
      }),
    );
  });

  const codecs = [
    ['hex', bytes.toHex, bytes.fromHex],
    ['base64', bytes.toBase64, bytes.fromBase64],
    ['base64url', bytes.toBase64Url, bytes.fromBase64Url],
    ['base32', bytes.toBase32, bytes.fromBase32],
  ] as const;

  it.each(codecs)('%s round trips', (_, encode, decode) => {
    fc.assert(
      fc.property(anyBytes, (input) => {
        expect(decode(encode(input))).toEqual(input);
      }),
    );
  });

  it.each(codecs)('%s has one text for some bytes: any other is refused', (_, encode, decode) => {
    const text = fc.string({ maxLength: 12 }).map((s) => s.replaceAll(/[^ -~]/g, '='));
    fc.assert(
      fc.property(text, (input) => {
        try {
          expect(encode(decode(input))).toBe(input);
        } catch (error) {
          expect(error).toEqual(hasCode('bad_encoding'));
        }
      }),
    );
  });

  it.each([
    ['upper-case hex', () => bytes.fromHex('AB')],
    ['an odd number of digits', () => bytes.fromHex('abc')],
    ['base64 without padding', () => bytes.fromBase64('YQ')],
    ['base64 with a fill bit', () => bytes.fromBase64('YR==')],
    ['base64 with too much padding', () => bytes.fromBase64('YWE==')],
    ['base64url with padding', () => bytes.fromBase64Url('YQ==')],
    ['base64url with a fill bit', () => bytes.fromBase64Url('YR')],
    ['a single base64url character', () => bytes.fromBase64Url('Y')],
    ['a line feed', () => bytes.fromBase64Url('YQ\n')],
    ['a line feed in base64', () => bytes.fromBase64('YQ==\n')],
    ['upper-case base32', () => bytes.fromBase32('ME')],
    ['a letter whose upper case is a digit', () => bytes.fromBase32('\u017fe')],
    ['an overlong UTF-8 sequence', () => bytes.fromUtf8(Uint8Array.of(0xc0, 0x80))],
    ['half of a surrogate pair', () => bytes.fromUtf8(Uint8Array.of(0xed, 0xa0, 0x80))],
  ])('refuses %s', (_, decode) => {
    expect(decode).toThrow(hasCode('bad_encoding'));
  });

  it('keeps a byte order mark', () => {
    expect(bytes.fromUtf8(bytes.utf8('\ufeffa'))).toBe('\ufeffa');
  });
});

describe('equalBytes', () => {
  it('is equality', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (a, b) => {
        expect(bytes.equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(bytes.equalBytes(a, a.slice())).toBe(true);
      }),
    );
  });
});

describe('Reader', () => {
  it('reads what a Writer wrote, big-endian unless told', () => {
    const written = new bytes.Writer()
      .u8(1)
      .u16(2)
      .u32(3)
      .u32le(4)
      .u64(2 ** 53 - 1);
    const out = written.bytes(bytes.utf8('line\nrest')).finish();
    expect(bytes.toHex(out.subarray(0, 11))).toBe('0100020000000304000000');
    const reader = new bytes.Reader(out);
    expect([reader.u8(), reader.u16(), reader.u32(), reader.u32le(), reader.u64()]).toEqual([
      1,
      2,
      3,
      4,
      Number.MAX_SAFE_INTEGER,
    ]);
    expect(bytes.fromUtf8(reader.line())).toBe('line');
    expect(() => reader.line()).toThrow(hasCode('truncated'));
    expect(() => reader.end()).toThrow(hasCode('trailing_bytes'));
    expect(bytes.fromUtf8(reader.rest())).toBe('rest');
    expect(() => reader.u8()).toThrow(hasCode('truncated'));
    reader.end();
  });

  it('reads a view with an offset of its own', () => {
    const whole = Uint8Array.of(9, 9, 0, 7);
    expect(new bytes.Reader(whole.subarray(2)).u16()).toBe(7);
  });
});
