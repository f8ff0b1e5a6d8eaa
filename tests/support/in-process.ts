import { utf8 } from '../../bundle/bytes.ts';
import { createApp } from '../../functions/app.ts';
import { listedKeysets, storeKeysets } from '../../functions/keysets.ts';
import type { Fetch } from '../../protocol/objects.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import type { Site } from '../../protocol/site.ts';
import { guardStore } from '../../store/guard.ts';
import { createLocalHandler, createLocalSigner } from '../../store/local-urls.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { ObjectStore } from '../../store/port.ts';

/** What was asked of a server or its store. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** of the store, by a presigned URL */
  readonly isObject: boolean;
}

/** A whole server, without a socket. */
export interface InProcess {
  readonly server: string;
  readonly store: ObjectStore;
  readonly fetch: Fetch;
  /** in order */
  readonly asked: Asked[];
}

/** Serves a site on a store in memory. */
export function serveInProcess(site: Site, store = createMemoryStore()): InProcess {
  const server = 'http://coatcheck.example';
  const secret = (credential: Credential): Uint8Array => utf8(`secret of ${credential}`.padEnd(32));
  const role = (credential: Credential) => ({
    store: guardStore(store, credential),
    signer: createLocalSigner({ baseUrl: server, credential, secret: secret(credential) }),
  });
  const secrets = Object.fromEntries(CREDENTIALS.map((name) => [name, secret(name)]));
  const upload = role('upload');
  const app = createApp({
    ...{ site, admin: role('admin') },
    download: { signer: role('download').signer, keysets: storeKeysets(store) },
    upload: { ...upload, keysets: listedKeysets(upload.store) },
    objects: createLocalHandler({ store, secrets: secrets as Record<Credential, Uint8Array> }),
  });
  const asked: Asked[] = [];
  return {
    ...{ server, store, asked },
    fetch: async (url, init = {}) => {
      const { pathname, search } = new URL(url);
      const { method = 'GET', body, headers } = init;
      // As a connection would have it.
      const length = body === undefined ? {} : { 'content-length': `${body.length}` };
      const isObject = pathname.startsWith('/objects/');
      asked.push({ method, path: pathname, query: search, isObject });
      return app.request(url, { ...init, headers: { ...headers, ...length } });
    },
  };
}
