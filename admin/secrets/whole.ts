import { decodeBytes } from '../../protocol/escape.ts';

/*
 * Files that are one key and nothing else. Each is recognised by its own format to its last byte, so
 * that a file with anything beside the key is none.
 */

/**
 * A private key in PEM (RFC 7468), in DER below it or in the format of OpenSSH, alone or with the
 * certificates and parameters that belong to it.
 */
export function isPrivateKey(content: Uint8Array): boolean {
  if (content.length > MAX_PEM) return false;
  let rest = decodeBytes(content);
  let keys = 0;
  while (rest !== '') {
    const found = BLOCK.exec(rest);
    if (found === null) return false;
    const [block, label = '', base64 = ''] = found;
    const bytes = bytesOf(base64);
    const good = label === 'OPENSSH PRIVATE KEY' ? isOpenSsh : isDerSequence;
    if (bytes === undefined || !good(bytes)) return false;
    if (label.endsWith('PRIVATE KEY')) keys++;
    rest = rest.slice(block.length);
  }
  return keys === 1;
}

const MAX_PEM = 64 * 1024;
const BLOCK =
  /^-----BEGIN ((?:(?:RSA |EC |DSA |OPENSSH |ENCRYPTED )?PRIVATE KEY)|CERTIFICATE|DH PARAMETERS)-----\n((?:[A-Za-z0-9+/]{64,76}\n)*[A-Za-z0-9+/]{1,76}={0,2})\n-----END \1-----(?:\n|$)/;

function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(base64.replaceAll('\n', '')), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

const OPENSSH_MAGIC = 'openssh-key-v1\0';

const isOpenSsh = (bytes: Uint8Array): boolean =>
  String.fromCharCode(...bytes.subarray(0, OPENSSH_MAGIC.length)) === OPENSSH_MAGIC;

/** One SEQUENCE of definite length, and nothing behind it (X.690, 8.1). */
function isDerSequence(bytes: Uint8Array): boolean {
  const [tag, first = 0] = bytes;
  if (tag !== 0x30) return false;
  if (first < 0x80) return bytes.length === 2 + first;
  const count = first & 0x7f;
  if (count === 0 || count > 3) return false;
  const length = bytes.subarray(2, 2 + count).reduce((sum, byte) => sum * 256 + byte, 0);
  return bytes.length === 2 + count + length;
}

/** A keytab of MIT Kerberos, version 2: records by their lengths, to the end. */
export function isKeytab(content: Uint8Array): boolean {
  if (content[0] !== 5 || content[1] !== 2 || content.length < 6) return false;
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  let at = 2;
  while (at + 4 <= content.length) {
    const size = view.getInt32(at);
    if (size === 0) return false;
    // A hole that was a record once.
    at += 4 + Math.abs(size);
  }
  return at === content.length;
}

/**
 * munge(7): between 32 and 1,024 bytes of any value, which munged takes for nothing but a key. What begins
 * as a program does, or is text of more than one word, was not made by chance: that is no key.
 */
export function isMungeKey(content: Uint8Array): boolean {
  if (content.length < 32 || content.length > 1024) return false;
  const text = decodeBytes(content);
  return !text.startsWith('#!') && !(/^[\t\n\r -~]*$/.test(text) && /\s/.test(text.trim()));
}
