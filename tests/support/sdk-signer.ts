import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { toBase64 } from '../../bundle/bytes.ts';
import { pinnedPutHeaders } from '../../protocol/put-headers.ts';
import type { UrlSigner } from '../../store/port.ts';
import { credentialsProvider, urlExpiry } from '../../store/s3-options.ts';
import type { S3Options } from '../../store/s3-options.ts';

/** The same URLs as `createS3Signer`, made by the AWS SDK: what ours are compared with. */
export function createSdkSigner(options: S3Options): UrlSigner {
  const { bucket, region, publicEndpoint, endpoint = publicEndpoint } = options;
  const credentials = credentialsProvider(options.credentials);
  const now = options.now ?? (() => Date.now() / 1000);
  const client = new S3Client({
    region,
    credentials,
    // Otherwise a checksum of no body at all lands in presigned URLs.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(endpoint === undefined
      ? {}
      : { endpoint: publicEndpoint ?? endpoint, forcePathStyle: true }),
  });

  return {
    async signPut(key, { size, sha256, expiresInSeconds, overwrite = false }) {
      const headers = pinnedPutHeaders({ size, sha256, overwrite });
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        ContentLength: size,
        ContentType: headers['content-type'],
        ...(overwrite ? {} : { IfNoneMatch: '*' as const }),
        ChecksumAlgorithm: 'SHA256',
        ChecksumSHA256: toBase64(sha256),
      });
      const pinned = new Set(Object.keys(headers));
      const { expiration } = await credentials();
      const seconds = Math.floor(now());
      const url = await getSignedUrl(client, command, {
        expiresIn: expiresInSeconds,
        signingDate: new Date(seconds * 1000),
        // The SDK leaves the type unsigned, and moves x-amz- headers into the query, unless told.
        signableHeaders: new Set(['host', ...pinned]),
        unhoistableHeaders: pinned,
      });
      return { url, headers, expiresAt: urlExpiry(seconds, expiresInSeconds, expiration) };
    },

    async signGet(key, { expiresInSeconds }) {
      const { expiration } = await credentials();
      const seconds = Math.floor(now());
      const url = await getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: key }), {
        expiresIn: expiresInSeconds,
        signingDate: new Date(seconds * 1000),
      });
      return { url, expiresAt: urlExpiry(seconds, expiresInSeconds, expiration) };
    },
  };
}
