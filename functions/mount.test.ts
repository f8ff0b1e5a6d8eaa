import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import { Hono } from 'hono';
import { afterEach, describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../bundle/bytes.ts';
import { createClient } from '../protocol/client.ts';
import { codeOf } from '../protocol/errors.ts';
import { parseDigest } from '../protocol/keys.ts';
import { CREDENTIALS } from '../protocol/permissions.ts';
import { signRequest } from '../protocol/request-signature.ts';
import { createLocalHandler, createLocalSigner } from '../store/local-urls.ts';
import { createMemoryStore } from '../store/memory.ts';
import { makeNode, makeSite, propose } from '../tests/support/site.ts';
import { createApp } from './app.ts';
import type { AppDeps } from './app.ts';
import { listedKeysets, storeKeysets } from './keysets.ts';

const { site } = makeSite();
const node = makeNode();
const [download, upload, admin] = CREDENTIALS.map((name) => utf8(`secret of ${name}`.padEnd(32)));
const secrets = { download: download!, upload: upload!, admin: admin! };

const closers: (() => void)[] = [];
afterEach(() => {
  closers.splice(0).forEach((close) => {
    close();
  });
});

/** Listens, and lets `host` say what answers once the origin is known. */
async function listen(host: (origin: string) => RequestListener): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.close().closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on('request', host(origin));
  return origin;
}

/** A whole server on a store in memory, as clients find it below `url`. */
function appAt(url: string, more: Partial<AppDeps> = {}): Hono {
  const store = createMemoryStore();
  const signer = (credential: 'download' | 'upload' | 'admin') =>
    createLocalSigner({ baseUrl: url, credential, secret: secrets[credential] });
  return createApp({
    site,
    download: { signer: signer('download'), keysets: storeKeysets(store) },
    upload: { signer: signer('upload'), store, keysets: listedKeysets(store) },
    admin: { signer: signer('admin'), store },
    objects: createLocalHandler({ store, secrets }),
    ...more,
  });
}

const listenerOf = ({ fetch }: Pick<Hono, 'fetch'>): RequestListener => getRequestListener(fetch);

const HOSTS: [string, (origin: string) => RequestListener][] = [
  [
    'app.route of Hono',
    (origin) => listenerOf(new Hono().route('/coatcheck', appAt(`${origin}/coatcheck`))),
  ],
  [
    'app.route of Hono, told its path',
    (origin) =>
      listenerOf(
        new Hono().route('/coatcheck', appAt(`${origin}/coatcheck`, { basePath: '/coatcheck' })),
      ),
  ],
  [
    'app.mount of Hono',
    (origin) => {
      const app = appAt(`${origin}/coatcheck`, { basePath: '/coatcheck' });
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- until Hono 5 it is what there is
      return listenerOf(new Hono().mount('/coatcheck', app.fetch));
    },
  ],
  [
    'app.use of Express',
    (origin) => {
      const app = appAt(`${origin}/coatcheck`, { basePath: '/coatcheck' });
      return express().use('/coatcheck', listenerOf(app));
    },
  ],
  [
    'a server of Node',
    (origin) => {
      const coatcheck = listenerOf(appAt(`${origin}/coatcheck`, { basePath: '/coatcheck' }));
      return (request, response) => {
        if (request.url!.startsWith('/coatcheck/')) coatcheck(request, response);
        else response.writeHead(404).end('of the host');
      };
    },
  ],
  [
    'a proxy that takes off the path',
    (origin) => {
      const coatcheck = listenerOf(
        appAt(`${origin}/coatcheck`, { publicUrl: `${origin}/coatcheck` }),
      );
      return (request, response) => {
        request.url = request.url!.replace(/^\/coatcheck/, '');
        request.headers.host = 'inside.invalid';
        coatcheck(request, response);
      };
    },
  ],
];

describe.each(HOSTS)('below a path, by %s', (_, host) => {
  it('answers signed requests, and the URLs that it signs', async () => {
    const origin = await listen(host);
    const client = createClient({
      ...{ server: `${origin}/coatcheck`, site: site.id, identity: node },
    });
    const { bytes, digest } = propose({ keyset: site.pinned.keyset, node });
    const asked = { digest: parseDigest(toHex(digest)), size: bytes.length };
    const { put } = await client.propose(node.id, asked);
    expect(put.url).toMatch(`${origin}/coatcheck/objects/pending/`);
    await client.put(put, bytes);
    const { url } = await client.config(node.id, asked.digest);
    expect(await client.get(url, 1000)).toEqual({ found: false });
  });

  it('refuses what is signed for another path', async () => {
    const origin = await listen(host);
    const elsewhere = createClient({
      ...{ server: origin, site: site.id, identity: node },
      fetch: (url, init) => fetch(url.replace(origin, `${origin}/coatcheck`), init),
    });
    expect(await elsewhere.config(node.id).then(String, codeOf)).toBe('signature_invalid');
  });

  it('says in JSON that there is no such route, or no such method', async () => {
    const origin = await listen(host);
    const none = await fetch(`${origin}/coatcheck/v2/health`);
    expect([none.status, await none.json()]).toMatchObject([
      404,
      { error: { code: 'no_such_route' } },
    ]);
    const post = await fetch(`${origin}/coatcheck/v1/health`, { method: 'POST' });
    expect([post.status, post.headers.get('allow'), await post.json()]).toMatchObject([
      405,
      'GET, HEAD',
      { error: { code: 'method_not_allowed' } },
    ]);
    expect((await fetch(`${origin}/coatcheck/v1/health`, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('a body that was read before', () => {
  const parsers: [string, (origin: string) => RequestListener][] = [
    [
      'express.json()',
      (origin) =>
        express()
          .use(express.json())
          .use('/coatcheck', listenerOf(appAt(origin, { basePath: '/coatcheck' }))),
    ],
    [
      'a middleware of Hono',
      (origin) =>
        listenerOf(
          new Hono()
            .use(async (c, next) => {
              await c.req.json();
              await next();
            })
            .route('/coatcheck', appAt(origin)),
        ),
    ],
  ];
  it.each(parsers)('is named, and not its digest: by %s', async (_, host) => {
    const origin = await listen(host);
    const client = createClient({
      ...{ server: `${origin}/coatcheck`, site: site.id, identity: node },
    });
    const digest = parseDigest('ab'.repeat(32));
    const refused = await client.propose(node.id, { digest, size: 900 }).catch((e: unknown) => e);
    expect(codeOf(refused)).toBe('body_was_read');
    expect((refused as Error).message).toContain('mount coatcheck before what parses bodies');
  });
});

describe('the names of a server', () => {
  const NAMES = ['http://boot.example:8420', 'https://lan.example'] as const;
  /** What a request that is signed for one name, and sent to another, is answered. */
  async function asked(signedFor: string, sentTo: string, publicUrl?: readonly string[]) {
    const app = appAt(NAMES[0], publicUrl && { publicUrl });
    const path = `/v1/nodes/${node.id}/config`;
    const headers = signRequest({
      ...{ method: 'GET', url: new URL(path, signedFor), site: site.id, identity: node },
      created: Math.floor(Date.now() / 1000),
    });
    const response = await app.request(new URL(path, sentTo).href, { headers });
    const { error } = (await response.json()) as { error?: { code: string; details: object } };
    return error === undefined ? 'granted' : [error.code, error.details];
  }

  it.each(NAMES)(
    'are all taken where they are given, whatever Host a proxy sends: %s',
    async (name) => {
      expect(await asked(name, name, NAMES)).toBe('granted');
      expect(await asked(name, 'http://10.0.0.7:8420', NAMES)).toBe('granted');
    },
  );
  it('are the only ones then: what was signed for another is not taken by sending its Host along', async () => {
    const other = 'http://rogue.example';
    expect(await asked(other, other)).toBe('granted');
    const authority = 'boot.example:8420, lan.example';
    expect(await asked(other, other, NAMES)).toEqual(['signature_invalid', { authority }]);
    expect(await asked(other, NAMES[0], NAMES)).toEqual(['signature_invalid', { authority }]);
  });
  it('is that of the request where none is given, and the refusal names it', async () => {
    expect(await asked(NAMES[0], 'http://127.0.0.1:8420')).toEqual([
      'signature_invalid',
      { authority: '127.0.0.1:8420' },
    ]);
  });
});

describe('createApp', () => {
  it.each([
    [{ basePath: 'coatcheck' }],
    [{ basePath: '/coatcheck/' }],
    [{ basePath: '/a/../b' }],
    [{ basePath: '/a%2fb' }],
    [{ publicUrl: 'coatcheck.example' }],
    [{ publicUrl: 'https://example.net/coatcheck?' }],
    [{ publicUrl: 'https://example.net/coatcheck', basePath: '/other' }],
    [{ publicUrl: 'https://example.net', basePath: '/coatcheck' }],
    [{ publicUrl: [] }],
    [{ publicUrl: ['https://a.example', 'https://b.example/coatcheck'] }],
    [{ publicUrl: Array.from({ length: 9 }, (_, i) => `https://a${i}.example`) }],
  ])('refuses %j', (place) => {
    expect(() => createApp({ site, ...place })).toThrow(/basePath|publicUrl/);
  });
});
