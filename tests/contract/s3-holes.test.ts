import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { approvedKey, parseDigest, pendingKey, PREFIXES } from '../../protocol/keys.ts';
import type { ObjectKey, Prefix } from '../../protocol/keys.ts';
import type { UrlSigner } from '../../store/port.ts';
import { describeWith } from '../support/components.ts';
import { freshBucket } from '../support/minio.ts';
import { send } from '../support/raw-http.ts';
import type { TestBucket } from '../support/s3-bucket.ts';
import { freshVersitygwBucket } from '../support/versitygw.ts';
import { keyUnder } from './s3-contract.ts';
import { node } from './store-contract.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const LIMIT = { maxBytes: 1024 };
const SOURCE = approvedKey(node(1));

/** Signed by `signer` for a proposal of its own, then sent with a header that nobody signed. */
async function copyBy(
  signer: UrlSigner,
  bucketName: string,
): Promise<{ status: number; key: ObjectKey }> {
  const body = bytes('a proposal');
  const key = pendingKey(node(2), parseDigest('d'.repeat(64)));
  const put = await signer.signPut(key, {
    size: body.length,
    sha256: Uint8Array.from(createHash('sha256').update(body).digest()),
    expiresInSeconds: 60,
  });
  const headers = { ...put.headers, 'x-amz-copy-source': `/${bucketName}/${SOURCE}` };
  const { status } = await send(put.url, { method: 'PUT', headers, body });
  return { status, key };
}

/** Sends an upload "with an unsigned trailer", with the query of a URL but its signature. */
async function writeUnsigned(url: string, bucket: TestBucket, key: ObjectKey): Promise<number> {
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

/** The prefixes that whoever has seen a URL of the credential may write, unsigned. */
async function writableUnsigned(
  bucket: TestBucket,
  credential: 'download' | 'upload',
): Promise<Prefix[]> {
  const { url } = await bucket.signer(credential).signGet(SOURCE, { expiresInSeconds: 60 });
  const written: Prefix[] = [];
  for (const prefix of PREFIXES) {
    if ((await writeUnsigned(url, bucket, keyUnder(prefix))) === 200) written.push(prefix);
  }
  return written;
}

describe('known holes of S3 servers (docs/stores.md)', () => {
  describeWith('minio', 'on the archived MinIO', () => {
    it('a presigned PUT of the root key hands out another object; one of ours does not', async () => {
      const bucket = await freshBucket();
      const root = bucket.store('root');
      await root.create(SOURCE, bytes('another node'));

      const open = await copyBy(bucket.signer('root'), bucket.name);
      expect(open.status).toBe(200);
      expect((await root.get(open.key, LIMIT))!.body).toEqual(bytes('another node'));

      await root.delete(open.key);
      const closed = await copyBy(bucket.signer('upload'), bucket.name);
      expect(closed.status).toBe(403);
      expect(await root.get(closed.key, LIMIT)).toBeUndefined();
    });

    it('a presigned URL lets its holder write unsigned, but only what its credential may', async () => {
      const bucket = await freshBucket();
      expect(await writableUnsigned(bucket, 'download')).toEqual([]);
      expect(await writableUnsigned(bucket, 'upload')).toEqual(['pending', 'reports']);
    });
  });

  describeWith('versitygw', 'on versitygw', () => {
    it('none: not even a presigned PUT of the root key copies', async () => {
      const bucket = await freshVersitygwBucket();
      const root = bucket.store('root');
      await root.create(SOURCE, bytes('another node'));
      for (const as of ['root', 'upload'] as const) {
        const { status, key } = await copyBy(bucket.signer(as), bucket.name);
        expect(status).toBe(403);
        expect(await root.get(key, LIMIT)).toBeUndefined();
      }
    });

    it('none: nothing can be written unsigned', async () => {
      const bucket = await freshVersitygwBucket();
      expect(await writableUnsigned(bucket, 'download')).toEqual([]);
      expect(await writableUnsigned(bucket, 'upload')).toEqual([]);
    });
  });
});
