/**
 * What a node says (names, paths, file contents, reasons) on its way to an administrator's
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

const codePoint = (char: string): string =>
  `<U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}>`;

/** One line of text that is safe to print; line ends and tabs are escaped as well. */
export function escapeLine(text: string): string {
  return text.replace(UNSEEN, codePoint);
}

/** Text of several lines that is safe to print: keeps `\n` and `\t` and nothing else unseen. */
export function escapeText(text: string): string {
  return text.replace(UNSEEN, (char) => (char === '\n' || char === '\t' ? char : codePoint(char)));
}

/**
 * Text of several lines from bytes of any kind; what is not UTF-8 is shown as `<0xNN>` per byte.
 */
export function escapeBytes(bytes: Uint8Array): string {
  if (isText(bytes)) return escapeText(decode(bytes));
  let out = '';
  let start = 0;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    out += escapeText(decode(bytes.subarray(start, at)));
    out += `<0x${bytes[at]!.toString(16).toUpperCase().padStart(2, '0')}>`;
    start = ++at;
  }
  return out + escapeText(decode(bytes.subarray(start)));
}

/** True if the bytes are text that a person can compare line by line: UTF-8 without NUL. */
export function isText(bytes: Uint8Array): boolean {
  if (bytes.includes(0)) return false;
  try {
    decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/**
 * A JSON document in ASCII, with a line end. `JSON.stringify` alone leaves DEL, C1 controls and
 * bidirectional marks as they are.
 */
export function escapeJson(value: unknown): string {
  const json = JSON.stringify(value, undefined, 2);
  return `${json.replace(/[^\n\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const decode = (bytes: Uint8Array): string => utf8.decode(bytes);

/** Bytes of the well-formed UTF-8 sequence at `at` (1 to 4), or 0 if there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return isText(bytes.subarray(at, at + length)) || first === 0 ? length : 0;
}
