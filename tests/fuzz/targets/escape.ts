import { decodeBytes, escapeJson, escapeLine, escapeText } from '../../../protocol/escape.ts';
import { quote } from '../../../bundle/errors.ts';
import { table } from '../../../cli/table.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameBytes, sameText } from '../engine/verdict.ts';

/** What may not reach a terminal. */
const UNSEEN = /[\p{C}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Z}|\p{M}{3}|^\p{M}/u;

/** The way back: `<U+202E>` and `<0xFF>` to what they stand for. */
function unescape(text: string): string {
  return text.replace(
    /<U\+([0-9A-F]{4,6})>|<0x([0-9A-F]{2})>/g,
    (_, point?: string, byte?: string) =>
      String.fromCodePoint(
        point === undefined ? 0xdc00 + parseInt(byte!, 16) : parseInt(point, 16),
      ),
  );
}

/** The way back to the bytes: a lone surrogate U+DCNN is the byte 0xNN. */
const bytesOf = (text: string): Buffer =>
  Buffer.concat(
    text
      .split(/([\udc80-\udcff])/u)
      .map((part, i) => (i % 2 === 1 ? Buffer.of(part.charCodeAt(0) & 0xff) : Buffer.from(part))),
  );

/** Everything that is printed is seen, and says which text it stands for. */
export const target: Target = {
  run(input) {
    const text = decodeBytes(input);
    sameBytes(bytesOf(text), input, 'bytes of the text');
    const line = escapeLine(text);
    demand(!UNSEEN.test(line), 'a line is not seen');
    sameText(unescape(line), text, 'text read from a line');
    const several = escapeText(text);
    for (const part of several.split(/[\n\t]/)) demand(!UNSEEN.test(part), 'text is not seen');
    sameText(unescape(several), text, 'text read from lines');
    const json = escapeJson([text]);
    demand(/^[\n\x20-\x7e]*$/.test(json), 'JSON is not ASCII');
    sameText((JSON.parse(json) as [string])[0], text, 'text read from JSON');
    demand(/^[\x20-\x7e]*$/.test(quote(text)), 'a quotation is not ASCII');
    sameText(table([[line, 'x']])[0]!, `${line}  x`, 'cell of a table');
    return line === text ? 'plain' : 'escaped';
  },
  seeds: [
    ...[
      'plain',
      '\x1b[2J\x1b]0;x\x07',
      'a\u202eb\u2066c',
      'a\u0301\u0302\u0303',
      '<U+202E> <0xFF>',
    ],
    ...[
      '\u200b\ufeff\u{e0041}',
      '日本語',
      '\ud83d\ude00',
      '\u3164\u115f\u2800',
      '\u0085\u2028\t\n',
    ],
  ]
    .map((text) => Buffer.from(text))
    .concat([Buffer.from('ff80c0af', 'hex'), Buffer.from('eda080', 'hex')]),
  words: ['<U+', '<0x', '>', '\u202e', '\u0301', '\ufe0f', '\u{e0001}', '\x9b'],
  limits: { maxBytes: 96, work: [500, 40], allocated: [4096, 64] },
};
