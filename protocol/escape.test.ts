import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBytes, escapeJson, escapeLine, escapeText } from './escape.ts';

/** Everything that a terminal could obey, hide or reorder. */
const DANGEROUS =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff]|[\u{e0000}-\u{e0fff}]/u;

describe('escapeLine', () => {
  it.each([
    ['plain', 'etc/hosts: 127.0.0.1 \\ "x" #', 'etc/hosts: 127.0.0.1 \\ "x" #'],
    ['other scripts', 'Grüße 東京 Москва שלום 🙂', 'Grüße 東京 Москва שלום 🙂'],
    ['an ANSI colour', '\x1b[31mred', '<U+001B>[31mred'],
    ['an OSC title', '\x1b]0;owned\x07', '<U+001B>]0;owned<U+0007>'],
    ['C1 CSI', '\u009b2J', '<U+009B>2J'],
    ['carriage return', 'good\rbad!', 'good<U+000D>bad!'],
    ['backspace', 'rm\b\b', 'rm<U+0008><U+0008>'],
    ['line end', 'a\nb', 'a<U+000A>b'],
    ['tab', 'a\tb', 'a<U+0009>b'],
    ['DEL', 'a\x7f', 'a<U+007F>'],
    ['NUL', '\0', '<U+0000>'],
    ['right-to-left override', 'gpj\u202eexe.', 'gpj<U+202E>exe.'],
    ['bidi isolates', '\u2066x\u2069', '<U+2066>x<U+2069>'],
    ['zero-width space and joiner', 'ro\u200bot\u200d', 'ro<U+200B>ot<U+200D>'],
    ['byte order mark', '\ufeffx', '<U+FEFF>x'],
    ['soft hyphen', 'ro\u00adot', 'ro<U+00AD>ot'],
    ['no-break and ideographic space', 'a\u00a0b\u3000c', 'a<U+00A0>b<U+3000>c'],
    ['line separator', 'a\u2028b', 'a<U+2028>b'],
    ['Hangul filler', '\u3164', '<U+3164>'],
    ['blank braille', '\u2800', '<U+2800>'],
    ['variation selector', 'a\ufe0f', 'a<U+FE0F>'],
    ['language tag', '\u{e0041}', '<U+E0041>'],
    ['private use', '\ue0b0', '<U+E0B0>'],
    ['lone surrogate', '\ud83d!', '<U+D83D>!'],
    ['accents that are composed', 'e\u0301 \u1ea5', 'e\u0301 \u1ea5'],
    ['a mark without a base', '\u0301x', '<U+0301>x'],
    [
      'marks that paint over other lines',
      'a\u0301\u0302\u0303\u0304',
      'a\u0301\u0302<U+0303><U+0304>',
    ],
    ['our own notation', '<U+001B> <0xFF> <b>', '<U+003C>U+001B> <U+003C>0xFF> <b>'],
  ])('%s', (_, input, output) => expect(escapeLine(input)).toBe(output));

  it('lets nothing dangerous through, whatever comes in', { tags: 'long' }, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeLine(text)).not.toMatch(DANGEROUS);
        expect(escapeLine(text)).not.toMatch(/[\n\t]/);
      }),
      { numRuns: 2000 },
    );
  });

  it('is unambiguous: different texts never look the same', () => {
    const tricky = fc.string({
      unit: fc.constantFrom('<', 'U', '+', '0', 'x', '1', 'B', '>', '\x1b', '\u0301'),
    });
    fc.assert(
      fc.property(tricky, tricky, (a, b) => {
        expect(escapeLine(a) === escapeLine(b)).toBe(a === b);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('escapeText', () => {
  it('keeps line ends and tabs', () => expect(escapeText('a\tb\nc')).toBe('a\tb\nc'));
  it('escapes everything else as a line does', () =>
    expect(escapeText('a\r\n\x1bc')).toBe('a<U+000D>\n<U+001B>c'));
});

describe('decodeBytes, shown', () => {
  const escapeBytes = (input: Uint8Array): string => escapeText(decodeBytes(input));
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
  it.each([
    ['ASCII', bytes(0x61, 0x0a), 'a\n'],
    ['UTF-8 of two, three and four bytes', new TextEncoder().encode('é€🙂'), 'é€🙂'],
    ['a stray byte', bytes(0x61, 0xff, 0x62), 'a<0xFF>b'],
    ['a stray continuation', bytes(0x80), '<0x80>'],
    ['a sequence cut short', bytes(0xe2, 0x82), '<0xE2><0x82>'],
    ['an overlong slash', bytes(0xc0, 0xaf), '<0xC0><0xAF>'],
    ['an encoded surrogate', bytes(0xed, 0xa0, 0x80), '<0xED><0xA0><0x80>'],
    ['a lead byte before ASCII', bytes(0xc3, 0x41), '<0xC3>A'],
    ['NUL', bytes(0x61, 0x00, 0x62), 'a<U+0000>b'],
    ['a byte order mark', bytes(0xef, 0xbb, 0xbf, 0x61), '<U+FEFF>a'],
    ['C1 as UTF-8', bytes(0xc2, 0x9b), '<U+009B>'],
    ['nothing', bytes(), ''],
  ])('%s', (_, input, output) => expect(escapeBytes(input)).toBe(output));

  it('takes for UTF-8 what a strict decoder does', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    for (let first = 0x80; first < 0x100; first++) {
      for (const second of edges) {
        for (const rest of [[], [0x80], [0x7f], [0xbf, 0xbf], [0xbf, 0xc0], [0xbf, 0xbf, 0xbf]]) {
          const input = bytes(first, second, ...rest);
          let expected: string | undefined;
          try {
            expected = strict.decode(input);
          } catch {
            // No UTF-8: then a byte of it is escaped.
          }
          const decoded = decodeBytes(input);
          if (expected === undefined) expect(decoded).toMatch(/[\udc80-\udcff]/u);
          else expect(decoded).toBe(expected);
        }
      }
    }
  });

  it('lets nothing dangerous through', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
        expect(escapeBytes(input)).not.toMatch(DANGEROUS);
      }),
      { numRuns: 2000 },
    );
  });

  it('never shows different bytes alike', () => {
    const tricky = fc
      .array(fc.constantFrom(0x3c, 0x30, 0x78, 0x38, 0x3e, 0x80, 0xc2, 0xed, 0xb2, 0xff))
      .map((values) => bytes(...values));
    fc.assert(
      fc.property(tricky, tricky, (a, b) => {
        expect(escapeBytes(a) === escapeBytes(b)).toBe(Buffer.compare(a, b) === 0);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('escapeJson', () => {
  it('is printable ASCII that reads back as the same value', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })),
        (value) => {
          const json = escapeJson(value);
          expect(json).toMatch(/^[\n\x20-\x7e]*$/);
          expect(JSON.parse(json)).toEqual(value);
        },
      ),
    );
  });
  it('escapes what JSON.stringify leaves raw', () =>
    expect(escapeJson('\u202e\x7f\u009b🙂')).toBe('"\\u202e\\u007f\\u009b\\ud83d\\ude42"\n'));
});
