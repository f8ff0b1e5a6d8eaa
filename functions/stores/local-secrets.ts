import { randomBytes } from 'node:crypto';
import { link } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { equalBytes, fromBase64Url, toBase64Url, utf8 } from '../../bundle/bytes.ts';
import { later } from '../../files/calls.ts';
import { errnoOf, FileFault, fileError } from '../../files/errors.ts';
import { discard, stageFile } from '../../files/own-file.ts';
import { reading } from '../../files/read.ts';
import { syncFolder } from '../../files/write.ts';
import { fail } from '../../protocol/errors.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { withStoreErrors } from '../../store/filesystem-errors.ts';
import { storeFolders } from '../../store/filesystem-paths.ts';
import { assertStrongSecret } from '../../protocol/secrets.ts';
import { forEachCredential } from './kind.ts';

/** What signs the URLs of a store in a folder: 32 bytes for each credential. */
export type LocalSecrets = Readonly<Record<Credential, Uint8Array>>;

const Secret = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/), v.transform(fromBase64Url));
const SecretsFile = v.strictObject({
  coatcheck: v.literal('secrets/1'),
  download: Secret,
  upload: Secret,
  admin: Secret,
});
const MAX_BYTES = 4096;

/** Secrets that end with this process, and their URLs with them. */
export const passingSecrets = (): LocalSecrets =>
  forEachCredential(() => Uint8Array.from(randomBytes(32)));

/**
 * The secrets of `<dataDir>/secrets.json`, made at the first start: mode 0600, whole or not there,
 * the same for all servers that start at once.
 *
 * @param dataDir the folder of a store that was opened
 * @throws file_unsafe if others may read it, or it is another user's; file_malformed, weak_secret; the
 *   codes of a store
 */
export async function localSecrets(dataDir: string): Promise<LocalSecrets> {
  const path = join(dataDir, 'secrets.json');
  const text = await withStoreErrors(
    dataDir,
    async () => (await readPrivate(path)) ?? (await create(dataDir, path)),
  );
  return parse(text, path);
}

/** Undefined where there is none. @throws file_unsafe, file_malformed; what the system says */
async function readPrivate(path: string): Promise<string | undefined> {
  try {
    const { content } = await later(reading(path, { maxBytes: MAX_BYTES, secret: true }));
    return Buffer.from(content).toString('utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error instanceof FileFault ? fileError(error, path) : error;
  }
}

async function create(dataDir: string, path: string): Promise<string> {
  const file: v.InferInput<typeof SecretsFile> = {
    coatcheck: 'secrets/1',
    download: toBase64Url(randomBytes(32)),
    upload: toBase64Url(randomBytes(32)),
    admin: toBase64Url(randomBytes(32)),
  };
  const { staging } = storeFolders(dataDir);
  const staged = await stageFile(staging, utf8(`${JSON.stringify(file, undefined, 2)}\n`));
  try {
    await link(staged, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  } finally {
    await discard(staged);
  }
  await syncFolder(dataDir);
  // Also where another server was quicker: then its secrets are the ones.
  return (await readPrivate(path)) ?? '';
}

function parse(text: string, path: string): LocalSecrets {
  const secrets = parseFile(text, path);
  for (const name of CREDENTIALS) {
    assertStrongSecret(secrets[name], `the ${name} secret in ${path}`);
    for (const other of CREDENTIALS) {
      if (name !== other && equalBytes(secrets[name], secrets[other])) {
        throw fail('weak_secret', `${path} has one secret for ${name} and ${other}: remove it`);
      }
    }
  }
  return secrets;
}

function parseFile(text: string, path: string): LocalSecrets {
  try {
    const { download, upload, admin } = v.parse(SecretsFile, JSON.parse(text));
    return { download, upload, admin };
  } catch {
    // Without a cause: it would quote the file.
    throw fail('file_malformed', `${path} does not hold three secrets: remove it, and it is made`);
  }
}
