import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { approvedKey, parseDigest, pendingKey, PREFIXES } from '../../protocol/keys.ts';
import type { ObjectKey, Prefix } from '../../protocol/keys.ts';
import { codeOf } from '../../protocol/errors.ts';
import { CREDENTIALS, PERMISSIONS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { guardStore } from '../../store/guard.ts';
import { createS3Store } from '../../store/s3.ts';
import { findMinio } from '../../local-minio/find.ts';
import { startMinio } from '../../local-minio/start.ts';
import { ensureBucket } from '../../local-minio/bucket.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { ObjectStore, UrlSigner } from '../../store/port.ts';
import type { S3Credentials } from '../../store/s3-options.ts';
import { describeWith } from '../support/components.ts';
import { serveProxy } from '../support/http-servers.ts';
import type { TestServer } from '../support/http-servers.ts';
import { freshBucket } from '../support/minio.ts';
import { send } from '../support/raw-http.ts';
import { node } from './store-contract.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const sha256 = (body: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(body).digest());
const LIMIT = { maxBytes: 1024 };
const DIGEST = parseDigest('d'.repeat(64));
const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => codeOf(error),
  );

/** A key of each prefix, as a key maker makes them. */
const keyUnder = (prefix: Prefix): ObjectKey => {
  const id = node(7);
  const keys = {
    pending: `pending/${id}/${DIGEST}`,
    history: `history/${id}/0000000001`,
    approved: `approved/${id}`,
    rejected: `rejected/${id}/${DIGEST}`,
    reports: `reports/${id}`,
    keysets: 'keysets/0000000001',
  };
  return keys[prefix] as ObjectKey;
};

/** One of each call of the port. */
const everyCall = (store: ObjectStore, key: ObjectKey): Record<string, () => Promise<unknown>> => ({
  get: () => store.get(key, LIMIT),
  head: () => store.head(key),
  list: () => store.list(`${key.split('/')[0]!}/`),
  create: () => store.create(key, bytes('x')),
  replace: () => store.replace(key, bytes('y'), '0'.repeat(32)),
  delete: () => store.delete(key),
});

/** Everything that a credential could try, prefix by prefix, and what comes of it. */
/** @param root may do everything: puts an object where each right is tried */
async function rightsOf(store: ObjectStore, root: ObjectStore): Promise<Record<string, string>> {
  const rights: Record<string, string> = {};
  for (const prefix of PREFIXES) {
    const key = keyUnder(prefix);
    await root.create(key, bytes('there'));
    for (const [name, attempt] of Object.entries(everyCall(store, key))) {
      rights[`${name} ${prefix}`] = (await outcome(attempt())) === 'store_denied' ? 'no' : 'yes';
    }
  }
  rights['list all'] = (await outcome(store.list(''))) === 'store_denied' ? 'no' : 'yes';
  return rights;
}

function expectedRights(credential: Credential): Record<string, string> {
  const { get, put, list, delete: remove } = PERMISSIONS[credential];
  const yes = (allowed: boolean): string => (allowed ? 'yes' : 'no');
  const rights: Record<string, string> = {};
  for (const prefix of PREFIXES) {
    rights[`get ${prefix}`] = yes(get.includes(prefix));
    rights[`head ${prefix}`] = yes(get.includes(prefix));
    rights[`list ${prefix}`] = yes(list === 'bucket' || list.includes(prefix));
    rights[`create ${prefix}`] = yes(put.includes(prefix));
    rights[`replace ${prefix}`] = yes(put.includes(prefix));
    rights[`delete ${prefix}`] = yes(remove.includes(prefix));
  }
  rights['list all'] = yes(list === 'bucket');
  return rights;
}

describe('the guard of stores without credentials', () => {
  it.each(CREDENTIALS)('gives the %s credential exactly what the table says', async (name) => {
    const store = createMemoryStore();
    expect(await rightsOf(guardStore(store, name), store)).toEqual(expectedRights(name));
  });

  it('refuses what is not there to a credential that may not list the bucket, as S3 does', async () => {
    const read = (name: Credential): Promise<unknown> =>
      outcome(guardStore(createMemoryStore(), name).get(keyUnder('keysets'), LIMIT));
    expect(await read('upload')).toBe('store_denied');
    expect(await read('download')).toBe('done');
  });
});

describeWith('minio', 'S3 on a real MinIO', () => {
  const servers: TestServer[] = [];
  afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

  describe('credentials', () => {
    it.each(CREDENTIALS)('give %s exactly what the table says', async (name) => {
      const bucket = await freshBucket();
      expect(await rightsOf(bucket.store(name), bucket.store('root'))).toEqual(
        expectedRights(name),
      );
    });

    it('that are wrong are denied everything', async () => {
      const bucket = await freshBucket();
      const { upload } = bucket.credentials;
      const wrong: Record<string, S3Credentials> = {
        secret: { ...bucket.root, secretAccessKey: 'not-the-right-secret' },
        id: { ...bucket.root, accessKeyId: 'nobody' },
        token: { ...upload, sessionToken: `${upload.sessionToken!.slice(0, -4)}AAAA` },
        'no token': { accessKeyId: upload.accessKeyId, secretAccessKey: upload.secretAccessKey },
      };
      for (const [what, credentials] of Object.entries(wrong)) {
        const calls = everyCall(bucket.store('root', { credentials }), keyUnder('pending'));
        for (const [name, attempt] of Object.entries(calls)) {
          expect(await outcome(attempt()), `${name} with a wrong ${what}`).toBe('store_denied');
        }
      }
    });

    it('are asked for again when a session is about to end', async () => {
      const bucket = await freshBucket();
      let asked = 0;
      const store = bucket.store('root', {
        credentials: () => {
          asked++;
          // The SDK renews what has less than five minutes left.
          return Promise.resolve({
            ...bucket.credentials.admin,
            expiration: new Date(Date.now() + 1000),
          });
        },
      });
      await store.list('');
      const before = asked;
      await store.list('');
      expect(asked).toBeGreaterThan(before);
    });
  });

  describe('a write whose answer is lost', () => {
    it('is unknown, not "already exists", and was done', async () => {
      const bucket = await freshBucket();
      let puts = 0;
      const proxy = await serveProxy(bucket.endpoint, ({ method }) => {
        if (method === 'PUT') puts++;
        return method === 'PUT';
      });
      servers.push(proxy);
      const store = bucket.store('root', { endpoint: proxy.url });
      const key = approvedKey(node(1));

      expect(await outcome(store.create(key, bytes('one')))).toBe('store_unknown');
      expect(puts).toBe(1);
      const { body, etag } = (await store.get(key, LIMIT))!;
      expect(body).toEqual(bytes('one'));

      expect(await outcome(store.replace(key, bytes('two'), etag))).toBe('store_unknown');
      expect(puts).toBe(2);
      expect((await store.get(key, LIMIT))!.body).toEqual(bytes('two'));
    });
  });

  it('says store_full where the disk of the server is full', async (context) => {
    const found = await findMinio();
    const disk = mountSmallDisk('64m');
    if ('missing' in disk || found?.kind !== 'binary') {
      if (!('missing' in disk)) disk.unmount();
      context.skip('a full MinIO needs root on Linux and a MinIO of our own');
      return;
    }
    const minio = await startMinio(found, disk.path);
    try {
      await ensureBucket(minio, 'small');
      const store = createS3Store({
        ...{ bucket: 'small', region: 'us-east-1', endpoint: minio.endpoint },
        credentials: { accessKeyId: minio.rootUser, secretAccessKey: minio.rootPassword },
      });
      const key = approvedKey(node(1));
      const { etag } = await store.create(key, bytes('x'));
      const large = new Uint8Array(8 * 1024 * 1024);
      const fill = async (): Promise<void> => {
        for (let i = 2; i < 20; i++) await store.create(approvedKey(node(i)), large);
      };
      expect(await outcome(fill())).toBe('store_full');
      // It may hang up before it read such a body, and its answer is lost: nothing is, either way.
      let said: unknown = 'store_unknown';
      for (let tries = 0; said === 'store_unknown' && tries < 10; tries++) {
        said = await outcome(store.replace(key, large, etag));
        expect((await store.get(key, LIMIT))!.body).toEqual(bytes('x'));
      }
      expect(said).toBe('store_full');
    } finally {
      await minio.stop();
      disk.unmount();
    }
  });

  /** Signed by `signer` for a proposal of its own, then sent with a header that nobody signed. */
  async function copyBy(
    signer: UrlSigner,
    bucketName: string,
    source: ObjectKey,
  ): Promise<{ status: number; key: ObjectKey }> {
    const body = bytes('a proposal');
    const key = pendingKey(node(2), DIGEST);
    const put = await signer.signPut(key, {
      size: body.length,
      sha256: sha256(body),
      expiresInSeconds: 60,
    });
    const headers = { ...put.headers, 'x-amz-copy-source': `/${bucketName}/${source}` };
    const { status } = await send(put.url, { method: 'PUT', headers, body });
    return { status, key };
  }

  describe('holes of the archived MinIO', () => {
    const source = approvedKey(node(1));

    it('a presigned PUT of the root key hands out another object; one of ours does not', async () => {
      const bucket = await freshBucket();
      const root = bucket.store('root');
      await root.create(source, bytes('another node'));

      const open = await copyBy(bucket.signer('root'), bucket.name, source);
      expect(open.status).toBe(200);
      expect((await root.get(open.key, LIMIT))!.body).toEqual(bytes('another node'));

      await root.delete(open.key);
      const closed = await copyBy(bucket.signer('upload'), bucket.name, source);
      expect(closed.status).toBe(403);
      expect(await root.get(closed.key, LIMIT)).toBeUndefined();
    });

    /**
     * An upload "with an unsigned trailer" is let in on the key id of the query alone: whoever
     * has seen any presigned URL may write what its credential may put, unsigned.
     */
    async function writeUnsigned(
      url: string,
      bucket: { endpoint: string; name: string },
      key: ObjectKey,
    ): Promise<number> {
      const target = new URL(`${bucket.endpoint}/${bucket.name}/${key}`);
      for (const [name, value] of new URL(url).searchParams) {
        if (name !== 'X-Amz-Signature') target.searchParams.set(name, value);
      }
      const body = bytes('4\r\nEVIL\r\n0\r\n\r\n\r\n');
      const headers = {
        'content-length': String(body.length),
        'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        'x-amz-decoded-content-length': '4',
      };
      return (await send(target.href, { method: 'PUT', headers, body })).status;
    }

    it('a presigned URL lets its holder write unsigned, but only what its credential may', async () => {
      const bucket = await freshBucket();
      const keys = PREFIXES.map(keyUnder);
      const written: Record<string, ObjectKey[]> = {};
      for (const credential of ['download', 'upload'] as const) {
        const { url } = await bucket.signer(credential).signGet(source, { expiresInSeconds: 60 });
        written[credential] = [];
        for (const key of keys) {
          if ((await writeUnsigned(url, bucket, key)) === 200) written[credential].push(key);
        }
      }
      expect(written).toEqual({
        download: [],
        upload: [keyUnder('pending'), keyUnder('reports')],
      });
    });
  });
});
