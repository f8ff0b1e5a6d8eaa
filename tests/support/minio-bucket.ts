import { randomBytes } from 'node:crypto';
import { ensureBucket } from '../../local-minio/bucket.ts';
import { takeCredentials } from '../../local-minio/credentials.ts';
import type { Minio } from '../../local-minio/minio.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { testBucket } from './s3-bucket.ts';
import type { TestBucket } from './s3-bucket.ts';

export type MinioServer = Pick<Minio, 'endpoint' | 'rootUser' | 'rootPassword'>;

/**
 * A bucket whose three credentials are sessions, good for longer than any test may take.
 * @param policyOf the credentials' policies, instead of those of `protocol/permissions.ts`
 */
export async function makeMinioBucket(
  minio: MinioServer,
  policyOf?: (credential: Credential, bucket: string) => string,
): Promise<TestBucket> {
  const name = `test-${randomBytes(8).toString('hex')}`;
  await ensureBucket(minio, name);
  const credentials = await takeCredentials(minio, name, 24 * 3600, policyOf);
  const root = { accessKeyId: minio.rootUser, secretAccessKey: minio.rootPassword };
  return testBucket({ name, endpoint: minio.endpoint, credentials, root });
}
