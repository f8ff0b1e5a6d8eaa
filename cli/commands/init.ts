import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { rmdir, unlink } from 'node:fs/promises';
import {
  DEFAULT_SEALED_BYTES,
  deriveIdentity,
  signKeyset,
  toHex,
  utf8,
  ZERO_DIGEST,
} from '../../bundle/index.ts';
import { hasRoot, NO_ROOT, parseCa } from '../../net/certificates.ts';
import { fail } from '../../protocol/errors.ts';
import { isStoreOrigin } from '../../protocol/address.ts';
import { formatSite, MAX_CA_BYTES, MAX_STORES, parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { passphraseSource } from '../context.ts';
import type { Context } from '../context.ts';
import { readLocalFile } from '../../files/read.ts';
import { createFile, exists, makeFolder } from '../../files/write.ts';
import { notFinished } from '../../files/unfinished.ts';
import { sealKeyFile } from '../key-file.ts';
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
  terminal.hint('next: coatcheck serve');
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
