import * as v from 'valibot';
import { fromUtf8, utf8 } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { CREDENTIALS } from '../protocol/permissions.ts';
import type { Credential } from '../protocol/permissions.ts';
import type { S3Credentials, S3CredentialsProvider } from '../store/s3-options.ts';
import { readLocalFile, replaceFile } from './files.ts';

/**
 * The file of `--credentials` (docs/config.md): three S3 key pairs, one for each part of the
 * server. Whoever renews session keys replaces the file; it is read again when they are about to
 * end.
 */
const Keys = v.strictObject({
  accessKeyId: v.string(),
  secretAccessKey: v.string(),
  sessionToken: v.optional(v.string()),
  expiration: v.optional(v.pipe(v.string(), v.isoTimestamp())),
});
const CredentialsFile = v.strictObject({ download: Keys, upload: Keys, admin: Keys });

const MAX_BYTES = 64 * 1024;
/** Read again this long before a session ends. */
const RENEW_SECONDS = 120;

type Sessions = Readonly<Record<Credential, S3Credentials>>;

/** @throws file_missing, file_unsafe (others may read it), file_malformed */
export async function readCredentials(path: string): Promise<Sessions> {
  const bytes = await readLocalFile(path, { maxBytes: MAX_BYTES, secret: true });
  try {
    const file = v.parse(CredentialsFile, JSON.parse(fromUtf8(bytes)));
    const sessions = CREDENTIALS.map((name) => {
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = file[name];
      const keys: S3Credentials = {
        ...{ accessKeyId, secretAccessKey },
        ...(sessionToken === undefined ? {} : { sessionToken }),
        ...(expiration === undefined ? {} : { expiration: new Date(expiration) }),
      };
      return [name, keys] as const;
    });
    return Object.fromEntries(sessions) as Record<Credential, S3Credentials>;
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

/** A provider per credential, which reads the file again when its session is about to end. */
export function credentialProviders(path: string): Record<Credential, S3CredentialsProvider> {
  let known: Promise<Sessions> | undefined;
  const providers = CREDENTIALS.map((name) => {
    const provide: S3CredentialsProvider = async () => {
      const { [name]: keys } = await (known ??= readCredentials(path));
      const left = (keys.expiration?.getTime() ?? Infinity) - Date.now();
      if (left > RENEW_SECONDS * 1000) return keys;
      known = readCredentials(path);
      return (await known)[name];
    };
    return [name, provide] as const;
  });
  return Object.fromEntries(providers) as Record<Credential, S3CredentialsProvider>;
}
