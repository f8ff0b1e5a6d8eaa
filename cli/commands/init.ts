import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { rmdir, unlink } from 'node:fs/promises';
import {
  DEFAULT_SEALED_BYTES,
  deriveIdentity,
  equalBytes,
  signKeyset,
  toHex,
  utf8,
  ZERO_DIGEST,
} from '../../bundle/index.ts';
import type { PublicKeys } from '../../bundle/index.ts';
import { keysetWords, keyWords } from '../../admin/administrators.ts';
import { formatKeyRequest, parseKeyRequest } from '../../admin/key-request.ts';
import { readSiteFile } from '../../functions/serve/site-file.ts';
import { hasRoot, NO_ROOT, parseCa } from '../../net/certificates.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { isStoreOrigin } from '../../protocol/address.ts';
import { formatSite, MAX_CA_BYTES, MAX_STORES, parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { passphraseSource } from '../context.ts';
import type { Context } from '../context.ts';
import { readLocalFile } from '../../files/read.ts';
import { createFile, exists, makeFolder } from '../../files/write.ts';
import { notFinished } from '../../files/unfinished.ts';
import { confirm } from '../confirm.ts';
import type { ConsentFlags } from '../confirm.ts';
import { MAX_KEY_FILE_BYTES, publicKeysIn, sealKeyFile } from '../key-file.ts';
import { passphraseFrom } from '../passphrase.ts';
import { serverAddress } from '../server-address.ts';

/** What `coatcheck init` was told. */
export interface InitOptions {
  readonly name: string;
  readonly adminName?: string;
  readonly approval: string;
  /** A PEM file */
  readonly ca?: string;
  /** Origins, as a site's `stores` */
  readonly storeAt: readonly string[];
  readonly passphrase: boolean;
}

/** What a second administrator's `coatcheck init` was told. */
export interface JoinOptions extends ConsentFlags {
  readonly adminName?: string;
  readonly passphrase: boolean;
}

/**
 * `coatcheck init --request FILE`: a key for a site of others, and the file that one of its administrators
 * is sent. A key that is there already is taken; nothing secret is in the file.
 */
export async function initRequest(
  context: Context,
  path: string,
  { adminName = defaultName(), passphrase: wantsOne }: JoinOptions,
): Promise<void> {
  const { terminal, home } = context;
  if (await exists(home.siteFile)) {
    throw fail('file_exists', `${home.siteFile} exists already: this folder is of that site`);
  }
  if (await exists(path)) throw fail('file_exists', `${path} exists already`);
  const isNew = !(await exists(home.keyFile));
  let keys: PublicKeys;
  if (isNew) {
    const seed = Uint8Array.from(randomBytes(32));
    keys = deriveIdentity(seed);
    assertName({ ...keys, name: adminName });
    const passphrase = wantsOne
      ? await passphraseFrom(passphraseSource(context), { isNew: true })
      : undefined;
    await makeFolder(home.folder);
    await createFile(home.keyFile, await sealKeyFile(seed, passphrase), 0o600);
  } else {
    keys = await ownPublicKeys(home);
    assertName({ ...keys, name: adminName });
  }
  await createFile(path, utf8(formatKeyRequest({ ...keys, name: adminName })), 0o644);
  terminal.document({ home: home.folder, request: path, admin: adminName, words: keyWords(keys) });
  terminal.print(`wrote ${path}: send it to an administrator of the site, for coatcheck keys add`);
  terminal.print(`  the words of your key, which they read to you: ${keyWords(keys)}`);
  terminal.print(`  ${home.keyFile}  your key: keep it, and a backup`);
  if (isNew && !wantsOne) {
    terminal.warn('the admin key has no passphrase: whoever reads it approves');
  }
  terminal.hint(`next, with the site.json that they give back: ${home.program} init --answer FILE`);
}

/**
 * `coatcheck init --answer FILE`: the site that an administrator gave back, into the folder of the key
 * that asked. Whoever brought the file could have made it: so its words are compared.
 */
export async function initAnswer(
  context: Context,
  path: string,
  options: JoinOptions,
): Promise<void> {
  const { terminal, home } = context;
  if (await exists(home.siteFile)) {
    throw fail('file_exists', `${home.siteFile} exists already: a site is never overwritten`);
  }
  const own = await ownPublicKeys(home);
  const site = await readSiteFile(path);
  const { keyset } = site.pinned;
  const admin = keyset.keys.find(({ signKey }) => equalBytes(signKey, own.signKey));
  if (admin === undefined) {
    throw fail(
      'not_an_admin',
      `your key (${keyWords(own)}) is not in keyset ${keyset.version} of ${path}: was another request added?`,
    );
  }
  const words = keysetWords(site.pinned);
  terminal.print(`site ${toHex(site.id)} (${site.name}), of ${keyset.keys.length} administrators:`);
  for (const key of keyset.keys) terminal.print(`  ${escapeLine(key.name)}  ${keyWords(key)}`);
  terminal.print(`the words of its keyset: ${words}`);
  terminal.print(
    'Who added you sees the same words (coatcheck keys list). Ask them, not whoever brought the file.',
  );
  await confirm([], terminal, 'Are the words the same?', options);
  await createFile(home.siteFile, utf8(formatSite(site)), 0o644);
  terminal.document({
    ...{ home: home.folder, site: toHex(site.id), name: site.name, servers: site.servers },
    ...{
      admin: admin.name,
      keyset: { version: keyset.version, digest: toHex(site.pinned.digest) },
    },
    words,
  });
  terminal.print(`you are administrator ${escapeLine(admin.name)} of ${site.name}`);
  terminal.hint(`next: ${home.program} pending`);
}

/** @throws file_missing (saying how to make a key), file_unsafe, file_malformed */
async function ownPublicKeys({ keyFile, program }: Context['home']): Promise<PublicKeys> {
  try {
    const content = await readLocalFile(keyFile, { maxBytes: MAX_KEY_FILE_BYTES, secret: true });
    return publicKeysIn(content, keyFile);
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    throw fail(
      'file_missing',
      `${keyFile} does not exist: ${program} init --request FILE makes it`,
    );
  }
}

/** @throws usage */
function assertName(admin: PublicKeys & { readonly name: string }): void {
  try {
    parseKeyRequest(formatKeyRequest(admin));
  } catch (cause) {
    throw fail('usage', '--admin-name is 1 to 32 characters of ASCII', { cause });
  }
}

/** Where `coatcheck serve` listens unless told otherwise. */
const DEFAULT_SERVER = 'http://127.0.0.1:8420';

/**
 * `coatcheck init`: a new site: its id, the first administrator's key, and keyset version 1. All or
 * nothing, and never over something that exists.
 */
export async function init(context: Context, options: InitOptions): Promise<void> {
  const { terminal, home } = context;
  for (const path of [home.siteFile, home.keyFile]) {
    if (await exists(path)) {
      throw fail('file_exists', `${path} exists already: a site is never overwritten`);
    }
  }
  const seed = Uint8Array.from(randomBytes(32));
  const site = newSite(context, options, seed, await readCa(options));
  const passphrase = options.passphrase
    ? await passphraseFrom(passphraseSource(context), { isNew: true })
    : undefined;
  const key = await sealKeyFile(seed, passphrase);
  await writeBoth(context, key, utf8(formatSite(site)));

  const [admin] = site.pinned.keyset.keys;
  terminal.document({
    home: home.folder,
    site: toHex(site.id),
    name: site.name,
    approval: site.approval,
    servers: site.servers,
    admin: admin!.name,
    keyset: { version: 1, digest: toHex(site.pinned.digest) },
  });
  terminal.print(`made site ${toHex(site.id)} (${site.name})`);
  terminal.print(`  ${home.siteFile}  the public part: put a copy into every node image`);
  terminal.print(
    `  ${home.keyFile}  the key of administrator ${admin!.name}: keep it, and a backup`,
  );
  if (!options.passphrase)
    terminal.warn('the admin key has no passphrase: whoever reads it approves');
  if (site.approval === 'none') {
    terminal.warn(
      'approval none: a node puts its own configuration in force, and nobody looks at it',
    );
  }
  if (site.ca !== undefined && !hasRoot(site.ca)) {
    terminal.warn(NO_ROOT);
  }
  terminal.hint(`next: ${home.program} serve`);
}

/** @throws file_missing, file_malformed */
async function readCa({ ca: path }: InitOptions): Promise<Pick<Site, 'ca'>> {
  if (path === undefined) return {};
  const ca = Buffer.from(await readLocalFile(path, { maxBytes: MAX_CA_BYTES })).toString('latin1');
  parseCa(ca, path);
  return { ca };
}

function newSite(
  context: Context,
  options: InitOptions,
  seed: Uint8Array,
  ca: Pick<Site, 'ca'>,
): Site {
  const { approval, name } = options;
  if (approval !== 'required' && approval !== 'none') {
    throw fail('usage', '--approval is required or none');
  }
  const server = serverAddress(context.server ?? DEFAULT_SERVER);
  const stores = storesOf(options.storeAt);
  const id = Uint8Array.from(randomBytes(16));
  const { signKey, boxKey } = deriveIdentity(seed);
  const key = { signKey, boxKey, may: 'all' as const, name: options.adminName ?? defaultName() };
  const keyset = { site: id, version: 1, previous: ZERO_DIGEST, threshold: 1, keys: [key] };
  try {
    const pinned = signKeyset(keyset, []);
    const maxBundleBytes = DEFAULT_SEALED_BYTES;
    return parseSite(
      formatSite({
        id,
        name,
        approval,
        servers: [server],
        ...ca,
        ...stores,
        maxBundleBytes,
        pinned,
      }),
      parseCa,
    );
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    throw fail('usage', `--name or --admin-name is not usable: ${reason}`, { cause });
  }
}

function storesOf(origins: readonly string[]): Pick<Site, 'stores'> {
  const stores = origins.map((origin) => origin.replace(/\/$/, ''));
  const odd = stores.find((store) => !isStoreOrigin(store));
  if (odd === undefined && stores.length <= MAX_STORES) return stores.length > 0 ? { stores } : {};
  throw fail(
    'usage',
    `--store-at is where the store answers, such as https://store.example:9000 or https://*.s3.example, at most ${MAX_STORES} times${odd === undefined ? '' : `; this is ${odd}`}`,
  );
}

/** A container may run as a number that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'admin';
  }
}

function defaultName(): string {
  const text = `${userName()}@${hostname()}`.replace(/[^!-~]/g, '_');
  return text.slice(0, 32);
}

/** The site file last: it is what makes the folder a site. */
async function writeBoth({ home }: Context, key: Uint8Array, site: Uint8Array): Promise<void> {
  const isNew = !(await exists(home.folder));
  await makeFolder(home.folder);
  let forget: (() => void) | undefined;
  try {
    await createFile(home.keyFile, key, 0o600);
    forget = notFinished(home.keyFile);
    await createFile(home.siteFile, site, 0o644);
  } catch (error) {
    if (forget !== undefined) await unlink(home.keyFile).catch(() => undefined);
    if (isNew) await rmdir(home.folder).catch(() => undefined);
    throw error;
  } finally {
    forget?.();
  }
}
