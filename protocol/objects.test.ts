import { afterEach, describe, expect, it } from 'vitest';
import { serveHttp } from '../tests/support/http-servers.ts';
import type { TestServer } from '../tests/support/http-servers.ts';
import { codeOf } from './errors.ts';
import { createFetch } from '../net/fetch.ts';
import { getObject, putObject } from './objects.ts';
import type { Fetch } from './objects.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const FETCHES = [
  ['the global fetch', fetch as Fetch],
  ['node:http', createFetch()],
] as const;
const xml = (code: string): string => `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`;

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
    ['a redirect', 301, '', 'store_denied'],
    ['a 204', 204, '', 'store_denied'],
    ['too much', 200, 'x'.repeat(101), 'too_large'],
  ])('fails for %s', async (_, status, body, code) => {
    expect(await outcome(getObject(await store(status, body), limits))).toBe(code);
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

describe.each(FETCHES)('putObject over %s', (_, fetch) => {
  const limits = { maxBytes: 100, timeoutSeconds: 60, fetch };
  it('sends the signed headers, each once, the body, and no content type of its own', async () => {
    let headers: string[] = [];
    let body = '';
    const server = await serveHttp((request, response) => {
      headers = request.rawHeaders.map((text) => text.toLowerCase());
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => response.setHeader('etag', '"e"').end());
    });
    servers.push(server);
    const signed = { 'content-length': '3', 'if-none-match': '*', 'x-amz-checksum-sha256': 'abc' };
    const put = { url: server.url, headers: signed };
    await putObject(put, new TextEncoder().encode('abc'), limits);
    expect(body).toBe('abc');
    for (const [name, value] of Object.entries(signed)) {
      expect(headers.filter((text) => text === name)).toHaveLength(1);
      expect(headers[headers.indexOf(name) + 1]).toBe(value);
    }
    expect(headers).not.toContain('content-type');
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
    const put = { url: await store(status, body), headers: {} };
    expect(await outcome(putObject(put, new Uint8Array(3), limits))).toBe(code);
  });
});
