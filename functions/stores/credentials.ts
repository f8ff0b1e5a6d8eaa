import * as v from 'valibot';
import { utf8 } from '../../bundle/bytes.ts';
import { fail } from '../../protocol/errors.ts';
import { parseIsoTime } from '../../protocol/iso-time.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { assertOwnKeys } from '../../store/s3-options.ts';
import type { S3Credentials, S3CredentialsProvider } from '../../store/s3-options.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { replaceFile } from '../../files/write.ts';

const isTime = (text: string): boolean => parseIsoTime(text) !== undefined;

/**
 * The file of `--credentials` (docs/config.md): three S3 key pairs, one for each part of the
 * server. Whoever renews session keys replaces the file; it is read again when they are about to
 * end.
 */
const Keys = v.strictObject({
  accessKeyId: v.string(),
  secretAccessKey: v.string(),
  sessionToken: v.optional(v.string()),
  expiration: v.optional(v.pipe(v.string(), v.check(isTime))),
});
const CredentialsFile = v.strictObject({ download: Keys, upload: Keys, admin: Keys });

const MAX_BYTES = 64 * 1024;
/** Read again this long before a session ends. */
const RENEW_SECONDS = 120;

type Sessions = Readonly<Record<Credential, S3Credentials>>;

/** @throws file_missing, file_unsafe (others may read it), file_malformed, weak_secret */
export async function readCredentials(path: string): Promise<Sessions> {
  const file = parse(await readLocalFile(path, { maxBytes: MAX_BYTES, secret: true }), path);
  const sessions = CREDENTIALS.map((name) => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = file[name];
    const keys: S3Credentials = {
      ...{ accessKeyId, secretAccessKey },
      ...(sessionToken === undefined ? {} : { sessionToken }),
      ...(expiration === undefined ? {} : { expiration: new Date(parseIsoTime(expiration)!) }),
    };
    assertOwnKeys(keys, `the ${name} key in ${path}`);
    return [name, keys] as const;
  });
  const read = Object.fromEntries(sessions) as Record<Credential, S3Credentials>;
  demandThreePairs(read, path);
  return read;
}

/** One pair for two parts has the rights of both: what keeps a URL of one from the objects of the other. */
function demandThreePairs(known: Partial<Sessions>, where: string): void {
  for (const name of CREDENTIALS) {
    for (const other of CREDENTIALS) {
      const [one, two] = [known[name]?.accessKeyId, known[other]?.accessKeyId];
      if (name >= other || one === undefined || one !== two) continue;
      throw fail(
        'weak_secret',
        `${where} has one key pair for ${name} and ${other}: make one for each, with the rights of docs/config.md, "Credentials"`,
      );
    }
  }
}

/**
 * Keys of any origin, each pair for one part alone. What a provider gives is known when it is asked first.
 * @throws weak_secret; by a provider as soon as a second one gives what another gave
 */
export function threePairs(
  given: Readonly<Record<Credential, S3Credentials | S3CredentialsProvider>>,
): Record<Credential, S3CredentialsProvider> {
  const known: Partial<Record<Credential, S3Credentials>> = {};
  const learn = (name: Credential, keys: S3Credentials): S3Credentials => {
    known[name] = keys;
    demandThreePairs(known, 'the store');
    return keys;
  };
  for (const name of CREDENTIALS) {
    const keys = given[name];
    if (typeof keys === 'object') learn(name, keys);
  }
  const providers = CREDENTIALS.map((name) => {
    const keys = given[name];
    const ask = async () => (typeof keys === 'function' ? learn(name, await keys()) : keys);
    return [name, ask] as const;
  });
  return Object.fromEntries(providers) as Record<Credential, S3CredentialsProvider>;
}

function parse(bytes: Uint8Array, path: string): v.InferOutput<typeof CredentialsFile> {
  const text = textIn(bytes, path);
  try {
    return v.parse(CredentialsFile, JSON.parse(text));
  } catch (cause) {
    throw fail(
      'file_malformed',
      `${path} does not hold three S3 key pairs (docs/config.md, "Credentials")`,
      { cause },
    );
  }
}

/** Replaces the file in one step; 0600. */
export async function writeCredentials(path: string, sessions: Sessions): Promise<void> {
  const text = JSON.stringify(sessions, undefined, 2);
  await replaceFile(path, utf8(`${text}\n`), 0o600);
}

/**
 * A provider per credential, which reads the file again when its session is about to end. A file
 * that cannot be read then is tried again at the next use; until they end, the keys that were read
 * stay good.
 * @throws the codes of `readCredentials`; store_denied once the session has ended
 */
export function credentialProviders(path: string): Record<Credential, S3CredentialsProvider> {
  let known: Sessions | undefined;
  const secondsLeft = ({ expiration }: S3Credentials): number =>
    (expiration?.getTime() ?? Infinity) / 1000 - Date.now() / 1000;

  async function current(name: Credential): Promise<S3Credentials> {
    if (known === undefined || secondsLeft(known[name]) < RENEW_SECONDS) {
      try {
        known = await readCredentials(path);
      } catch (error) {
        if (known === undefined || secondsLeft(known[name]) < 1) throw error;
      }
    }
    const keys = known[name];
    if (secondsLeft(keys) > 0) return keys;
    throw fail(
      'store_denied',
      `the ${name} session in ${path} has ended: does what renews the file still run?`,
    );
  }

  const providers = CREDENTIALS.map((name) => [name, () => current(name)] as const);
  return Object.fromEntries(providers) as Record<Credential, S3CredentialsProvider>;
}
