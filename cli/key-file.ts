import * as v from 'valibot';
import { deriveIdentity, equalBytes, isZero, toBase64Url, utf8 } from '../bundle/index.ts';
import type { Identity, PublicKeys } from '../bundle/index.ts';
import { textIn } from '../files/text.ts';
import { fail } from '../protocol/errors.ts';
import { assertStrongSecret } from '../protocol/secrets.ts';
import { bytes, openSecret, parseSecretFile, sealSecret, sealedSecret } from './sealed-secret.ts';

/**
 * The file that holds an administrator's seed (docs/config.md, "admin.key"): JSON, with the public
 * keys in the clear, and the seed as a secret (sealed-secret.ts). The public keys let `coatcheck` say whose key it is before it asks
 * for the passphrase, and must be the ones that the seed gives.
 */

const isKey = (length: number): boolean => length === 32;

const KeyFile = v.strictObject({
  coatcheck: v.literal('admin-key/1'),
  signKey: bytes(isKey),
  boxKey: bytes(isKey),
  seed: sealedSecret(isKey),
});

/** At most this many bytes. */
export const MAX_KEY_FILE_BYTES = 4096;

/**
 * @param seed 32 bytes
 * @param passphrase undefined only where the administrator asked for a key without one
 * @throws weak_secret for an empty passphrase
 */
export async function sealKeyFile(
  seed: Uint8Array,
  passphrase: string | undefined,
): Promise<Uint8Array> {
  const { signKey, boxKey } = deriveIdentity(seed);
  const file = {
    coatcheck: 'admin-key/1',
    signKey: toBase64Url(signKey),
    boxKey: toBase64Url(boxKey),
    seed: await sealSecret(seed, passphrase),
  };
  return utf8(`${JSON.stringify(file, undefined, 2)}\n`);
}

/**
 * @param passphrase asked for only if the file needs one
 * @param path of the file, for the errors
 * @throws file_malformed, wrong_passphrase, weak_secret
 */
export async function openKeyFile(
  content: Uint8Array,
  passphrase: () => Promise<string>,
  path: string,
): Promise<Identity> {
  return deriveIdentity(await seedInKeyFile(content, passphrase, path));
}

/** As {@link openKeyFile}. @returns the seed, 32 bytes, which gives the public keys that the file names */
export async function seedInKeyFile(
  content: Uint8Array,
  passphrase: () => Promise<string>,
  path: string,
): Promise<Uint8Array> {
  const file = parse(content, path);
  const seed = await openSecret(file.seed, passphrase, path);
  if (isZero(seed)) throw fail('weak_secret', `${path} holds an all-zero seed: make a new key`);
  assertStrongSecret(seed, `the seed in ${path}`);
  const identity = deriveIdentity(seed);
  if (!equalBytes(identity.signKey, file.signKey) || !equalBytes(identity.boxKey, file.boxKey)) {
    throw fail('file_malformed', `${path} names other public keys than its seed gives`);
  }
  return seed;
}

/** Whose key a file says it is: what {@link openKeyFile} checks is not known yet. @throws file_malformed */
export function publicKeysIn(content: Uint8Array, path: string): PublicKeys {
  const { signKey, boxKey } = parse(content, path);
  return { signKey, boxKey };
}

const parse = (content: Uint8Array, path: string): v.InferOutput<typeof KeyFile> =>
  parseSecretFile(KeyFile, textIn(content, path), { path, what: 'a key file of coatcheck' });
