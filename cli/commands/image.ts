import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { toHex } from '../../bundle/index.ts';
import { readLocalFile } from '../../files/read.ts';
import { exists } from '../../files/write.ts';
import { readSiteFile } from '../../functions/serve/site-file.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { showPath } from '../../bundle/errors.ts';
import { ownPassphrase, passphraseSource } from '../context.ts';
import type { Context } from '../context.ts';
import {
  enrolmentFiles,
  guidOf,
  KEY_NAMES,
  makeImageKey,
  openImageKey,
  sealImageKey,
  takeImageKey,
} from '../image/image-keys.ts';
import type { ImageKey, KeyName } from '../image/image-keys.ts';
import { imageRegister, secureBootRegister } from '../image/measured.ts';
import { signImage, verifySigned } from '../image/sign-image.ts';
import { writeWhole } from '../new-folder.ts';
import { passphraseFrom } from '../passphrase.ts';

/** What `coatcheck image keys` was told. */
export interface ImageKeysOptions {
  /** A folder with keys that were made elsewhere */
  readonly from?: string;
  readonly noPassphrase: boolean;
}

/** `coatcheck image keys`: the keys of Secure Boot, whole or not at all, and never over others. */
export async function imageKeys(
  context: Context,
  { from, noPassphrase }: ImageKeysOptions,
): Promise<void> {
  const { terminal, home } = context;
  const folder = home.imageKeys;
  if (await exists(folder)) {
    throw fail('file_exists', `${folder} exists already: keys are never overwritten`);
  }
  const { id } = await readSiteFile(home.siteFile);
  const keys = {} as Record<KeyName, ImageKey>;
  for (const name of KEY_NAMES) {
    keys[name] = await (from === undefined ? makeImageKey(name, id) : takeImageKey(name, from));
  }
  const files = await enrolmentFiles(keys, id, Math.floor(Date.now() / 1000));
  const passphrase = noPassphrase
    ? undefined
    : await passphraseFrom(passphraseSource(context), { isNew: true, whose: 'the image keys' });
  for (const name of KEY_NAMES) {
    const content = await sealImageKey(name, keys[name], passphrase);
    files.push({ path: `${name}.key`, content });
  }
  await writeWhole(
    folder,
    files.map((file) => ({ ...file, mode: 0o600 })),
  );

  const fingerprints = KEY_NAMES.map((name) => {
    const { fingerprint256: sha256 } = new X509Certificate(keys[name].certificate);
    return { name, sha256: sha256.replaceAll(':', '').toLowerCase() };
  });
  terminal.document({ keys: folder, owner: guidOf(id), certificates: fingerprints });
  terminal.print(`made ${folder}; the SHA-256 of each certificate, as firmware shows it:`);
  for (const { name, sha256 } of fingerprints) terminal.print(`  ${name.padEnd(3)}  ${sha256}`);
  terminal.print(
    '  *.key stay with you: keep them, and a backup; *.der, *.esl and *.auth are for firmware',
  );
  if (noPassphrase) {
    terminal.warn('the image keys have no passphrase: whoever reads them signs images');
  }
  terminal.hint(`next: npm run image -- --uki, and ${home.program} image sign`);
}

/** `coatcheck image sign FILE SIGNED`: for Secure Boot, by the site's db key. */
export async function imageSign(
  context: Context,
  image: string,
  signed: string,
  { iso }: { readonly iso?: string },
): Promise<void> {
  const { terminal, home } = context;
  const to = { signed: resolve(signed), ...(iso !== undefined && { iso: resolve(iso) }) };
  if (resolve(image) === to.signed) {
    throw fail('usage', `${showPath(image)} stays as it is: name another file for the signed one`);
  }
  const key = await imageKey(context);
  await terminal.waiting('signing', () => naming(image, () => signImage(image, key, to)));
  terminal.document({ ...to, certificate: home.imageCertificate });
  terminal.print(`signed ${signed}${iso === undefined ? '' : `, and made ${iso} of it`}`);
}

async function imageKey(context: Context): Promise<ImageKey> {
  const { home } = context;
  try {
    return await openImageKey('db', home.imageKeys, () => ownPassphrase(context, 'the image keys'));
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    throw fail(
      'file_missing',
      `${home.imageKeys} has no db.key and db.crt: ${home.program} image keys makes them`,
    );
  }
}

/** `coatcheck image verify FILE`: whether a firmware that has the site's db certificate starts it. */
export async function imageVerify(context: Context, file: string): Promise<void> {
  const { terminal, home } = context;
  await demandSigned(context, file);
  terminal.document({ file: resolve(file), certificate: home.imageCertificate });
  terminal.print(`${file} is signed by the key of ${home.imageCertificate}`);
}

async function demandSigned({ home }: Context, file: string): Promise<void> {
  if (!(await exists(home.imageCertificate))) {
    throw fail(
      'file_missing',
      `${home.imageCertificate} does not exist: ${home.program} image keys makes it`,
    );
  }
  await naming(file, () => verifySigned(file, home.imageCertificate));
}

/** What `coatcheck image policy` was told. */
export interface ImagePolicyOptions {
  /** File with a list of what the firmware refuses */
  readonly dbx?: string;
}

/** `coatcheck image policy FILE`: what a TPM holds once a firmware that has the site's keys, and no other, started it. */
export async function imagePolicy(
  context: Context,
  file: string,
  { dbx }: ImagePolicyOptions,
): Promise<void> {
  const { terminal, home } = context;
  await demandSigned(context, file);
  const list = (path: string): Promise<Uint8Array> =>
    readLocalFile(path, { maxBytes: MAX_LIST_BYTES });
  const [PK, KEK, db] = (await Promise.all(
    KEY_NAMES.map((name) => list(join(home.imageKeys, `${name}.esl`))),
  )) as [Uint8Array, Uint8Array, Uint8Array];
  const refused = dbx === undefined ? new Uint8Array() : await list(dbx);
  const nothing = new Uint8Array(32);
  const pcrs = [
    [7, secureBootRegister({ PK, KEK, db, dbx: refused }), 'Secure Boot: PK, KEK, db and dbx'],
    [11, imageRegister(await readFile(file), file), 'kernel, initramfs, command line'],
    [12, nothing, 'another command line, credentials beside the image'],
    [13, nothing, 'extensions beside the image'],
  ] as const;
  terminal.document({
    file: resolve(file),
    pcrs: Object.fromEntries(pcrs.map(([pcr, value]) => [pcr, toHex(value)])),
  });
  for (const [pcr, value, what] of pcrs) {
    terminal.print(`${String(pcr).padStart(2)}  ${toHex(value)}  ${what}`);
  }
}

/** A firmware has less room for its variables. */
const MAX_LIST_BYTES = 1024 * 1024;

/** That the file is there is said before a program says so in its own words. */
async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  if (!(await exists(path))) throw fail('file_missing', `${showPath(path)} does not exist`);
  return work();
}
