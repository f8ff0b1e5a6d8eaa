import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { toBase64Url, utf8 } from '../../bundle/index.ts';
import { createFile, exists, replaceFile } from '../../files/write.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { keyId } from '../../protocol/measured.ts';
import type { PcrKey } from '../../protocol/measured.ts';
import type { Site } from '../../protocol/site.ts';
import { ownPassphrase, passphraseSource } from '../context.ts';
import type { Context } from '../context.ts';
import type { Home } from '../home.ts';
import {
  enrolmentFiles,
  guidOf,
  IMAGE_KEYS,
  KEY_NAMES,
  makeImageKey,
  makeKey,
  openImageKey,
  openSealedKey,
  PCR,
  sealImageKey,
  takeImageKey,
  takeKey,
} from '../image/image-keys.ts';
import type { ImageKey, KeyName } from '../image/image-keys.ts';
import { pcrKeyOf, pemOfPcrKey } from '../image/sign-policies.ts';
import { writeWhole } from '../new-folder.ts';
import { passphraseFrom } from '../passphrase.ts';
import { changeSite, readSite } from '../site-file.ts';
import type { Terminal } from '../terminal.ts';

/** What `coatcheck image keys` was told. */
export interface ImageKeysOptions {
  /** A folder with keys that were made elsewhere */
  readonly from?: string;
  readonly noPassphrase: boolean;
}

/**
 * `coatcheck image keys`: the keys of Secure Boot and the one that signs policies, whole or not at all, and never over
 * others. A folder that has the former alone gets the latter.
 */
export async function imageKeys(context: Context, options: ImageKeysOptions): Promise<void> {
  const { terminal, home } = context;
  const folder = home.imageKeys;
  const site = await readSite(home);
  if (await exists(folder)) return addPcrKey(context, site, options);
  if (site.pcrKeys !== undefined) {
    throw fail(
      'file_exists',
      `${home.siteFile} names a key for policies, so this site has image keys: copy image-keys from whoever made them`,
    );
  }
  const { from, noPassphrase } = options;
  const { id } = site;
  const keys = {} as Record<KeyName, ImageKey>;
  for (const name of KEY_NAMES) {
    keys[name] = await (from === undefined ? makeImageKey(name, id) : takeImageKey(name, from));
  }
  const pcrPem = await pcrKeyFrom(from);
  const files = await enrolmentFiles(keys, id, Math.floor(Date.now() / 1000));
  const passphrase = noPassphrase ? undefined : await newPassphrase(context);
  for (const name of KEY_NAMES) {
    const content = await sealImageKey(name, keys[name].key, passphrase);
    files.push({ path: `${name}.key`, content });
  }
  files.push({ path: `${PCR}.key`, content: await sealImageKey(PCR, pcrPem, passphrase) });
  const pcrKey = pcrKeyOf(pcrPem);
  files.push({ path: `${PCR}.pem`, content: utf8(pemOfPcrKey(pcrKey)) });
  await writeWhole(
    folder,
    files.map((file) => ({ ...file, mode: 0o600 })),
  );
  await nameInSite(home, site, pcrKey);

  const fingerprints = KEY_NAMES.map((name) => {
    const { fingerprint256: sha256 } = new X509Certificate(keys[name].certificate);
    return { name, sha256: sha256.replaceAll(':', '').toLowerCase() };
  });
  const document = { keys: folder, owner: guidOf(id), certificates: fingerprints };
  terminal.document({ ...document, pcrKey: keyId(pcrKey) });
  terminal.print(`made ${folder}; the SHA-256 of each certificate, as firmware shows it:`);
  for (const { name, sha256 } of fingerprints) terminal.print(`  ${name.padEnd(3)}  ${sha256}`);
  terminal.print(`and the name of the key for policies, which ${home.siteFile} has now:`);
  terminal.print(`  ${PCR}  ${keyId(pcrKey)}`);
  terminal.print(
    '  *.key stay with you: keep them, and a backup; *.der, *.esl and *.auth are for firmware',
  );
  if (noPassphrase) warnInClear(terminal);
  terminal.hint(`next: npm run image -- --uki, and ${home.program} image sign`);
}

/** `coatcheck image keys` where there are keys of Secure Boot, which stay as they are. */
async function addPcrKey(
  context: Context,
  site: Site,
  { from, noPassphrase }: ImageKeysOptions,
): Promise<void> {
  const { terminal, home } = context;
  const [folder, path] = [home.imageKeys, join(home.imageKeys, `${PCR}.key`)];
  if (site.pcrKeys !== undefined) {
    throw fail('file_exists', `${folder} exists already: keys are never overwritten`);
  }
  let pem: Uint8Array;
  if (await exists(path)) {
    // Made, and then something came between: the site does not name it yet.
    if (from !== undefined) {
      throw fail(
        'file_exists',
        `${path} exists already: without --from ${home.siteFile} comes to name it`,
      );
    }
    pem = await openSealedKey(PCR, path, () => ownPassphrase(context, IMAGE_KEYS));
  } else {
    pem = await pcrKeyFrom(from);
    const passphrase = noPassphrase ? undefined : await passphraseOfFolder(context);
    await createFile(path, await sealImageKey(PCR, pem, passphrase), 0o600);
    if (noPassphrase) warnInClear(terminal);
  }
  const key = pcrKeyOf(pem);
  await replaceFile(join(folder, `${PCR}.pem`), utf8(pemOfPcrKey(key)), 0o600);
  await nameInSite(home, site, key);
  terminal.document({ keys: folder, pcrKey: keyId(key) });
  terminal.print(`made ${path}, the key for policies, which ${home.siteFile} has now:`);
  terminal.print(`  ${PCR}  ${keyId(key)}`);
  terminal.hint(
    "next: build images anew (npm run image -- --uki), and sign them; machines whose key is a TPM's are others then (docs/trust.md)",
  );
}

/** PKCS #8, PEM: made here, or in a folder. */
export async function pcrKeyFrom(folder: string | undefined): Promise<Uint8Array> {
  if (folder === undefined) return makeKey();
  const path = join(folder, `${PCR}.key`);
  const key = await takeKey(path);
  const pem = utf8(key.export({ type: 'pkcs8', format: 'pem' }) as string);
  pcrKeyOf(pem, path);
  return pem;
}

const newPassphrase = (context: Context): Promise<string> =>
  passphraseFrom(passphraseSource(context), { isNew: true, whose: IMAGE_KEYS });

/** The one of the keys that are there, so that signing asks once; another where they have none. */
export async function passphraseOfFolder(context: Context): Promise<string> {
  let asked: string | undefined;
  try {
    await openImageKey('db', context.home.imageKeys, async () => {
      asked = await ownPassphrase(context, IMAGE_KEYS);
      return asked;
    });
  } catch (error) {
    // It may be kept elsewhere.
    if (!hasCode(error, 'file_missing')) throw error;
  }
  return asked ?? newPassphrase(context);
}

/**
 * Images that are built from now on have them.
 * @param site as it was read before
 * @param keys the one that signs now first
 * @throws in_use where it names others since
 */
export async function nameInSite(
  home: Home,
  site: Site,
  ...keys: readonly PcrKey[]
): Promise<void> {
  await changeSite(home, (now) => {
    if (String(now.pcrKeys) !== String(site.pcrKeys)) {
      throw fail(
        'in_use',
        `${home.siteFile} names other keys for policies since: look at it, and try again`,
      );
    }
    return { ...now, pcrKeys: keys.map(({ modulus }) => toBase64Url(modulus)) };
  });
}

/** Says what keys in the clear are. */
export function warnInClear(terminal: Terminal): void {
  terminal.warn('the image keys have no passphrase: whoever reads them signs images');
}
