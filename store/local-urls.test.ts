import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { approvedKey, parseDigest, parseNodeId, pendingKey, reportKey } from '../protocol/keys.ts';
import { fail } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { createLocalHandler, createLocalSigner } from './local-urls.ts';
import { createMemoryStore } from './memory.ts';
import type { ObjectStore } from './port.ts';

const ID = parseNodeId('a'.repeat(32));
const KEY = approvedKey(ID);
const BODY = new TextEncoder().encode('a bundle');
const PUT = {
  size: BODY.length,
  sha256: new Uint8Array(createHash('sha256').update(BODY).digest()),
  expiresInSeconds: 60,
};
const secrets = { download: randomBytes(32), upload: randomBytes(32), admin: randomBytes(32) };

const signer = (
  credential: 'download' | 'upload' | 'admin',
  baseUrl = 'http://coatcheck.test',
): ReturnType<typeof createLocalSigner> =>
  createLocalSigner({ baseUrl, credential, secret: secrets[credential] });

async function answer(
  store: ObjectStore,
  url: string,
  init: RequestInit = {},
): Promise<{ status: number; text: string }> {
  const response = await createLocalHandler({ store, secrets })(new Request(url, init));
  return { status: response.status, text: await response.text() };
}

/** A store of which every operation fails. */
function broken(code: ErrorCode): ObjectStore {
  const reject = (): Promise<never> => Promise.reject(fail(code, 'broken'));
  return {
    ...{ create: reject, replace: reject, get: reject },
    ...{ head: reject, delete: reject, list: reject },
  };
}

describe('local URLs', () => {
  it.each<[ErrorCode, number, string]>([
    ['no_such_bucket', 404, 'NoSuchBucket'],
    ['store_denied', 403, 'AccessDenied'],
    ['store_full', 507, 'InsufficientStorage'],
    ['store_unavailable', 503, 'ServiceUnavailable'],
    ['store_unknown', 503, 'ServiceUnavailable'],
    ['internal', 503, 'ServiceUnavailable'],
  ])('answer %s with %i %s, never with NoSuchKey', async (code, status, name) => {
    const get = await signer('download').signGet(KEY, { expiresInSeconds: 60 });
    const got = await answer(broken(code), get.url);
    expect(got).toMatchObject({
      status,
      text: expect.stringContaining(`<Code>${name}<`) as string,
    });

    const put = await signer('upload').signPut(pendingKey(ID, parseDigest('d'.repeat(64))), PUT);
    const init = { method: 'PUT', headers: put.headers, body: BODY as BodyInit };
    expect(await answer(broken(code), put.url, init)).toMatchObject({ status });
  });

  it('are answered below any path, also one that is called objects', async () => {
    const { url } = await signer('download', 'http://x.test/objects').signGet(KEY, PUT);
    expect((await answer(createMemoryStore(), url)).text).toContain('NoSuchKey');
  });

  it('work behind a proxy that adds a path', async () => {
    const store = createMemoryStore();
    await store.create(KEY, BODY);
    const { url } = await signer('download', 'http://proxy.test/coatcheck/').signGet(KEY, {
      expiresInSeconds: 60,
    });
    expect(url).toMatch(/^http:\/\/proxy\.test\/coatcheck\/objects\/approved\//);
    expect(await answer(store, url)).toEqual({ status: 200, text: 'a bundle' });
  });

  it('of one credential are not those of another', async () => {
    const store = createMemoryStore();
    await store.create(KEY, BODY);
    const { url } = await signer('upload').signGet(KEY, { expiresInSeconds: 60 });
    const forged = url.replace('=upload', '=download');
    expect((await answer(store, forged)).text).toContain('SignatureDoesNotMatch');
  });

  it('refuse every path that is no object, and never say NoSuchKey for it', async () => {
    const { url } = await signer('download').signGet(KEY, { expiresInSeconds: 60 });
    for (const path of [
      '',
      'x',
      '../secrets.json',
      '%2e%2e/x',
      `approved/${ID}/`,
      'approved/É<&',
    ]) {
      const changed = url.replace(`approved/${ID}`, path);
      const { status, text } = await answer(createMemoryStore(), changed);
      expect(status, path).toBe(403);
      expect(text, path).not.toContain('NoSuchKey');
      expect(text, path).not.toMatch(/[É&]</);
    }
  });

  it('know no methods but GET and PUT', async () => {
    const { url } = await signer('download').signGet(KEY, { expiresInSeconds: 60 });
    for (const method of ['DELETE', 'POST', 'PATCH', 'OPTIONS', 'HEAD']) {
      expect((await answer(createMemoryStore(), url, { method })).status).toBe(405);
    }
  });

  it('read no more of a body than was declared', async () => {
    const put = await signer('upload').signPut(reportKey(ID), PUT);
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++;
          controller.enqueue(BODY);
        },
      },
      { highWaterMark: 0 },
    );
    const init = { method: 'PUT', headers: put.headers, body: endless, duplex: 'half' };
    const { status, text } = await answer(createMemoryStore(), put.url, init);
    expect(status).toBe(400);
    expect(text).toContain('IncompleteBody');
    expect(pulled).toBeLessThan(5);
  });

  it('let racing overwrites all end, with the bytes of one', async () => {
    const store = createMemoryStore();
    const bodies = Array.from({ length: 8 }, (_, i) => new TextEncoder().encode(`report ${i}`));
    const statuses = await Promise.all(
      bodies.map(async (body) => {
        const sha256 = new Uint8Array(createHash('sha256').update(body).digest());
        const put = await signer('upload').signPut(reportKey(ID), {
          ...{ size: body.length, sha256, expiresInSeconds: 60, overwrite: true },
        });
        const init = { method: 'PUT', headers: put.headers, body: body as BodyInit };
        return (await answer(store, put.url, init)).status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    const { body } = (await store.get(reportKey(ID), { maxBytes: 100 }))!;
    expect(new TextDecoder().decode(body)).toMatch(/^report [0-7]$/);
  });

  it('are not made or served with a weak secret', () => {
    const weak = new Uint8Array(32);
    expect(() =>
      createLocalSigner({ baseUrl: 'http://x', credential: 'upload', secret: weak }),
    ).toThrow(expect.objectContaining({ code: 'weak_secret' }) as Error);
    for (const name of ['download', 'upload', 'admin']) {
      const some = { ...secrets, [name]: weak };
      expect(() => createLocalHandler({ store: createMemoryStore(), secrets: some })).toThrow(
        expect.objectContaining({ code: 'weak_secret' }) as Error,
      );
    }
  });
});
