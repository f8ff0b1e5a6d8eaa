import { randomBytes, scrypt } from 'node:crypto';
import * as v from 'valibot';
import {
  deriveIdentity,
  equalBytes,
  fromBase64Url,
  isZero,
  toBase64Url,
  utf8,
} from '../bundle/index.ts';
import type { Identity, PublicKeys } from '../bundle/index.ts';
import { openBox, SECRET_BOX, sealBox } from '../bundle/secret-box.ts';
import { textIn } from '../files/text.ts';
import { fail } from '../protocol/errors.ts';
import { assertStrongSecret } from '../protocol/secrets.ts';

/**
 * The file that holds an administrator's seed (docs/config.md, "admin.key"): JSON, with the public
 * keys in the clear, and the seed either in the clear or in a secretbox (XSalsa20-Poly1305) whose
 * key is scrypt of a passphrase. The public keys let `coatcheck` say whose key it is before it asks
 * for the passphrase, and must be the ones that the seed gives.
 */

const bytes = (length: number) =>
  v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return fromBase64Url(dataset.value);
      } catch {
        addIssue({ message: 'is not base64url' });
        return NEVER;
      }
    }),
    v.check((value) => value.length === length),
  );

/** scrypt's cost: 128 * r * N = 128 MiB of memory, about half a second. RFC 7914. */
const COST = { N: 2 ** 17, r: 8, p: 1 };

const KeyFile = v.strictObject({
  coatcheck: v.literal('admin-key/1'),
  signKey: bytes(32),
  boxKey: bytes(32),
  seed: v.union([
    bytes(32),
    v.strictObject({
      kdf: v.literal('scrypt'),
      // Bounded: a file from elsewhere must not choose how much memory it takes.
      N: v.picklist([2 ** 15, 2 ** 16, 2 ** 17, 2 ** 18]),
      r: v.literal(8),
      p: v.literal(1),
      salt: bytes(16),
      nonce: bytes(24),
      box: bytes(48),
    }),
  ]),
});

/** At most this many bytes. */
export const MAX_KEY_FILE_BYTES = 4096;

/** @throws weak_secret for an empty passphrase */
async function deriveKey(
  passphrase: string,
  salt: Uint8Array,
  cost: typeof COST,
): Promise<Uint8Array> {
  if (passphrase === '') throw fail('weak_secret', 'an empty passphrase is refused');
  return new Promise((resolve, reject) => {
    // The same passphrase typed on another system may be composed differently.
    scrypt(
      passphrase.normalize('NFC'),
      salt,
      SECRET_BOX.keyBytes,
      { ...cost, maxmem: 256 * 2 ** 20 + 2 ** 20 },
      (error, key) => {
        if (error) reject(error);
        else resolve(Uint8Array.from(key));
      },
    );
  });
}

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
  let sealed: unknown = toBase64Url(seed);
  if (passphrase !== undefined) {
    const salt = Uint8Array.from(randomBytes(16));
    const nonce = Uint8Array.from(randomBytes(SECRET_BOX.nonceBytes));
    const box = sealBox(seed, nonce, await deriveKey(passphrase, salt, COST));
    sealed = {
      kdf: 'scrypt',
      ...COST,
      salt: toBase64Url(salt),
      nonce: toBase64Url(nonce),
      box: toBase64Url(box),
    };
  }
  const file = {
    coatcheck: 'admin-key/1',
    signKey: toBase64Url(signKey),
    boxKey: toBase64Url(boxKey),
    seed: sealed,
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
  const seed =
    file.seed instanceof Uint8Array
      ? file.seed
      : await openSeed(file.seed, await passphrase(), path);
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

type SealedSeed = Exclude<v.InferOutput<typeof KeyFile>['seed'], Uint8Array>;

async function openSeed(sealed: SealedSeed, passphrase: string, path: string): Promise<Uint8Array> {
  const { N, r, p, salt, nonce, box } = sealed;
  const seed = openBox(box, nonce, await deriveKey(passphrase, salt, { N, r, p }));
  if (seed === undefined) throw fail('wrong_passphrase', `the passphrase does not open ${path}`);
  return seed;
}

function parse(content: Uint8Array, path: string): v.InferOutput<typeof KeyFile> {
  const text = textIn(content, path);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw fail('file_malformed', `${path} is not a key file of coatcheck: it is not JSON`, {
      cause,
    });
  }
  const file = v.safeParse(KeyFile, json);
  if (!file.success) {
    const [issue] = file.issues;
    throw fail('file_malformed', `${path} is malformed at ${v.getDotPath(issue) ?? 'its top'}`);
  }
  return file.output;
}
