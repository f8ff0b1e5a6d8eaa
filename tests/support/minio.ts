import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { ensureBucket } from '../../local-minio/bucket.ts';
import { takeCredentials } from '../../local-minio/credentials.ts';
import type { Credential } from '../../protocol/permissions.ts';
import type { ObjectStore, UrlSigner } from '../../store/port.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import type { S3Credentials, S3Options } from '../../store/s3-options.ts';
import { createS3Store } from '../../store/s3.ts';

/** The MinIO of this run. Only inside `describeWith('minio', ...)` or `itWith`. */
export function runningMinio(): { endpoint: string; rootUser: string; rootPassword: string } {
  const minio = inject('minio');
  if ('missing' in minio) throw new Error(`no MinIO: ${minio.missing}`);
  return minio;
}

/** A new, empty bucket, and ways into it. */
export interface TestBucket {
  readonly name: string;
  readonly endpoint: string;
  /** Sessions with the policies of the three credentials, good for 15 minutes. */
  readonly credentials: Readonly<Record<Credential, S3Credentials>>;
  /** The root pair: what no server of ours runs on. */
  readonly root: S3Credentials;
  readonly options: (as: Credential | 'root', more?: Partial<S3Options>) => S3Options;
  readonly store: (as: Credential | 'root', more?: Partial<S3Options>) => ObjectStore & UrlSigner;
  readonly signer: (as: Credential | 'root', more?: Partial<S3Options>) => UrlSigner;
}

/** @param policyOf the credentials' policies, instead of those of `protocol/permissions.ts` */
export async function freshBucket(
  policyOf?: (credential: Credential, bucket: string) => string,
): Promise<TestBucket> {
  const minio = runningMinio();
  const name = `test-${randomBytes(8).toString('hex')}`;
  await ensureBucket(minio, name);
  const credentials = await takeCredentials(minio, name, 900, policyOf);
  const root = { accessKeyId: minio.rootUser, secretAccessKey: minio.rootPassword };
  const options: TestBucket['options'] = (as, more = {}) => ({
    bucket: name,
    region: 'us-east-1',
    endpoint: minio.endpoint,
    credentials: as === 'root' ? root : credentials[as],
    ...more,
  });
  return {
    name,
    endpoint: minio.endpoint,
    credentials,
    root,
    options,
    store: (as, more) => createS3Store(options(as, more)),
    signer: (as, more) => createS3Signer(options(as, more)),
  };
}
