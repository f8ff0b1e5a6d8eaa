import type { Credential } from '../../protocol/permissions.ts';
import type { ObjectStore, UrlSigner } from '../../store/port.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import type { S3Credentials, S3Options } from '../../store/s3-options.ts';
import { createS3Store } from '../../store/s3.ts';
import { createSdkSigner } from './sdk-signer.ts';

/** Where a bucket is, and who may do what in it. */
export interface BucketPlace {
  readonly name: string;
  readonly endpoint: string;
  /** With the rights of the three credentials. */
  readonly credentials: Readonly<Record<Credential, S3Credentials>>;
  /** The root pair: what no server of ours runs on. */
  readonly root: S3Credentials;
}

/** A new, empty bucket, and ways into it. */
export interface TestBucket extends BucketPlace {
  readonly options: (as: Credential | 'root', more?: Partial<S3Options>) => S3Options;
  readonly store: (as: Credential | 'root', more?: Partial<S3Options>) => ObjectStore;
  readonly signer: (as: Credential | 'root', more?: Partial<S3Options>) => UrlSigner;
  readonly sdkSigner: (as: Credential | 'root', more?: Partial<S3Options>) => UrlSigner;
}

export function testBucket(place: BucketPlace): TestBucket {
  const { name, endpoint, credentials, root } = place;
  const options: TestBucket['options'] = (as, more = {}) => ({
    ...{ bucket: name, region: 'us-east-1', endpoint },
    credentials: as === 'root' ? root : credentials[as],
    ...more,
  });
  return {
    ...{ ...place, options },
    store: (as, more) => createS3Store(options(as, more)),
    signer: (as, more) => createS3Signer(options(as, more)),
    sdkSigner: (as, more) => createSdkSigner(options(as, more)),
  };
}
