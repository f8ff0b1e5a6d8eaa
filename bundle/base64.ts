import { bundleError } from './errors.ts';

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_SAFE = STANDARD.slice(0, 62) + '-_';
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Bits from the left, in groups of `width`, the last one filled with zero bits (RFC 4648). */
function encode(bytes: Uint8Array, alphabet: string, width: number): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= width) {
      bits -= width;
      text += alphabet.charAt((held >> bits) & ((1 << width) - 1));
    }
    held &= (1 << bits) - 1;
  }
  if (bits > 0) text += alphabet.charAt((held << (width - bits)) & ((1 << width) - 1));
  return text;
}

/** The one text of some bytes and no other: a stray character or a fill bit is refused. */
function decode(text: string, alphabet: string, width: number): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * width) / 8));
  let held = 0;
  let bits = 0;
  let offset = 0;
  for (const character of text) {
    const value = alphabet.indexOf(character);
    if (value < 0) throw bundleError('bad_encoding', `a character is not base${1 << width}`);
    held = (held << width) | value;
    bits += width;
    if (bits >= 8) {
      bits -= 8;
      bytes[offset++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  if (bits >= width || held !== 0) {
    throw bundleError('bad_encoding', `the end of a base${1 << width} text is not canonical`);
  }
  return bytes;
}

/** Base64url without padding (RFC 4648 section 5): how JSON carries bytes. */
export function toBase64Url(bytes: Uint8Array): string {
  return encode(bytes, URL_SAFE, 6);
}

/** @throws bad_encoding unless `text` is what {@link toBase64Url} makes */
export function fromBase64Url(text: string): Uint8Array {
  return decode(text, URL_SAFE, 6);
}

/** Base64 with padding (RFC 4648 section 4): what HTTP headers use. */
export function toBase64(bytes: Uint8Array): string {
  const text = encode(bytes, STANDARD, 6);
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** @throws bad_encoding unless `text` is what {@link toBase64} makes */
export function fromBase64(text: string): Uint8Array {
  const bytes = decode(text.replace(/={1,2}$/, ''), STANDARD, 6);
  if (toBase64(bytes) !== text) throw bundleError('bad_encoding', 'wrong base64 padding');
  return bytes;
}

/** Lower-case base32 without padding (RFC 4648 section 6): how a node id is written. */
export function toBase32(bytes: Uint8Array): string {
  return encode(bytes, BASE32, 5);
}

/** @throws bad_encoding unless `text` is what {@link toBase32} makes */
export function fromBase32(text: string): Uint8Array {
  return decode(text, BASE32, 5);
}
