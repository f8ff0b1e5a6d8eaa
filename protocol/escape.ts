/**
 * What a stranger says (names, paths, file contents, reasons, an error's sentence) on its way to a
 * terminal. A terminal obeys control sequences, reorders bidirectional text and hides zero-width
 * characters; each of them could make a reviewer approve what they did not see. So everything that
 * is not plainly visible is written as its code point, `<U+202E>`, or as its byte, `<0xFF>`, where
 * the bytes are no UTF-8. The notation is unambiguous: a literal `<U+` or `<0x` is escaped too.
 */

/**
 * In this order: controls, formats, surrogates, private and unassigned code points (C); line and
 * paragraph separators and spaces (Z) other than U+0020; what renderers leave out (zero-width,
 * variation selectors, fillers, tags); the blank braille pattern; a `<` that begins our notation;
 * combining marks that have no base, or are more than two on one base and would paint over other
 * lines.
 */
const UNSEEN =
  /[\p{C}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Z}|<(?=U\+|0x)|(?<=^|[\p{C}\p{Z}]|\p{M}{2})\p{M}/gu;

/** A byte that is no UTF-8 is this plus the byte, a lone surrogate, which no UTF-8 decodes to. */
const BYTE = 0xdc00;

const hex = (n: number, digits: number): string =>
  n.toString(16).toUpperCase().padStart(digits, '0');

function notation(char: string): string {
  const point = char.codePointAt(0)!;
  const byte = point - BYTE;
  return byte >= 0x80 && byte <= 0xff ? `<0x${hex(byte, 2)}>` : `<U+${hex(point, 4)}>`;
}

/** One line of text that is safe to print; line ends and tabs are escaped as well. */
export function escapeLine(text: string): string {
  return text.replace(UNSEEN, notation);
}

/** Text of several lines that is safe to print: keeps `\n` and `\t` and nothing else unseen. */
export function escapeText(text: string): string {
  return text.replace(UNSEEN, (char) => (char === '\n' || char === '\t' ? char : notation(char)));
}

/**
 * A JSON document in ASCII, with a line end. `JSON.stringify` alone leaves DEL, C1 controls and
 * bidirectional marks as they are. @param indent 0 for one line
 */
export function escapeJson(value: unknown, indent = 2): string {
  const json = JSON.stringify(value, undefined, indent);
  return `${json.replace(/[^\n\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Text from bytes of any kind, without loss: a byte 0xNN that is not UTF-8 becomes the lone
 * surrogate U+DCNN (as Python's `surrogateescape` has it), which is shown as `<0xNN>`.
 */
export function decodeBytes(bytes: Uint8Array): string {
  let text = '';
  let start = 0;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    at += length;
    if (length > 0) continue;
    if (at > start) text += utf8.decode(bytes.subarray(start, at));
    text += String.fromCharCode(BYTE + bytes[at]!);
    start = ++at;
  }
  return text + utf8.decode(bytes.subarray(start));
}

/**
 * Bytes of the well-formed UTF-8 sequence at `at` (1 to 4), or 0 if there is none. By the table of
 * RFC 3629, section 4: to ask a decoder would cost an exception for each byte that is no text.
 */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  // No longer form than needed, no surrogate, nothing above U+10FFFF.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[at + 1] ?? 0;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}
