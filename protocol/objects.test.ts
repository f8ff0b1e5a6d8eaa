import { afterEach, describe, expect, it } from 'vitest';
import { serveHttp } from '../tests/support/http-servers.ts';
import type { TestServer } from '../tests/support/http-servers.ts';
import { sha256 } from '#platform';
import { codeOf } from './errors.ts';
import { createFetch } from '../net/fetch.ts';
import { getObject, putObject, readBody } from './objects.ts';
import type { Fetch } from './objects.ts';
import { pinnedPutHeaders } from './put-headers.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const FETCHES = [
  ['the global fetch', fetch as Fetch],
  ['node:http', createFetch()],
] as const;
const xml = (code: string): string => `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`;

const headersOf = (body: Uint8Array, overwrite = false): Record<string, string> =>
  pinnedPutHeaders({ size: body.length, sha256: sha256(body), overwrite });

async function store(status: number, body: string): Promise<string> {
  const server = await serveHttp((request, response) => {
    request.resume().on('end', () => response.writeHead(status).end(body));
  });
  servers.push(server);
  return `${server.url}/bucket/key?X-Amz-Signature=topsecret`;
}

async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    const result = await work;
    return result === undefined ? 'done' : JSON.stringify(result);
  } catch (error) {
    expect((error as Error).message).not.toContain('topsecret');
    return codeOf(error);
  }
}

describe.each(FETCHES)('getObject over %s', (_, fetch) => {
  const limits = { maxBytes: 100, timeoutSeconds: 60, fetch };
  it('gives the bytes', async () => {
    const url = await store(200, 'hello');
    const got = await getObject(url, limits);
    expect(got).toEqual({ found: true, body: new TextEncoder().encode('hello') });
  });

  it('says "not there" only for NoSuchKey', async () => {
    expect(await outcome(getObject(await store(404, xml('NoSuchKey')), limits))).toBe(
      '{"found":false}',
    );
  });

  it('asks for bytes, and takes what has another encoding for what it is', async () => {
    const object = Buffer.from('ccb and the rest of an object of ours');
    const asked: (string | undefined)[] = [];
    const server = await serveHttp((request, response) => {
      asked.push(request.headers['accept-encoding']);
      const isPacked = request.url === '/packed';
      response.writeHead(200, { 'content-encoding': isPacked ? 'x-pack' : 'x-none' });
      response.end(isPacked ? Buffer.from([0x1f, 0x8b, 8, 0]) : object);
    });
    servers.push(server);
    expect(await getObject(`${server.url}/plain`, limits)).toEqual({
      found: true,
      body: new Uint8Array(object),
    });
    const refused = await getObject(`${server.url}/packed`, limits).catch((e: unknown) => e);
    expect(codeOf(refused)).toBe('store_unavailable');
    expect((refused as Error).message).toContain('content-encoding "x-pack"');
    expect(asked).toEqual(['identity', 'identity']);
  });

  it.each([
    ['a 404 without a code', 404, 'not found', 'store_unavailable'],
    ["a proxy's 404", 404, '<html>NoSuchKey</html>', 'store_unavailable'],
    ['a missing bucket', 404, xml('NoSuchBucket'), 'no_such_bucket'],
    ['a 403 that says NoSuchKey', 403, xml('NoSuchKey'), 'store_denied'],
    ['an expired URL', 403, xml('AccessDenied'), 'store_denied'],
    ['a 400', 400, xml('InvalidRequest'), 'store_denied'],
    ['a 500', 500, xml('InternalError'), 'store_unavailable'],
    ['a 503', 503, '', 'store_unavailable'],
    ['a redirect', 301, '', 'store_unavailable'],
    ['a proxy that wants a log-in', 407, '', 'store_unavailable'],
    ['a redirect of the store itself', 301, xml('PermanentRedirect'), 'store_denied'],
    ['a 204', 204, '', 'store_denied'],
    ['too much', 200, 'x'.repeat(101), 'too_large'],
  ])('fails for %s', async (_, status, body, code) => {
    expect(await outcome(getObject(await store(status, body), limits))).toBe(code);
  });

  it('says of an answer that stops in its middle that it did, and nothing of TLS', async () => {
    const broken = await serveHttp((_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('cc', () => response.destroy());
    });
    servers.push(broken);
    const error = await getObject(broken.url, limits).catch((e: unknown) => e);
    expect(codeOf(error)).toBe('store_unavailable');
    const { message } = error as Error;
    expect(message).toContain(
      `${new URL(broken.url).host} broke off in the middle of its answer: `,
    );
    expect(message).not.toContain('TLS');
  });

  it('fails where nothing answers', async () => {
    const gone = await serveHttp(() => undefined);
    await gone.close();
    expect(await outcome(getObject(gone.url, limits))).toBe('store_unavailable');
    const silent = await serveHttp(() => undefined);
    servers.push(silent);
    expect(await outcome(getObject(silent.url, { ...limits, timeoutSeconds: 0.2 }))).toBe(
      'store_unavailable',
    );
    expect(await outcome(getObject('no url', limits))).toBe('store_unavailable');
  });
});

it('reads a stream that cannot be iterated over, and ends one that it leaves', async () => {
  let cancelled = 0;
  const stream = (): ReadableStream<Uint8Array> => {
    const made = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(3));
        controller.enqueue(new Uint8Array(4));
      },
      pull: (controller) => controller.close(),
      cancel() {
        cancelled++;
      },
    });
    // As in Safari.
    return Object.defineProperty(made, Symbol.asyncIterator, { value: undefined });
  };
  expect(await readBody({ body: stream() }, 7)).toHaveLength(7);
  expect(cancelled).toBe(0);
  expect(await readBody({ body: stream() }, 2)).toBeUndefined();
  expect(cancelled).toBe(1);
});

describe.each(FETCHES)('putObject over %s', (_, fetch) => {
  const limits = { maxBytes: 100, timeoutSeconds: 60, fetch };
  it('sends the signed headers, each once, the body, and no content type of its own', async () => {
    let headers: string[] = [];
    let body = '';
    const server = await serveHttp((request, response) => {
      headers = request.rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => response.setHeader('etag', '"e"').end());
    });
    servers.push(server);
    const bytes = new TextEncoder().encode('abc');
    const signed = headersOf(bytes);
    const put = { url: server.url, headers: signed };
    await putObject(put, bytes, limits);
    expect(body).toBe('abc');
    for (const [name, value] of Object.entries(signed)) {
      expect(headers.filter((text) => text === name)).toHaveLength(1);
      expect(headers[headers.indexOf(name) + 1]).toBe(value);
    }
    const sent = new Set(headers.filter((_, i) => i % 2 === 0));
    for (const name of ['accept', 'accept-encoding', 'accept-language', 'connection', 'host']) {
      sent.delete(name);
    }
    for (const name of ['cache-control', 'pragma', 'sec-fetch-mode', 'user-agent'])
      sent.delete(name);
    expect([...sent].sort()).toEqual(Object.keys(signed).sort());
  });

  it.each<[string, Record<string, string | undefined>]>([
    ['a credential', { authorization: 'Bearer x' }],
    ['a cookie', { cookie: 'a=b' }],
    ["the header of a cloud's metadata", { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' }],
    ['one of S3 that nobody signs', { 'x-amz-copy-source': '/bucket/key' }],
    ['a host', { host: 'elsewhere.example' }],
    ['the same in other letters', { 'If-None-Match': '*' }],
    ['the same, with a space', { 'if-none-match ': '*' }],
    ['two lines in a name', { 'x: y\r\nauthorization': 'Bearer x' }],
    ['two lines in a value', { 'content-type': 'application/octet-stream\r\nauthorization: x' }],
    ['another type', { 'content-type': 'text/html' }],
    ['another length', { 'content-length': '4' }],
    ['another digest', { 'x-amz-checksum-sha256': 'abc' }],
    ['another condition', { 'if-none-match': '"x"' }],
    ['no condition', { 'if-none-match': undefined }],
  ])('sends nothing where an answer wants %s sent', async (_, other) => {
    let asked = 0;
    const server = await serveHttp((_, response) => void response.end(String(++asked)));
    servers.push(server);
    const body = new TextEncoder().encode('abc');
    const said = JSON.stringify({ ...headersOf(body), ...other });
    const put = { url: server.url, headers: JSON.parse(said) as Record<string, string> };
    expect(await outcome(putObject(put, body, limits))).toBe('answer_refused');
    expect(asked).toBe(0);
  });

  it('sends the condition unless it is to overwrite, and no other', async () => {
    const server = await serveHttp((request, response) => {
      response.setHeader('etag', String(request.headers['if-none-match'])).end();
    });
    servers.push(server);
    const body = new Uint8Array(3);
    const put = { url: server.url, headers: headersOf(body, true) };
    expect(await outcome(putObject(put, body, { ...limits, overwrite: true }))).toBe('done');
    expect(await outcome(putObject(put, body, limits))).toBe('answer_refused');
  });

  it.each([
    [200, '<html>Please log in</html>', 'store_unknown'],
    [412, xml('PreconditionFailed'), 'already_exists'],
    [409, xml('ConditionalRequestConflict'), 'store_unknown'],
    [403, xml('SignatureDoesNotMatch'), 'store_denied'],
    [400, xml('BadDigest'), 'store_denied'],
    [404, xml('NoSuchBucket'), 'no_such_bucket'],
    [404, '', 'store_unavailable'],
    [507, xml('XMinioStorageFull'), 'store_full'],
    [403, xml('QuotaExceeded'), 'store_full'],
    [503, xml('SlowDown'), 'store_unknown'],
    [500, '', 'store_unknown'],
  ])('takes a %i %s as %s', async (status, body, code) => {
    const bytes = new Uint8Array(3);
    const put = { url: await store(status, body), headers: headersOf(bytes) };
    expect(await outcome(putObject(put, bytes, limits))).toBe(code);
  });
});
