import { randomBytes, scrypt } from 'node:crypto';
import * as v from 'valibot';
import { fromBase64Url, toBase64Url } from '../bundle/index.ts';
import { openBox, SECRET_BOX, sealBox } from '../bundle/secret-box.ts';
import { fail } from '../protocol/errors.ts';

/**
 * A secret in a file of JSON, under a passphrase: in a secretbox (XSalsa20-Poly1305) whose key is scrypt of the
 * passphrase, or in the clear where there is none.
 */

/** Bytes in base64url. @param isLength which lengths it may have */
export const bytes = (isLength: (length: number) => boolean) =>
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
    v.check((value) => isLength(value.length)),
  );

/** scrypt's cost: 128 * r * N = 128 MiB of memory, about half a second. RFC 7914. */
const COST = { N: 2 ** 17, r: 8, p: 1 };
/** Of a secretbox, beside what is in it. */
const TAG_BYTES = 16;

/** The form of a secret in a file. @param isLength which lengths it may have, bytes */
export const sealedSecret = (isLength: (length: number) => boolean) =>
  v.union([
    bytes(isLength),
    v.strictObject({
      kdf: v.literal('scrypt'),
      // Bounded: a file from elsewhere must not choose how much memory it takes.
      N: v.picklist([2 ** 15, 2 ** 16, 2 ** 17, 2 ** 18]),
      r: v.literal(8),
      p: v.literal(1),
      salt: bytes((length) => length === 16),
      nonce: bytes((length) => length === 24),
      box: bytes((length) => isLength(length - TAG_BYTES)),
    }),
  ]);

/** What {@link sealedSecret} reads. */
export type SealedSecret = v.InferOutput<ReturnType<typeof sealedSecret>>;

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
 * A secret as it stands in a file, for JSON.
 * @param passphrase undefined only where the administrator asked for none
 * @throws weak_secret for an empty passphrase
 */
export async function sealSecret(
  secret: Uint8Array,
  passphrase: string | undefined,
): Promise<unknown> {
  if (passphrase === undefined) return toBase64Url(secret);
  const salt = Uint8Array.from(randomBytes(16));
  const nonce = Uint8Array.from(randomBytes(SECRET_BOX.nonceBytes));
  const box = sealBox(secret, nonce, await deriveKey(passphrase, salt, COST));
  return {
    kdf: 'scrypt',
    ...COST,
    salt: toBase64Url(salt),
    nonce: toBase64Url(nonce),
    box: toBase64Url(box),
  };
}

/**
 * @param passphrase asked for only if it needs one
 * @param path of its file, for the errors
 * @throws wrong_passphrase, weak_secret
 */
export async function openSecret(
  sealed: SealedSecret,
  passphrase: () => Promise<string>,
  path: string,
): Promise<Uint8Array> {
  if (sealed instanceof Uint8Array) return sealed;
  const { N, r, p, salt, nonce, box } = sealed;
  const secret = openBox(box, nonce, await deriveKey(await passphrase(), salt, { N, r, p }));
  if (secret === undefined) throw fail('wrong_passphrase', `the passphrase does not open ${path}`);
  return secret;
}

/** The JSON of a file of ours. @param what it should be, for the error @throws file_malformed */
export function parseSecretFile<const Schema extends v.GenericSchema>(
  schema: Schema,
  text: string,
  { path, what }: { readonly path: string; readonly what: string },
): v.InferOutput<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw fail('file_malformed', `${path} is not ${what}: it is not JSON`, { cause });
  }
  const file = v.safeParse(schema, json);
  if (!file.success) {
    const [issue] = file.issues;
    throw fail('file_malformed', `${path} is malformed at ${v.getDotPath(issue) ?? 'its top'}`);
  }
  return file.output;
}
