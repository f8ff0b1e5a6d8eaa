import { pinnedPutHeaders } from '../protocol/put-headers.ts';
import { bucketUrl, credentialsProvider, urlExpiry } from './s3-options.ts';
import type { S3Options } from './s3-options.ts';
import type { PresignedGet, UrlSigner } from './port.ts';
import { createPresigner, percentEncode } from './signature-v4.ts';

/**
 * Presigned S3 URLs, and the only maker of them. Without the S3 client: what answers nodes loads
 * this, and the client costs a cold start four times as long (docs/adr/0075-own-presigner.md). The
 * SDK's presigner is what the tests compare it with.
 */
export function createS3Signer(options: S3Options): UrlSigner {
  const { region, publicEndpoint, endpoint } = options;
  const bucket = bucketUrl({ ...options, endpoint: publicEndpoint ?? endpoint });
  const folder = `${bucket.origin}${bucket.pathname.replace(/\/$/, '')}`;
  const now = options.now ?? (() => Date.now() / 1000);
  const provider = credentialsProvider(options.credentials);
  const presign = createPresigner(region);

  async function sign(
    method: 'GET' | 'PUT',
    key: string,
    headers: Readonly<Record<string, string>>,
    expiresInSeconds: number,
  ): Promise<PresignedGet> {
    const credentials = await provider();
    const signedAt = Math.floor(now());
    const url = new URL(`${folder}/${key.split('/').map(percentEncode).join('/')}`);
    return {
      url: presign({ method, url, headers, credentials, signedAt, expiresInSeconds }),
      expiresAt: urlExpiry(signedAt, expiresInSeconds, credentials.expiration),
    };
  }

  return {
    async signPut(key, put) {
      const headers = pinnedPutHeaders(put);
      return { ...(await sign('PUT', key, headers, put.expiresInSeconds)), headers };
    },
    signGet: (key, { expiresInSeconds }) => sign('GET', key, {}, expiresInSeconds),
  };
}
