import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { afterAll, describe, expect, it } from 'vitest';
import { approvedKey, parseDigest, pendingKey } from '../../protocol/keys.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { createLocalHandler, createLocalSigner } from '../../store/local-urls.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { ObjectStore } from '../../store/port.ts';
import { describeWith } from '../support/components.ts';
import { serveHttp, serveProxy } from '../support/http-servers.ts';
import type { TestServer } from '../support/http-servers.ts';
import { freshBucket } from '../support/minio.ts';
import { freshVersitygwBucket } from '../support/versitygw.ts';
import { openWebdav } from '../support/webdav.ts';
import type { TestBucket } from '../support/s3-bucket.ts';
import { send } from '../support/raw-http.ts';
import { presignedContract } from './presigned-contract.ts';
import type { SignersUnderTest } from './presigned-contract.ts';
import { node } from './store-contract.ts';

const servers: Pick<TestServer, 'close'>[] = [];
const folders: string[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })));
});

async function started(server: Promise<TestServer>): Promise<TestServer> {
  servers.push(await server);
  return server;
}

/** Our own URLs over a store, served as `coatcheck serve` does. */
async function localSigners(store: ObjectStore, behindProxy = false): Promise<SignersUnderTest> {
  const secrets = {
    download: randomBytes(32),
    upload: randomBytes(32),
    admin: randomBytes(32),
  };
  const handler = createLocalHandler({ store, secrets });
  const listener = getRequestListener(handler);
  const server = await started(
    serveHttp((incoming, outgoing) => void listener(incoming, outgoing)),
  );
  const { url: baseUrl } = behindProxy ? await started(serveProxy(server.url)) : server;
  return {
    store,
    signer: (credential, options = {}) =>
      createLocalSigner({ baseUrl, credential, secret: secrets[credential], ...options }),
    copySource: (key) => `/objects/${key}`,
  };
}

presignedContract('memory, our own', () => localSigners(createMemoryStore()));

presignedContract('filesystem, our own, behind a proxy', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'coatcheck-presigned-'));
  folders.push(dir);
  return localSigners(await openFilesystemStore(dir, { create: true }), true);
});

describeWith('apache', 'on a real Apache', () => {
  presignedContract('WebDAV, our own', async () => {
    const { direct, stop } = await openWebdav();
    servers.push({ close: stop });
    return localSigners(direct);
  });
});

const s3Signers = (
  bucket: TestBucket,
  kind: 'sdkSigner' | 'signer',
  publicEndpoint = bucket.endpoint,
): SignersUnderTest => ({
  store: bucket.store('root'),
  signer: (credential, options) => bucket[kind](credential, { publicEndpoint, ...options }),
  copySource: (key) => `/${bucket.name}/${key}`,
});

describeWith('versitygw', 'on a real versitygw', () => {
  presignedContract('S3, by the SDK', async () =>
    s3Signers(await freshVersitygwBucket(), 'sdkSigner'),
  );
  presignedContract('S3, by the small signer', async () =>
    s3Signers(await freshVersitygwBucket(), 'signer'),
  );
});

describeWith('minio', 'on a real MinIO', () => {
  /** They change what MinIO stores beside the bytes, or nothing. A `x-amz-meta-` it refuses. */
  const toleratedHeaders = [
    'x-amz-acl',
    'x-amz-tagging',
    'x-amz-storage-class',
    'x-amz-website-redirect-location',
  ];

  presignedContract('S3, by the SDK', async () => s3Signers(await freshBucket(), 'sdkSigner'), {
    toleratedHeaders,
  });
  presignedContract(
    'S3, by the small signer',
    async () => s3Signers(await freshBucket(), 'signer'),
    {
      toleratedHeaders,
    },
  );
  presignedContract(
    'S3, by the small signer, behind a proxy',
    async () => {
      const bucket = await freshBucket();
      const proxy = await started(serveProxy(bucket.endpoint));
      return s3Signers(bucket, 'signer', proxy.url);
    },
    { toleratedHeaders },
  );

  describe('both signers of S3', () => {
    const body = new TextEncoder().encode('the same');
    const sha256 = Buffer.from(
      'aec7d95f1b0b9bb0b5ee13b8a0dba45a0c4a7a1f7e1d1c3b6d4d0a8e9f000000',
      'hex',
    );
    const put = { size: body.length, sha256, expiresInSeconds: 60 };
    const key = pendingKey(node(1), parseDigest('a'.repeat(64)));
    const parameters = (url: string): string[] =>
      [...new URL(url).searchParams.keys()].filter((name) => name !== 'x-id').sort();
    const signedHeaders = (url: string): string | null =>
      new URL(url).searchParams.get('X-Amz-SignedHeaders');

    it('pin the same headers and use the same parameters', async () => {
      const bucket = await freshBucket();
      for (const overwrite of [false, true]) {
        const sdk = await bucket.sdkSigner('upload').signPut(key, { ...put, overwrite });
        const small = await bucket.signer('upload').signPut(key, { ...put, overwrite });
        expect(small.headers).toEqual(sdk.headers);
        expect(signedHeaders(small.url)).toBe(signedHeaders(sdk.url));
        expect(signedHeaders(small.url)!.split(';')).toEqual(
          ['host', ...Object.keys(small.headers)].sort(),
        );
        expect(parameters(small.url)).toEqual(parameters(sdk.url));
      }
      const get = { expiresInSeconds: 60 };
      const sdk = await bucket.sdkSigner('download').signGet(approvedKey(node(1)), get);
      const small = await bucket.signer('download').signGet(approvedKey(node(1)), get);
      expect(signedHeaders(small.url)).toBe('host');
      expect(signedHeaders(sdk.url)).toBe('host');
      expect(parameters(small.url)).toEqual(parameters(sdk.url));
    });

    it('sign for publicEndpoint, whatever the endpoint is', async () => {
      const bucket = await freshBucket();
      const { port } = new URL(bucket.endpoint);
      const endpoints = {
        endpoint: 'http://store.internal:9000',
        publicEndpoint: `http://localhost:${port}`,
      };
      await bucket.store('root').create(approvedKey(node(1)), body);
      for (const kind of ['sdkSigner', 'signer'] as const) {
        const signer = bucket[kind]('download', endpoints);
        const { url } = await signer.signGet(approvedKey(node(1)), { expiresInSeconds: 60 });
        expect(new URL(url).origin).toBe(`http://localhost:${port}`);
        expect((await send(url, { method: 'GET' })).body.toString()).toBe('the same');
      }
    });

    it('end a URL no later than the session that signed it', async () => {
      const bucket = await freshBucket();
      const session = bucket.credentials.upload;
      for (const kind of ['sdkSigner', 'signer'] as const) {
        const signer = bucket[kind]('upload');
        const long = await signer.signPut(key, { ...put, expiresInSeconds: 48 * 3600 });
        expect(long.expiresAt).toEqual(session.expiration);
      }
    });
  });
});
