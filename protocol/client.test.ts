import { createServer } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { serveHttp } from '../tests/support/http-servers.ts';
import type { TestServer } from '../tests/support/http-servers.ts';
import { makeNode, makeSite } from '../tests/support/site.ts';
import { createClient } from './client.ts';
import type { Client, ClientOptions } from './client.ts';
import { CoatcheckError } from '../bundle/errors.ts';
import { createFetch } from '../net/fetch.ts';
import { MAX_ANSWER_BYTES } from './http.ts';
import type { Fetch } from './objects.ts';
import { verifyRequest } from './request-signature.ts';

const { site } = makeSite();
const node = makeNode();
const NOW = 1_790_000_000;
const HEALTH = { ok: true, version: '0.1.0', now: NOW };
const CONFIG = { url: 'http://store.example/x', expiresAt: NOW + 900, now: NOW };

const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Uint8Array;
}

/** A server that gives each request what `answer` says, as JSON unless it is text. */
async function server(
  answer: (asked: Asked, turn: number) => { status?: number; body: unknown },
  options: Partial<ClientOptions> = {},
): Promise<{ client: Client; url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const running = await serveHttp((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks) };
      asked.push(one);
      const { status = 200, body } = answer(one, asked.length);
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {});
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  servers.push(running);
  const client = createClient({
    ...{ server: running.url, site: site.id, identity: node, now: () => NOW },
    ...options,
  });
  return { client, url: running.url, asked };
}

async function refusal(promise: Promise<unknown>): Promise<CoatcheckError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof CoatcheckError) return error as CoatcheckError;
    throw error;
  }
  throw new Error('it succeeded');
}

const refuse = (code: string, details: object = {}) => ({
  status: 401,
  body: { error: { code, message: 'a sentence', details } },
});

describe('a call', () => {
  it('is signed for exactly what is sent', async () => {
    const { client, asked } = await server(() => ({ body: CONFIG }));
    await client.config(node.id, 'ab'.repeat(32) as never);
    const { method, url, headers, body } = asked[0]!;
    expect(url).toBe(`/v1/nodes/${node.id}/config?waiting=${'ab'.repeat(32)}`);
    const keys = verifyRequest({
      ...{ method, body, site: site.id, now: NOW },
      url: new URL(url, `http://${String(headers['host'])}`),
      header: (name) => headers[name] as string,
    });
    expect(keys.signKey).toEqual(node.signKey);
  });

  it.each(['/boot/here', '/boot/here/'])('goes below the path of the server %s', async (path) => {
    const { url: origin, asked } = await server(() => ({ body: CONFIG }));
    const client = createClient({ server: `${origin}${path}`, site: site.id, identity: node });
    await client.config(node.id);
    expect(asked[0]!.url).toBe(`/boot/here/v1/nodes/${node.id}/config`);
  });

  it('carries bytes as base64url, and leaves out what is not given', async () => {
    const { client, asked } = await server(() => ({
      body: { outcome: 'decided', slot: 1, statementDigest: 'ab'.repeat(32), published: true },
    }));
    await client.decide(node.id, new Uint8Array([255, 254]), { slot: 3 });
    expect(JSON.parse(Buffer.from(asked[0]!.body).toString())).toEqual({
      statement: '__4',
      from: { slot: 3 },
    });
  });

  it('needs a key only where the route wants a signature', async () => {
    const { client, asked } = await server(() => ({ body: HEALTH }), {
      identity: undefined as never,
    });
    expect(await client.health()).toEqual(HEALTH);
    expect(asked[0]!.headers['signature']).toBeUndefined();
    expect((await refusal(client.config(node.id))).code).toBe('usage');
  });
});

describe('a refusal', () => {
  it('for another site names the server, which may be one of many that DNS names', async () => {
    const { client, url } = await server(() => refuse('wrong_site'));
    const { code, message } = await refusal(client.config(node.id));
    expect([code, message]).toEqual(['wrong_site', expect.stringContaining(url)]);
  });

  it("is the server's own code, sentence and details", async () => {
    const { client } = await server(() => refuse('waiting', { digest: 'x' }));
    const error = await refusal(client.config(node.id));
    expect([error.code, error.message, error.details]).toEqual([
      ...['waiting', 'a sentence'],
      { digest: 'x' },
    ]);
  });

  const BY_SERVER = { datesByServer: { notBefore: () => NOW - 100 } };

  it("of our clock is answered once with the server's time, which is kept for requests", async () => {
    const created: string[] = [];
    const { client } = await server(({ headers }, turn) => {
      created.push(/created=(\d+)/.exec(String(headers['signature-input']))![1]!);
      return turn === 1 ? refuse('signature_expired', { now: NOW + 5000 }) : { body: CONFIG };
    }, BY_SERVER);
    await client.config(node.id);
    await client.config(node.id);
    expect(created).toEqual([NOW, NOW + 5000, NOW + 5000].map(String));
    expect(client.now()).toBe(NOW);
  });

  it('of our clock with a time that is known to be over is not followed', async () => {
    const { client, asked } = await server(
      () => refuse('signature_expired', { now: NOW - 101 }),
      BY_SERVER,
    );
    expect((await refusal(client.config(node.id))).code).toBe('signature_expired');
    expect(asked).toHaveLength(1);
  });

  it('of our clock is followed no longer than nothing newer is known', async () => {
    let known = 0;
    const created: string[] = [];
    const { client } = await server(
      ({ headers }, turn) => {
        created.push(/created=(\d+)/.exec(String(headers['signature-input']))![1]!);
        return turn === 1 ? refuse('signature_expired', { now: NOW - 5000 }) : { body: CONFIG };
      },
      { datesByServer: { notBefore: () => known } },
    );
    await client.config(node.id);
    known = NOW - 4000;
    await client.config(node.id);
    expect(created).toEqual([NOW, NOW - 5000, NOW].map(String));
  });

  it('of our clock, again and again, is not answered for ever', async () => {
    const { client, asked } = await server(
      () => refuse('signature_expired', { now: NOW + 5000 }),
      BY_SERVER,
    );
    expect((await refusal(client.config(node.id))).code).toBe('signature_expired');
    expect(asked).toHaveLength(2);
  });

  it.each([{}, { now: 'soon' }, { now: -1 }, { now: 1.5 }, { now: 1e12 }])(
    'of our clock with the time %j is not answered',
    async (details) => {
      const { client, asked } = await server(() => refuse('signature_expired', details), BY_SERVER);
      expect((await refusal(client.config(node.id))).code).toBe('signature_expired');
      expect(asked).toHaveLength(1);
    },
  );

  it('of our clock stands where a person keeps it, and names both times', async () => {
    const { client, asked } = await server(() => refuse('signature_expired', { now: NOW + 5000 }));
    const { code, message } = await refusal(client.config(node.id));
    expect([code, asked.length]).toEqual(['signature_expired', 1]);
    expect(message).toContain('2026-09-21T14:13:20.000Z');
    expect(message).toContain('2026-09-21T15:36:40.000Z');
  });
});

describe.each([
  ['the global fetch', fetch as Fetch],
  ['node:http', createFetch()],
])('what something on the way answers over %s', (_, fetch) => {
  /** A server that gives one answer, and a client of it. */
  async function answering(
    status: number,
    headers: Record<string, string>,
    body = '<html></html>',
    options: Partial<ClientOptions> = {},
  ): Promise<{ client: Client; url: string; asked: () => number }> {
    let asked = 0;
    const running = await serveHttp((_, response) => {
      asked++;
      response.writeHead(status, headers).end(body);
    });
    servers.push(running);
    const all = { server: running.url, site: site.id, identity: node, fetch, ...options };
    return { client: createClient(all), url: running.url, asked: () => asked };
  }

  it.each([
    [301, 'server_garbage', 'redirects to https://elsewhere.example, which is not followed'],
    [307, 'server_garbage', 'redirects to https://elsewhere.example'],
    [407, 'server_unreachable', 'a proxy on the way wants a log-in'],
    [429, 'server_unreachable', 'asked too often'],
    [502, 'server_unreachable', 'gets no good answer from it'],
    [503, 'server_unreachable', 'cannot serve for now'],
    [504, 'server_unreachable', 'gets no answer from it'],
  ])('is told as what it is: %i', async (status, code, says) => {
    // The Fetch standard gives no answer for it outside of a browser's own dialogue.
    if (status === 407 && fetch === globalThis.fetch) return;
    const location = 'https://elsewhere.example/x?signature=topsecret';
    const { client, url, asked } = await answering(status, { location }, '', {
      stores: ['http://127.0.0.1:1', 'http://localhost'],
    });
    const error = await refusal(client.config(node.id));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(says)]);
    expect(error.message).toContain(String(status));
    expect(error.message).not.toContain('topsecret');
    const got = await refusal(client.get(`${url}/x`, 100));
    expect([got.code, got.message]).toEqual([
      'store_unavailable',
      expect.stringContaining(says) as string,
    ]);
    expect(asked()).toBe(2);
  });

  it('may ask for patience: nothing is sent before that is over', async () => {
    const { client, asked } = await answering(503, { 'retry-after': '30' });
    for (let i = 0; i < 3; i++) {
      expect((await refusal(client.config(node.id))).details['retryAfter']).toBe(30);
    }
    expect(asked()).toBe(1);
  });

  it('may be waited out, by what only reads', async () => {
    let turn = 0;
    const running = await serveHttp((_, response) => {
      if (++turn % 2 === 1) response.writeHead(503, { 'retry-after': '0' }).end();
      else response.end(JSON.stringify(CONFIG));
    });
    servers.push(running);
    const options = { server: running.url, site: site.id, identity: node, fetch, waits: true };
    const client = createClient(options);
    expect(await client.config(node.id)).toEqual(CONFIG);
    expect((await client.get(`${running.url}/x`, 1000)).found).toBe(true);
    expect(turn).toBe(4);
    const decided = await refusal(client.decide(node.id, new Uint8Array(1)));
    expect([decided.code, turn]).toEqual(['server_unreachable', 5]);
  });

  it('is waited for no longer than a person would', async () => {
    const { client, asked } = await answering(503, { 'retry-after': '61' }, '', { waits: true });
    const { details } = await refusal(client.config(node.id));
    expect([details['retryAfter'], asked()]).toEqual([61, 1]);
  });

  it('asks for patience beside an error of the server itself, too', async () => {
    const { body } = refuse('too_many_pending');
    const { client, asked } = await answering(429, { 'retry-after': '7' }, JSON.stringify(body));
    for (let i = 0; i < 2; i++) {
      const { code, details } = await refusal(client.config(node.id));
      expect([code, details['retryAfter']]).toEqual(['too_many_pending', 7]);
    }
    expect(asked()).toBe(1);
  });

  it('is named where it was encoded unasked, and is not JSON for that', async () => {
    const gzip = { 'content-encoding': 'x-odd' };
    const { client } = await answering(200, gzip, 'not JSON');
    expect((await refusal(client.config(node.id))).message).toContain('content-encoding: x-odd');
  });
});

describe('where an answer may lead', () => {
  const URL_INSIDE = 'http://127.0.0.1:1/latest/meta-data';

  it('is a store of the site, or the server, where the site names any', async () => {
    const stores = ['http://127.0.0.1:1'];
    const { client, url, asked } = await server(() => ({ body: CONFIG }), { stores });
    expect((await refusal(client.get('http://store.example/x', 100))).code).toBe('answer_refused');
    const put = { url: 'http://store.example/x', headers: {}, expiresAt: NOW };
    expect((await refusal(client.put(put, new Uint8Array(1)))).code).toBe('answer_refused');
    expect((await refusal(client.get(URL_INSIDE, 100))).code).toBe('store_unavailable');
    expect((await client.get(`${url}/x`, 1000)).found).toBe(true);
    expect(asked).toHaveLength(1);
  });

  it('is an address of this machine only once such an address gave an answer of a server', async () => {
    const fetch = createFetch();
    const { client, url } = await server(
      (_, turn) => (turn === 1 ? { body: 'no server' } : { body: CONFIG }),
      { fetch },
    );
    const get = () => client.get(`${url}/x`, 1000);
    expect((await refusal(get())).code).toBe('answer_refused');
    expect((await refusal(client.config(node.id))).code).toBe('server_garbage');
    expect((await refusal(get())).code).toBe('answer_refused');
    await client.config(node.id);
    expect((await get()).found).toBe(true);
    expect((await refusal(client.get('http://[::1]:1/x', 100))).code).toBe('answer_refused');
    expect((await refusal(client.get('http://169.254.169.254/x', 100))).code).toBe(
      'answer_refused',
    );
  });
});

describe.each([
  ['the global fetch', fetch as Fetch],
  ['node:http', createFetch()],
])('what does not answer like a coatcheck server over %s is server_garbage', (_, fetch) => {
  it.each([
    ['a page', { body: '<html>welcome</html>' }],
    ['an error page', { status: 404, body: '<html>not here</html>' }],
    ['a redirect', { status: 302, body: '' }],
    ['nothing', { body: '' }],
    ['JSON of something else', { body: { hello: 1 } }],
    ['a list', { body: [] }],
    ['an answer of a wrong type', { body: { ...CONFIG, url: 7 } }],
    ['the status of another route', { status: 201, body: CONFIG }],
    ['an error without a code', { status: 500, body: { message: 'oops' } }],
    ['a code that nobody knows', { status: 500, body: refuse('constructor').body }],
    ['a code of local files', { status: 400, body: refuse('file_malformed').body }],
    ['a code of nodes', { status: 500, body: refuse('expired').body }],
    ['more than 1 MiB', { body: { ...CONFIG, url: 'x'.repeat(MAX_ANSWER_BYTES) } }],
  ])('%s', async (_, answer) => {
    const { client } = await server(() => answer, { fetch });
    expect((await refusal(client.config(node.id))).code).toBe('server_garbage');
  });
});

describe.each([
  ['the global fetch', fetch as Fetch],
  ['node:http', createFetch()],
])('what does not answer at all over %s is server_unreachable', (_, fetch) => {
  const connect = (url: string, timeoutSeconds = 60): Client =>
    createClient({ server: url, site: site.id, timeoutSeconds, fetch });

  it('a closed port', async () => {
    const gone = await serveHttp(() => undefined);
    await gone.close();
    const error = await refusal(connect(gone.url).health());
    expect(error.code).toBe('server_unreachable');
    expect(error.message).toContain(gone.url);
  });
  it('a name that does not exist', async () => {
    expect((await refusal(connect('http://no-such-host.invalid').health())).code).toBe(
      'server_unreachable',
    );
  });
  it('a server that says nothing', async () => {
    const silent = await serveHttp(() => undefined);
    servers.push(silent);
    expect((await refusal(connect(silent.url, 0.2).health())).code).toBe('server_unreachable');
  });
  it('a connection that breaks in the middle of an answer', async () => {
    const broken = await serveHttp((_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('{"ok":', () => response.destroy());
    });
    servers.push(broken);
    const error = await refusal(connect(broken.url).health());
    expect(error.code).toBe('server_unreachable');
    expect(error.message).toContain(`${broken.url} broke off in the middle of its answer: `);
    expect(error.message).not.toContain('TLS');
  });
  describe('a server of the other scheme, and says which', () => {
    const said = async (listener: Server, scheme: string): Promise<string> => {
      await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
      const { port } = listener.address() as AddressInfo;
      const error = await refusal(connect(`${scheme}://127.0.0.1:${port}`).health());
      listener.close();
      expect(error.code).toBe('server_unreachable');
      return error.message;
    };
    const hangsUpOn = (answer: string | Uint8Array): Server =>
      createNetServer((socket) => socket.once('data', () => socket.end(answer)));
    const ALERT = Uint8Array.of(0x15, 3, 1, 0, 2, 2, 40);

    it('plain HTTP behind an https: address', async () => {
      expect(await said(createServer(), 'https')).toContain('it speaks plain HTTP');
    });
    it.each([
      ['hangs up', createTlsServer()],
      ['sends an alert', hangsUpOn(ALERT)],
    ])('TLS behind an http: address that %s', async (_, listener) => {
      expect(await said(listener, 'http')).toContain('if it speaks TLS, say https:');
    });
    it.each([
      'Client sent an HTTP request to an HTTPS server.',
      '<title>400 The plain HTTP request was sent to HTTPS port</title>',
    ])('TLS behind an http: address that says: %s', async (text) => {
      const answer = `HTTP/1.0 400 Bad Request\r\n\r\n${text}\n`;
      expect(await said(hangsUpOn(answer), 'http')).toContain('it speaks TLS');
    });
  });
  it('something that does not speak HTTP', async () => {
    const odd = createServer();
    odd.on('connection', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    const { port } = odd.address() as { port: number };
    const error = await refusal(connect(`http://127.0.0.1:${port}`).health());
    odd.close();
    expect(error.code).toBe('server_unreachable');
  });
});
