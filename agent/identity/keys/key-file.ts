import { randomBytes, sha256 } from '#platform';
import { toBase64Url, utf8 } from '../../../bundle/bytes.ts';
import { readLocalFileNow } from '../../../files/read.ts';
import { textIn } from '../../../files/text.ts';
import { createFileNow } from '../../../files/write.ts';
import { fail } from '../../../protocol/errors.ts';
import { assertStrongSecret } from '../../../protocol/secrets.ts';

/**
 * 32 secret bytes as a small text file: the seed of a machine (`key`), or what the seeds of all
 * machines of an image are derived from (`image-key`).
 * ```
 * coatcheck key 1
 * seed <32 bytes, base64url>
 * sum <first 8 bytes of SHA-256("coatcheck/v1 key file\0" || seed), base64url>
 * ```
 * The sum finds a damaged stick or a slip of the hand, not an attacker.
 */
export type KeyKind = 'key' | 'image-key';

/** Limit on a key file, bytes. */
export const MAX_KEY_FILE_BYTES = 1024;
const SEED_BYTES = 32;
const SEED = /^seed ([A-Za-z0-9_-]{43})$/m;

const sumOf = (seed: Uint8Array, kind: KeyKind): Uint8Array =>
  sha256(utf8(`coatcheck/v1 ${kind} file\0`), seed).subarray(0, 8);

/** The text of a key file, with its check sum and a newline. */
export function formatKeyFile(seed: Uint8Array, kind: KeyKind = 'key'): string {
  const sum = toBase64Url(sumOf(seed, kind));
  return `coatcheck ${kind} 1\nseed ${toBase64Url(seed)}\nsum ${sum}\n`;
}

/**
 * @returns the seed, 32 bytes
 * @throws file_malformed for another layout or a wrong sum; weak_secret for a seed that was never random
 */
export function parseKeyFile(text: string, path: string, kind: KeyKind = 'key'): Uint8Array {
  const match = SEED.exec(text);
  if (match === null || !text.startsWith(`coatcheck ${kind} 1\n`)) {
    throw fail('file_malformed', `${path} is not a coatcheck ${kind} file`);
  }
  const seed = new Uint8Array(Buffer.from(match[1]!, 'base64url'));
  if (formatKeyFile(seed, kind) !== text) {
    throw fail('file_malformed', `${path} is damaged: its checksum does not fit its seed`);
  }
  assertStrongSecret(seed, `the seed in ${path}`);
  return seed;
}

/** 32 random bytes for {@link formatKeyFile}. */
export const randomSeed = (): Uint8Array => randomBytes(SEED_BYTES);

/**
 * Reads the seed of a key file that only its owner can read.
 * @throws file_missing; file_unsafe if it is a link, not a regular file, or open to others;
 * file_malformed; weak_secret
 */
export function readKeyFile(path: string, kind: KeyKind = 'key'): Uint8Array {
  const only = { maxBytes: MAX_KEY_FILE_BYTES, secret: true, noLink: true };
  const { content } = readLocalFileNow(path, only);
  return parseKeyFile(textIn(content, path), path, kind);
}

/**
 * Makes a key file with a new random seed, mode 0600, in one step: it is whole or not there.
 * @throws file_exists: a key is never overwritten
 */
export function makeKeyFile(path: string, kind: KeyKind = 'key'): Uint8Array {
  const seed = randomSeed();
  createFileNow(path, utf8(formatKeyFile(seed, kind)), 0o600);
  return seed;
}
