import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../../files/errors.ts';
import { readLocalFile } from '../../files/read.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { keyId, pcrKeysOf } from '../../protocol/measured.ts';
import type { PcrKey } from '../../protocol/measured.ts';
import type { Site } from '../../protocol/site.ts';
import { openSealedKey, PCR } from './image-keys.ts';
import { pcrKeyOf } from './sign-policies.ts';

/** A key that signs policies, as a folder has it: `NAME.key`, and `NAME.pem`, its public half. */
export interface PcrKeyFile {
  /** Path of the private key, sealed */
  readonly path: string;
  readonly key: PcrKey;
}

const MAX_BYTES = 16 * 1024;
/** The one that signs now, and others of a site, while its machines go from one to the other. */
const PUBLIC = /^(PCR.*)\.pem$/;

/**
 * The keys of a site that sign policies and are in a folder, in the site's order.
 * @throws file_missing where the first is not there; file_malformed
 */
export async function pcrKeysIn(
  folder: string,
  site: Pick<Site, 'pcrKeys'>,
): Promise<PcrKeyFile[]> {
  const found = await pcrKeyFiles(folder);
  const wanted = pcrKeysOf(site);
  const keys = wanted.flatMap((key) => found.find((one) => keyId(one.key) === keyId(key)) ?? []);
  const [first] = wanted;
  if (first === undefined || (keys[0] && keyId(keys[0].key) === keyId(first))) return keys;
  throw fail(
    'file_missing',
    found.length === 0
      ? `${folder} has no PCR.key and PCR.pem, and site.json names one: copy both from whoever made them`
      : `${folder} has the key ${keyId(found[0]!.key)} for policies, and site.json names ${keyId(first)}: one of the two is another site's, or older`,
  );
}

/** The keys that sign policies in a folder, by name, whatever the site has. @throws file_malformed */
export async function pcrKeyFiles(folder: string): Promise<PcrKeyFile[]> {
  const files: PcrKeyFile[] = [];
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError(error, folder);
  });
  for (const file of names.sort()) {
    const name = PUBLIC.exec(file)?.[1];
    if (name === undefined) continue;
    const pem = join(folder, file);
    const key = pcrKeyOf(await readLocalFile(pem, { maxBytes: MAX_BYTES }), pem);
    files.push({ path: join(folder, `${name}.key`), key });
  }
  return files;
}

/**
 * @param passphrase asked for only if the file needs one
 * @returns PKCS #8, PEM
 * @throws file_missing, file_unsafe, wrong_passphrase; file_malformed for another key than its public half
 */
export async function openPcrKey(
  { path, key }: PcrKeyFile,
  passphrase: () => Promise<string>,
): Promise<Uint8Array> {
  const pem = await openPrivate(path, passphrase);
  if (keyId(pcrKeyOf(pem, path)) === keyId(key)) return pem;
  throw fail('file_malformed', `${path} is not the key whose public half is beside it`);
}

async function openPrivate(path: string, passphrase: () => Promise<string>): Promise<Uint8Array> {
  try {
    return await openSealedKey(PCR, path, passphrase);
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    throw fail('file_missing', `${path} does not exist: images are signed where it is`);
  }
}
