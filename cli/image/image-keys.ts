import { createPrivateKey, generateKeyPair, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { toHex, utf8 } from '../../bundle/index.ts';
import { readLocalFile } from '../../files/read.ts';
import { run } from '../../files/run-program.ts';
import { textIn } from '../../files/text.ts';
import { fail } from '../../protocol/errors.ts';
import { openSecret, parseSecretFile, sealSecret, sealedSecret } from '../sealed-secret.ts';

/**
 * The keys of Secure Boot (UEFI 2.10, 32.3). db signs images; KEK says what db and dbx are; PK says what KEK is.
 */
export const KEY_NAMES = ['PK', 'KEK', 'db'] as const;
/** One of {@link KEY_NAMES}. */
export type KeyName = (typeof KEY_NAMES)[number];

/** Which of them signs a change of each. */
const SIGNER: Readonly<Record<KeyName, KeyName>> = { PK: 'PK', KEK: 'PK', db: 'KEK' };

/** A key and its certificate. */
export interface ImageKey {
  /** PKCS #8, PEM: kept in memory alone */
  readonly key: Uint8Array;
  /** X.509, PEM */
  readonly certificate: string;
}

/** Firmware looks at no dates; a certificate has to have some. */
const DAYS = 20 * 365;
const MAX_BYTES = 16 * 1024;
/** Its lower bound is RSA-1024's, the upper one RSA-4096's. */
const isPkcs8 = (length: number): boolean => length >= 600 && length <= 2500;

/** Whose passphrase is asked for. */
export const IMAGE_KEYS = 'the image keys';
/** The name of a key that signs what a TPM opens its key for: no certificate is of it. */
export const PCR = 'PCR';
/** What a file in the folder may be the key of. */
type SealedName = KeyName | typeof PCR;

const ImageKeyFile = v.strictObject({
  coatcheck: v.literal('image-key/1'),
  name: v.picklist([...KEY_NAMES, PCR]),
  key: sealedSecret(isPkcs8),
});

/**
 * Makes a key of RSA-2048, which all firmware takes, and a certificate signed by itself.
 * @param site id, 16 bytes
 * @throws probe_failed where openssl is missing
 */
export async function makeImageKey(name: KeyName, site: Uint8Array): Promise<ImageKey> {
  const key = await makeKey();
  const certificate = await run(
    'openssl',
    [
      ...['req', '-new', '-x509', '-sha256', '-key', '/dev/stdin', '-days', `${DAYS}`],
      ...['-subj', `/CN=coatcheck ${name} ${toHex(site)}`],
    ],
    { input: key },
  );
  return { key, certificate };
}

/** A key of RSA-2048: PKCS #8, PEM. */
export async function makeKey(): Promise<Uint8Array> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return pemOf(privateKey.export({ type: 'pkcs8', format: 'der' }));
}

/**
 * A key that was made elsewhere: `NAME.key` and `NAME.crt` in a folder, both PEM, the key without a passphrase.
 * @throws file_missing; file_unsafe for a key that others may read; file_malformed for what is no key of RSA-2048
 *   or larger, no certificate, or not of one another
 */
export async function takeImageKey(name: KeyName, folder: string): Promise<ImageKey> {
  const [keyFile, file] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const key = await takeKey(keyFile);
  const certificate = textIn(await readLocalFile(file, { maxBytes: MAX_BYTES }), file);
  const x509 = parsed(file, 'a certificate in PEM', () => new X509Certificate(certificate));
  if (!x509.checkPrivateKey(key)) {
    throw fail('file_malformed', `${file} is a certificate of another key than ${keyFile}`);
  }
  return { key: pemOf(key.export({ type: 'pkcs8', format: 'der' })), certificate: x509.toString() };
}

/**
 * The private key in a file that was made elsewhere: PEM, without a passphrase.
 * @throws as {@link takeImageKey}
 */
export async function takeKey(path: string): Promise<KeyObject> {
  const pem = await readLocalFile(path, { maxBytes: MAX_BYTES, secret: true });
  const key = parsed(path, 'a key in PEM without a passphrase', () =>
    createPrivateKey(Buffer.from(pem)),
  );
  if (key.asymmetricKeyType !== 'rsa' || key.asymmetricKeyDetails!.modulusLength! < 2048) {
    throw fail('file_malformed', `${path} is no key of RSA with 2048 bits or more`);
  }
  return key;
}

function parsed<T>(path: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw fail('file_malformed', `${path} is not ${what}`, { cause });
  }
}

/**
 * The file of a key.
 * @param key PKCS #8, PEM
 * @param passphrase undefined only where the administrator asked for none
 * @throws weak_secret for an empty passphrase
 */
export async function sealImageKey(
  name: SealedName,
  key: Uint8Array,
  passphrase: string | undefined,
): Promise<Uint8Array> {
  const der = createPrivateKey(Buffer.from(key)).export({ type: 'pkcs8', format: 'der' });
  const sealed = await sealSecret(Uint8Array.from(der), passphrase);
  const file = { coatcheck: 'image-key/1', name, key: sealed };
  return utf8(`${JSON.stringify(file, undefined, 2)}\n`);
}

/**
 * A key of {@link sealImageKey}.
 * @param passphrase asked for only if the file needs one
 * @returns PKCS #8, PEM
 * @throws file_missing, file_unsafe, file_malformed, wrong_passphrase
 */
export async function openSealedKey(
  name: SealedName,
  path: string,
  passphrase: () => Promise<string>,
): Promise<Uint8Array> {
  const content = await readLocalFile(path, { maxBytes: MAX_BYTES, secret: true });
  const what = `the file of a key that coatcheck image keys made`;
  const read = parseSecretFile(ImageKeyFile, textIn(content, path), { path, what });
  if (read.name !== name) throw fail('file_malformed', `${path} is the key ${read.name}`);
  const der = await openSecret(read.key, passphrase, path);
  return parsed(path, what, () => pemOf(der));
}

/**
 * A key of {@link sealImageKey}, and its certificate beside it.
 * @param passphrase asked for only if the file needs one
 * @throws file_missing; file_unsafe, file_malformed, wrong_passphrase
 */
export async function openImageKey(
  name: KeyName,
  folder: string,
  passphrase: () => Promise<string>,
): Promise<ImageKey> {
  const [path, file] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const certificate = textIn(await readLocalFile(file, { maxBytes: MAX_BYTES }), file);
  const key = await openSealedKey(name, path, passphrase);
  const x509 = parsed(file, 'a certificate in PEM', () => new X509Certificate(certificate));
  if (!x509.checkPrivateKey(createPrivateKey(Buffer.from(key)))) {
    throw fail('file_malformed', `${path} is not the key that ${file} is a certificate of`);
  }
  return { key, certificate };
}

const pemOf = (der: Uint8Array): Uint8Array =>
  utf8(
    createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' }).export({
      type: 'pkcs8',
      format: 'pem',
    }) as string,
  );

/** A file of a folder of keys. */
export interface PublicFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/**
 * What firmware is given of three keys: of each `.crt` (PEM) and `.der`, which most menus read; `.esl`, a list of one
 * certificate; and `.auth`, that list signed, which a firmware in setup mode takes from a running system.
 * @param site id, 16 bytes: the owner that the lists name
 * @param now Unix seconds: the lists' time, which a later one of the same name has to be after
 * @throws probe_failed where efitools is missing
 */
export async function enrolmentFiles(
  keys: Readonly<Record<KeyName, ImageKey>>,
  site: Uint8Array,
  now: number,
): Promise<PublicFile[]> {
  const work = await mkdtemp(join(tmpdir(), 'coatcheck-keys-'));
  const at = (name: string): string => join(work, name);
  const owner = ['-g', guidOf(site)];
  const time = new Date(now * 1000).toISOString().slice(0, 19).replace('T', ' ');
  try {
    const files: PublicFile[] = [];
    for (const name of KEY_NAMES) await writeFile(at(`${name}.crt`), keys[name].certificate);
    for (const name of KEY_NAMES) {
      const [crt, esl, auth] = [at(`${name}.crt`), at(`${name}.esl`), at(`${name}.auth`)];
      const signer = SIGNER[name];
      await run('cert-to-efi-sig-list', [...owner, crt, esl]);
      const by = ['-k', '/dev/stdin', '-c', at(`${signer}.crt`)];
      const args = [...owner, '-t', time, ...by, name, esl, auth];
      await run('sign-efi-sig-list', args, {
        input: keys[signer].key,
        env: { TZ: 'UTC' },
      });
      const { raw } = new X509Certificate(keys[name].certificate);
      files.push({ path: `${name}.crt`, content: utf8(keys[name].certificate) });
      files.push({ path: `${name}.der`, content: Uint8Array.from(raw) });
      for (const path of [`${name}.esl`, `${name}.auth`]) {
        files.push({ path, content: Uint8Array.from(await readFile(at(path))) });
      }
    }
    return files;
  } finally {
    await rm(work, { recursive: true });
  }
}

/** 16 bytes as a GUID is written: those of the site, so that the same keys give the same lists. */
export const guidOf = (site: Uint8Array): string =>
  toHex(site).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
