import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { ensureBucket } from '../../local-minio/bucket.ts';
import { takeCredentials } from '../../local-minio/credentials.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { testBucket } from './s3-bucket.ts';
import type { TestBucket } from './s3-bucket.ts';

/** The MinIO of this run. Only inside `describeWith('minio', ...)` or `itWith`. */
export function runningMinio(): { endpoint: string; rootUser: string; rootPassword: string } {
  const minio = inject('minio');
  if ('missing' in minio) throw new Error(`no MinIO: ${minio.missing}`);
  return minio;
}

/**
 * A bucket whose three credentials are sessions, good for 15 minutes.
 * @param policyOf the credentials' policies, instead of those of `protocol/permissions.ts`
 */
export async function freshBucket(
  policyOf?: (credential: Credential, bucket: string) => string,
): Promise<TestBucket> {
  const minio = runningMinio();
  const name = `test-${randomBytes(8).toString('hex')}`;
  await ensureBucket(minio, name);
  const credentials = await takeCredentials(minio, name, 900, policyOf);
  const root = { accessKeyId: minio.rootUser, secretAccessKey: minio.rootPassword };
  return testBucket({ name, endpoint: minio.endpoint, credentials, root });
}
