import { inject } from 'vitest';
import type { Credential } from '../../protocol/permissions.ts';
import { makeMinioBucket } from './minio-bucket.ts';
import type { MinioServer } from './minio-bucket.ts';
import type { TestBucket } from './s3-bucket.ts';

/** The MinIO of this run. Only inside `describeWith('minio', ...)` or `itWith`. */
export function runningMinio(): MinioServer {
  const minio = inject('minio');
  if ('missing' in minio) throw new Error(`no MinIO: ${minio.missing}`);
  return minio;
}

/** {@link makeMinioBucket} on the MinIO of this run. */
export const freshBucket = (
  policyOf?: (credential: Credential, bucket: string) => string,
): Promise<TestBucket> => makeMinioBucket(runningMinio(), policyOf);
