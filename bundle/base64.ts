import { bundleError } from './errors.ts';

/** An encoding of RFC 4648: its digits, and the value of each by its character code. */
interface Base {
  readonly digits: string;
  /** Bits in a digit. */
  readonly width: number;
  /** 255 for what is no digit. */
  readonly values: Uint8Array;
}

function base(digits: string): Base {
  const values = new Uint8Array(128).fill(255);
  for (let value = 0; value < digits.length; value++) values[digits.charCodeAt(value)] = value;
  return { digits, width: Math.log2(digits.length), values };
}

const LETTERS_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const STANDARD = base(`${LETTERS_AND_DIGITS}+/`);
const URL_SAFE = base(`${LETTERS_AND_DIGITS}-_`);
const BASE32 = base('abcdefghijklmnopqrstuvwxyz234567');

/** Bits from the left, in groups of `width`, the last one filled with zero bits. */
function encode(bytes: Uint8Array, { digits, width }: Base): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= width) {
      bits -= width;
      text += digits.charAt((held >> bits) & ((1 << width) - 1));
    }
    held &= (1 << bits) - 1;
  }
  if (bits > 0) text += digits.charAt((held << (width - bits)) & ((1 << width) - 1));
  return text;
}

/** The one text of some bytes and no other: a stray character or a fill bit is refused. */
function decode(text: string, { digits, width, values }: Base): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * width) / 8));
  let held = 0;
  let bits = 0;
  let offset = 0;
  for (let i = 0; i < text.length; i++) {
    const value = values[text.charCodeAt(i)] ?? 255;
    if (value === 255) throw bundleError('bad_encoding', `a character is not base${digits.length}`);
    held = (held << width) | value;
    bits += width;
    if (bits >= 8) {
      bits -= 8;
      bytes[offset++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  if (bits >= width || held !== 0) {
    throw bundleError('bad_encoding', `the end of a base${digits.length} text is not canonical`);
  }
  return bytes;
}

/** Base64url without padding (RFC 4648 section 5): how JSON carries bytes. */
export function toBase64Url(bytes: Uint8Array): string {
  return encode(bytes, URL_SAFE);
}

/** @throws bad_encoding unless `text` is what {@link toBase64Url} makes */
export function fromBase64Url(text: string): Uint8Array {
  return decode(text, URL_SAFE);
}

/** Base64 with padding (RFC 4648 section 4): what HTTP headers use. */
export function toBase64(bytes: Uint8Array): string {
  return padded(encode(bytes, STANDARD));
}

/** @throws bad_encoding unless `text` is what {@link toBase64} makes */
export function fromBase64(text: string): Uint8Array {
  const digits = text.replace(/={1,2}$/, '');
  if (padded(digits) !== text) throw bundleError('bad_encoding', 'wrong base64 padding');
  return decode(digits, STANDARD);
}

const padded = (digits: string): string => digits.padEnd(Math.ceil(digits.length / 4) * 4, '=');

/** Lower-case base32 without padding (RFC 4648 section 6): how a node id is written. */
export function toBase32(bytes: Uint8Array): string {
  return encode(bytes, BASE32);
}

/** @throws bad_encoding unless `text` is what {@link toBase32} makes */
export function fromBase32(text: string): Uint8Array {
  return decode(text, BASE32);
}
