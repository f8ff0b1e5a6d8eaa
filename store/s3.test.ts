import { afterEach, describe, expect, it } from 'vitest';
import { approvedKey, parseNodeId } from '../protocol/keys.ts';
import { codeOf } from '../protocol/errors.ts';
import { serveHttp } from '../tests/support/http-servers.ts';
import type { TestServer } from '../tests/support/http-servers.ts';
import type { ObjectStore } from './port.ts';
import { createS3Signer } from './s3-signer.ts';
import { createS3Store } from './s3.ts';

const KEY = approvedKey(parseNodeId('a'.repeat(32)));
const BODY = new TextEncoder().encode('x');
const credentials = { accessKeyId: 'test-user', secretAccessKey: 'a-secret-of-the-test' };

/** A store on a server that gives every request the same answer, and counts them. */
interface Stub {
  readonly url: string;
  readonly store: ObjectStore;
  readonly requests: string[];
}

const servers: TestServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

/** @param status 0 to close the connection instead of answering */
async function stub(status: number, code = '', body?: string): Promise<Stub> {
  const requests: string[] = [];
  const server = await serveHttp((request, response) => {
    requests.push(request.method!);
    request.resume().on('end', () => {
      if (status === 0) {
        request.socket.destroy();
        return;
      }
      response.writeHead(status, { 'content-type': 'application/xml' });
      const xml = `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`;
      response.end(request.method === 'HEAD' ? undefined : (body ?? xml));
    });
  });
  servers.push(server);
  const store = createS3Store({
    ...{ bucket: 'lab', region: 'us-east-1', endpoint: server.url, credentials },
  });
  return { url: server.url, store, requests };
}

const CALLS: Record<string, (store: ObjectStore) => Promise<unknown>> = {
  create: (store) => store.create(KEY, BODY),
  replace: (store) => store.replace(KEY, BODY, 'e'.repeat(32)),
  delete: (store) => store.delete(KEY),
  get: (store) => store.get(KEY, { maxBytes: 10 }),
  head: (store) => store.head(KEY),
  list: (store) => store.list('approved/'),
};
const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then((value) => value, codeOf);

/** What each call ends with when the server says this. */
const ANSWERS: [status: number, code: string, writes: string, reads: string][] = [
  [404, 'NoSuchBucket', 'no_such_bucket', 'no_such_bucket'],
  [403, 'AccessDenied', 'store_denied', 'store_denied'],
  [403, 'InvalidAccessKeyId', 'store_denied', 'store_denied'],
  [400, 'ExpiredToken', 'store_denied', 'store_denied'],
  [507, 'XMinioStorageFull', 'store_full', 'store_full'],
  [400, 'XMinioAdminBucketQuotaExceeded', 'store_full', 'store_full'],
  [403, 'QuotaExceeded', 'store_full', 'store_full'],
  [409, 'ConditionalRequestConflict', 'store_unknown', 'store_unavailable'],
  [408, 'RequestTimeout', 'store_unknown', 'store_unavailable'],
  [500, 'InternalError', 'store_unknown', 'store_unavailable'],
  [503, 'ServiceUnavailable', 'store_unknown', 'store_unavailable'],
  [502, 'BadGateway', 'store_unknown', 'store_unavailable'],
  [400, 'InvalidRequest', 'store_unavailable', 'store_unavailable'],
  [301, 'PermanentRedirect', 'store_unavailable', 'store_unavailable'],
  [0, '', 'store_unknown', 'store_unavailable'],
];

describe('an S3 store', () => {
  it.each(ANSWERS)('given %i %s', async (status, code, writes, reads) => {
    const { store } = await stub(status, code);
    for (const name of ['create', 'replace', 'delete']) {
      expect(await outcome(CALLS[name]!(store)), name).toBe(writes);
    }
    for (const name of ['get', 'list']) {
      expect(await outcome(CALLS[name]!(store)), name).toBe(reads);
    }
  });

  it('takes 412 for the condition, and a missing key for a failed If-Match', async () => {
    const failed = await stub(412, 'PreconditionFailed');
    expect(await outcome(CALLS['create']!(failed.store))).toBe('already_exists');
    expect(await outcome(CALLS['replace']!(failed.store))).toBe('precondition_failed');
    const absent = await stub(404, 'NoSuchKey');
    expect(await outcome(CALLS['replace']!(absent.store))).toBe('precondition_failed');
  });

  it('calls nothing but NoSuchKey a missing object', async () => {
    const absent = await stub(404, 'NoSuchKey');
    expect(await outcome(CALLS['get']!(absent.store))).toBeUndefined();
    expect(await outcome(CALLS['head']!(absent.store))).toBeUndefined();
    const garbage = await stub(404, '', '<html>no such page</html>');
    for (const name of ['get', 'head', 'list']) {
      expect(await outcome(CALLS[name]!(garbage.store)), name).toBe('store_unavailable');
    }
    const noBucket = await stub(404, 'NoSuchBucket');
    expect(await outcome(CALLS['head']!(noBucket.store))).toBe('no_such_bucket');
  });

  it('does not take the page of whoever answers in its place for an answer', async () => {
    const page = '<!doctype html><html><body>Please log in</body></html>';
    for (const body of [page, '', '<html><Contents></Contents></html>']) {
      const { store } = await stub(200, '', body);
      for (const name of ['create', 'replace', 'delete']) {
        expect(await outcome(CALLS[name]!(store)), name).toBe('store_unknown');
      }
      for (const name of ['get', 'head', 'list']) {
        expect(await outcome(CALLS[name]!(store)), name).toBe('store_unavailable');
      }
    }
  });

  it('does not go round in circles where a listing does not go on', async () => {
    const again = `<ListBucketResult><Name>lab</Name><IsTruncated>true</IsTruncated>
      <Contents><Key>${KEY}</Key><Size>1</Size></Contents></ListBucketResult>`;
    const { store } = await stub(200, '', again);
    expect(await outcome(store.list('approved/', { after: KEY }))).toBe('store_unavailable');
    const empty = `<ListBucketResult><Name>lab</Name><IsTruncated>true</IsTruncated></ListBucketResult>`;
    expect(await outcome((await stub(200, '', empty)).store.list(''))).toBe('store_unavailable');
  });

  it('sends a conditional write once, and a read again after a failure', async () => {
    const failing = await stub(500, 'InternalError');
    await outcome(CALLS['create']!(failing.store));
    await outcome(CALLS['replace']!(failing.store));
    expect(failing.requests).toEqual(['PUT', 'PUT']);
    await outcome(CALLS['get']!(failing.store));
    expect(failing.requests.slice(2)).toEqual(['GET', 'GET', 'GET']);
  });

  it('has done nothing if it could not connect', async () => {
    const { store } = await stub(200);
    await servers.pop()!.close();
    for (const [name, call] of Object.entries(CALLS)) {
      expect(await outcome(call(store)), name).toBe('store_unavailable');
    }
  });

  it('has done nothing if it has no credentials', async () => {
    const { url, requests } = await stub(200);
    const store = createS3Store({
      ...{ bucket: 'lab', region: 'us-east-1', endpoint: url },
      credentials: () => Promise.reject(new Error('no file')),
    });
    expect(await outcome(CALLS['create']!(store))).toBe('store_denied');
    expect(requests).toEqual([]);
  });

  it.each(['', 'short', 'minioadmin', 'aaaaaaaaaaaaaaaa', 'test-user'])(
    'refuses to use the secret key "%s"',
    async (secretAccessKey) => {
      const options = {
        ...{ bucket: 'lab', region: 'us-east-1', endpoint: 'http://127.0.0.1:9' },
        credentials: { ...credentials, secretAccessKey },
      };
      expect(await outcome(CALLS['get']!(createS3Store(options)))).toBe('weak_secret');
      const signing = createS3Signer(options).signGet(KEY, { expiresInSeconds: 1 });
      expect(await outcome(signing)).toBe('weak_secret');
    },
  );
});

describe('an answer with a content-encoding', () => {
  async function encoded(body: Uint8Array): Promise<[outcome: unknown, asked: unknown]> {
    let asked: unknown;
    const server = await serveHttp((request, response) => {
      asked = request.headers['accept-encoding'];
      response.writeHead(200, {
        'content-encoding': 'gzip',
        'content-length': body.length,
        etag: '"e"',
      });
      response.end(body);
    });
    servers.push(server);
    const store = createS3Store({
      ...{ bucket: 'lab', region: 'us-east-1', endpoint: server.url, credentials },
    });
    return [await store.get(KEY, { maxBytes: 99 }).catch((error: unknown) => error), asked];
  }

  it('is not asked for, nor undone: what is an object of ours is one', async () => {
    const body = new TextEncoder().encode('ccf and the rest');
    expect(await encoded(body)).toMatchObject([{ body }, 'identity']);
  });

  it('is named where the bytes are none of ours, and no reason to call an entry junk', async () => {
    const [refused] = await encoded(Uint8Array.of(0x1f, 0x8b, 8));
    expect(codeOf(refused)).toBe('store_unavailable');
    expect((refused as Error).message).toContain('content-encoding "gzip"');
  });
});
