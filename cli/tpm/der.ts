import { Reader } from '../../bundle/bytes.ts';
import { bundleError } from '../../bundle/errors.ts';

/**
 * The first element in DER, and nothing behind it: what a TPM keeps for a certificate may have more bytes there.
 * @returns its bytes, and what it holds
 * @throws truncated, bad_field
 */
export function element(bytes: Uint8Array): {
  whole: Uint8Array;
  tag: number;
  content: Uint8Array;
} {
  const reader = new Reader(bytes);
  const tag = reader.u8();
  const first = reader.u8();
  let length = first;
  if (first >= 0x80) {
    const digits = first - 0x80;
    if (digits < 1 || digits > 3) throw bundleError('bad_field', 'a length that DER does not have');
    length = reader.bytes(digits).reduce((sum, byte) => sum * 256 + byte, 0);
  }
  const content = reader.bytes(length);
  return { whole: bytes.subarray(0, bytes.length - reader.remaining), tag, content };
}

function elements(bytes: Uint8Array): ReturnType<typeof element>[] {
  const found = [];
  for (let rest = bytes; rest.length > 0; rest = rest.subarray(found.at(-1)!.whole.length))
    found.push(element(rest));
  return found;
}

/**
 * What the key of a SubjectPublicKeyInfo is (RFC 5280, 4.1): the bits of it, whatever algorithm it is said to be for. OpenSSL
 * reads no key of RSA that is for OAEP alone, as those of some vendors are (RFC 4055, 4.1).
 * @throws truncated, bad_field
 */
export function keyBits(info: Uint8Array): Uint8Array {
  const [, bits] = elements(element(info).content);
  if (bits?.tag !== 0x03) throw bundleError('bad_field', 'this is no public key');
  return bits.content.subarray(1); // how many bits of the last byte are none
}

/** {@link keyBits} of a certificate. @throws truncated, bad_field */
export function certifiedBits(certificate: Uint8Array): Uint8Array {
  const parts = elements(element(element(certificate).content).content);
  const isVersion = parts[0]?.tag === 0xa0;
  const info = parts[isVersion ? 6 : 5];
  if (info === undefined) throw bundleError('bad_field', 'this is no certificate');
  return keyBits(info.whole);
}
