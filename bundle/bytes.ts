import { bundleError } from './errors.ts';

/** All bytes, one part after the other, in a new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

/** Compares in a time that depends on the lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** Whether every byte is 0; of no bytes, too. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text in UTF-8, without a byte order mark; a lone surrogate becomes U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** @throws bad_encoding unless `bytes` are well-formed UTF-8. A byte order mark is kept. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw bundleError('bad_encoding', 'this text is not UTF-8', { cause });
  }
}

export {
  fromBase32,
  fromBase64,
  fromBase64Url,
  fromHex,
  toBase32,
  toBase64,
  toBase64Url,
  toHex,
} from './base64.ts';
export { Reader, Writer } from './cursor.ts';
