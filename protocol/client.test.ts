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

  const BY_SERVER = { datesByServer: true };

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
])('what does not answer like a coatcheck server over %s is server_garbage', (_, fetch) => {
  it.each([
    ['a page', { body: '<html>welcome</html>' }],
    ['an error page', { status: 502, body: '<html>bad gateway</html>' }],
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
    expect((await refusal(connect(broken.url).health())).code).toBe('server_unreachable');
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
