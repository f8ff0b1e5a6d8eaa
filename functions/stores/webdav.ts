import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { fail } from '../../protocol/errors.ts';
import type { StoreObserver } from '../../store/timed.ts';
import type { WebdavOptions } from '../../store/webdav-client.ts';
import type { Lease, Writing } from '../../store/webdav-lease.ts';
import type { OpenedStore, StoreKind } from './kind.ts';
import { passingSecrets } from './local-secrets.ts';
import { servedHere } from './served-here.ts';

/** A collection of a WebDAV server. */
export interface WebdavPlace {
  readonly kind: 'webdav';
  /** Of `http:` or `https:` */
  readonly url: string;
  /** The file of `--credentials`; an absolute path */
  readonly credentialsFile?: string;
}

const FORM = 'webdavs://HOST/PATH';
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** A store on a WebDAV server, whose URLs this server answers itself, and to which it alone writes. */
export const webdavKind: StoreKind<WebdavPlace> = {
  form: FORM,
  names: (text) => /^webdavs?:/i.test(text),
  takes: ['credentials'],
  place(text, { credentials }) {
    const address = text.replace(/^webdavs?:/i, (scheme) =>
      scheme.toLowerCase().replace('webdav', 'http'),
    );
    const isPlace = /^https?:\/\//.test(address) && URL.canParse(address);
    const url = isPlace ? new URL(address) : undefined;
    if (url === undefined || `${url.username}${url.password}` !== '' || /[?#]/.test(text)) {
      throw fail(
        'usage',
        `--store ${FORM} (webdav:// without TLS) names a collection, without a password or a query`,
      );
    }
    if (url.protocol === 'http:' && credentials !== undefined && !LOOPBACK.includes(url.hostname)) {
      throw fail(
        'usage',
        `--credentials would go to ${url.host} in clear: name it webdavs://, and it takes TLS`,
      );
    }
    return {
      ...{ kind: 'webdav', url: url.href.replace(/\/*$/, '/') },
      ...(credentials === undefined ? {} : { credentialsFile: resolve(credentials) }),
    };
  },
  describe: ({ url }) => url.replace(/^http/, 'webdav'),
  async open({ url, credentialsFile }, { probing, ca, observe }) {
    const who = credentialsFile === undefined ? {} : await readWebdavCredentials(credentialsFile);
    return openWebdav({
      ...{ url, ...who, probing },
      ...(ca !== undefined && { ca }),
      ...(observe !== undefined && { observe }),
    });
  },
};

/**
 * Opens a collection, guarded like three credentials of an S3 server. Its URLs are signed by secrets that end
 * with this process: a machine asks for another one. Asks nothing of the server yet, and makes a store there
 * when it is to be held.
 *
 * @param options.probing writes without the lease: for `doctor`, whose keys nobody else has
 * @param options.observe hears how long the store takes
 */
export async function openWebdav({
  probing = false,
  observe,
  ...options
}: WebdavOptions & {
  readonly probing?: boolean;
  readonly observe?: StoreObserver;
}): Promise<OpenedStore> {
  // Only here: a server on a folder starts without loading a client and a reader of XML.
  const { createWebdavClient } = await import('../../store/webdav-client.ts');
  const { createWebdavStore, makeWebdavStore } = await import('../../store/webdav.ts');
  const { keepLease, takeLease } = await import('../../store/webdav-lease.ts');
  const client = createWebdavClient(options);
  let lease: Lease | undefined;
  const writing: Writing = (act) => {
    if (probing) return act();
    if (lease !== undefined) return lease.writing(act);
    throw fail('store_unavailable', `the lease of ${client.url.href} was not taken`);
  };
  return {
    ...servedHere(createWebdavStore(client, writing), passingSecrets(), observe),
    async probe() {
      const { probeWebdav } = await import('../doctor/webdav.ts');
      return probeWebdav(client);
    },
    async hold(notice) {
      await makeWebdavStore(client);
      lease = await takeLease({ client, notice });
      return keepLease(lease, notice);
    },
  };
}

const CredentialsFile = v.union([
  v.strictObject({
    user: v.pipe(v.string(), v.regex(/^[^:\p{Cc}]+$/u)),
    password: v.pipe(v.string(), v.regex(/^\P{Cc}+$/u)),
    certificate: v.optional(v.string()),
    key: v.optional(v.string()),
  }),
  v.strictObject({ certificate: v.string(), key: v.string() }),
]);
const MAX_BYTES = 64 * 1024;

/**
 * The file of `--credentials` of a WebDAV server (docs/config.md): a name and a password, the files of a
 * certificate and its key, beside this one unless absolute, or both.
 * @throws file_missing, file_unsafe (others may read it, or the key), file_malformed
 */
export async function readWebdavCredentials(
  path: string,
): Promise<Pick<WebdavOptions, 'user' | 'password' | 'certificate' | 'key'>> {
  const text = textIn(await readLocalFile(path, { maxBytes: MAX_BYTES, secret: true }), path);
  const file = parse(text, path);
  const { certificate, key } = file;
  const beside = async (name: string, secret: boolean): Promise<string> => {
    const at = resolve(dirname(path), name);
    return textIn(await readLocalFile(at, { maxBytes: MAX_BYTES, secret }), at);
  };
  return {
    ...('user' in file && { user: file.user, password: file.password }),
    ...(certificate !== undefined && { certificate: await beside(certificate, false) }),
    ...(key !== undefined && { key: await beside(key, true) }),
  };
}

function parse(text: string, path: string): v.InferOutput<typeof CredentialsFile> {
  try {
    const file = v.parse(CredentialsFile, JSON.parse(text));
    if ((file.certificate === undefined) === (file.key === undefined)) return file;
  } catch {
    // Without a cause: it would quote the file.
  }
  throw fail(
    'file_malformed',
    `${path} has no user and password, nor certificate and key, of a WebDAV server (docs/config.md, "Credentials")`,
  );
}
