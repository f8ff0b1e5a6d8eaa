import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { S3Client } from '@aws-sdk/client-s3';
import { S3RequestPresigner } from '@aws-sdk/s3-request-presigner';
import { hasCode } from '../../../protocol/errors.ts';
import type { ObjectKey } from '../../../protocol/keys.ts';
import type { ObjectStore } from '../../../store/port.ts';
import type { S3Credentials } from '../../../store/s3-options.ts';
import { serveHttp } from '../http-servers.ts';
import type { TestServer } from '../http-servers.ts';

/**
 * Stands for the side of a bucket of R2 that speaks S3, which no program has that runs elsewhere: presigned GETs
 * and PUTs of the given pairs, signed as the AWS SDK signs them. What a pair may do it does not know.
 */
export function serveS3Endpoint(
  storeNow: () => ObjectStore,
  bucket: string,
  pairs: readonly S3Credentials[],
): Promise<TestServer> {
  async function answer(request: IncomingMessage): Promise<[status: number, body?: Uint8Array]> {
    const store = storeNow();
    const url = new URL(request.url!, `http://${request.headers.host}`);
    if (!(await isSigned(request, url, pairs))) return [403, xml('SignatureDoesNotMatch')];
    const key = decodeURIComponent(url.pathname).replace(`/${bucket}/`, '') as ObjectKey;
    if (request.method === 'GET') {
      const found = await store.get(key, { maxBytes: 2 ** 24 });
      return found === undefined ? [404, xml('NoSuchKey')] : [200, found.body];
    }
    const body = Buffer.concat(await request.toArray());
    const sum = createHash('sha256').update(body).digest('base64');
    if (sum !== request.headers['x-amz-checksum-sha256']) return [400, xml('BadDigest')];
    try {
      if (request.headers['if-none-match'] === undefined) await store.delete(key);
      await store.create(key, body);
      return [200];
    } catch (error) {
      if (!hasCode(error, 'already_exists')) throw error;
      return [412, xml('PreconditionFailed')];
    }
  }
  return serveHttp((request, response) => {
    answer(request).then(
      ([status, body]) => response.writeHead(status, { etag: '"of the object"' }).end(body),
      () => response.writeHead(500).end(),
    );
  });
}

const xml = (code: string): Uint8Array => Buffer.from(`<Error><Code>${code}</Code></Error>`);

async function isSigned(
  request: IncomingMessage,
  url: URL,
  pairs: readonly S3Credentials[],
): Promise<boolean> {
  const said = (name: string): string => url.searchParams.get(`X-Amz-${name}`) ?? '';
  const id = said('Credential').split('/')[0];
  const credentials = pairs.find(({ accessKeyId }) => accessKeyId === id);
  if (credentials === undefined) return false;
  const names = said('SignedHeaders').split(';');
  const headers = names.map((name) => [name, String(request.headers[name])] as const);
  const presigner = new S3RequestPresigner(new S3Client({ credentials, region: 'auto' }).config);
  const { query } = await presigner.presign(
    {
      ...{ method: request.method!, protocol: url.protocol, hostname: url.hostname },
      ...{
        port: Number(url.port),
        path: url.pathname,
        query: {},
        headers: Object.fromEntries(headers),
      },
    },
    {
      signingDate: dateOf(said('Date')),
      expiresIn: Number(said('Expires')),
      signableHeaders: new Set(names),
      unhoistableHeaders: new Set(names),
    },
  );
  return query!['X-Amz-Signature'] === said('Signature');
}

/** Of `20260102T030405Z`. */
const dateOf = (text: string): Date =>
  new Date(text.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
