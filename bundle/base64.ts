import { base32nopad, base64, base64urlnopad, hex } from '@scure/base';
import { bundleError } from './errors.ts';

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return hex.encode(bytes);
}

/** @throws bad_encoding unless `text` is an even number of lower-case hex digits */
export function fromHex(text: string): Uint8Array {
  return decode('lower-case hex', () => hex.decode(only(/^[0-9a-f]*$/, text)));
}

/** Base64url without padding (RFC 4648 section 5): how JSON carries bytes. */
export function toBase64Url(bytes: Uint8Array): string {
  return base64urlnopad.encode(bytes);
}

/** @throws bad_encoding unless `text` is what {@link toBase64Url} makes */
export function fromBase64Url(text: string): Uint8Array {
  return decode('base64url without padding', () => base64urlnopad.decode(text));
}

/** Base64 with padding (RFC 4648 section 4): what HTTP headers use. */
export function toBase64(bytes: Uint8Array): string {
  return base64.encode(bytes);
}

/** @throws bad_encoding unless `text` is what {@link toBase64} makes */
export function fromBase64(text: string): Uint8Array {
  return decode('base64', () => base64.decode(text));
}

/** Lower-case base32 without padding (RFC 4648 section 6): how a node id is written. */
export function toBase32(bytes: Uint8Array): string {
  return base32nopad.encode(bytes).toLowerCase();
}

/** @throws bad_encoding unless `text` is what {@link toBase32} makes */
export function fromBase32(text: string): Uint8Array {
  return decode('lower-case base32', () =>
    base32nopad.decode(only(/^[a-z2-7]*$/, text).toUpperCase()),
  );
}

/** The library takes the one text of some bytes and no other, but knows no case to refuse. */
function only(digits: RegExp, text: string): string {
  if (!digits.test(text)) throw new RangeError('a character is no digit');
  return text;
}

function decode(name: string, decoded: () => Uint8Array): Uint8Array {
  try {
    return decoded();
  } catch {
    // Without the cause: it quotes a character, which may be of a secret.
    throw bundleError('bad_encoding', `this is no canonical ${name}`);
  }
}
