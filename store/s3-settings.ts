import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import type { LifecycleRule, PublicAccessBlockConfiguration } from '@aws-sdk/client-s3';
import { describeFailure } from './s3-errors.ts';
import type { S3Options } from './s3-options.ts';
import { createS3Client } from './s3.ts';

export type { LifecycleRule, PublicAccessBlockConfiguration } from '@aws-sdk/client-s3';

/**
 * What is set of a bucket, as its server says; undefined where nothing is. Each throws where that is not known: the
 * credential may not, the server has no such thing, or the answer is of something else.
 */
export interface S3Settings {
  readonly bucket: string;
  /** `Enabled` or `Suspended` */
  readonly versioning: () => Promise<string | undefined>;
  readonly publicAccess: () => Promise<PublicAccessBlockConfiguration | undefined>;
  readonly lifecycle: () => Promise<readonly LifecycleRule[] | undefined>;
  /** The text of the bucket's policy */
  readonly policy: () => Promise<string | undefined>;
}

/** Reads a bucket's settings. For `doctor` on a machine: no function has this in its bundle. */
export function createS3Settings(options: S3Options): S3Settings {
  const { bucket, endpoint } = options;
  const client = createS3Client(options, endpoint, { maxAttempts: 3 });
  const input = { Bucket: bucket };
  return {
    bucket,
    versioning: async () => (await client.send(new GetBucketVersioningCommand(input))).Status,
    publicAccess: () =>
      unless('NoSuchPublicAccessBlockConfiguration', async () => {
        const answer = await client.send(new GetPublicAccessBlockCommand(input));
        const block = answer.PublicAccessBlockConfiguration;
        // S3 says all four, also of those that are off.
        return whole(block?.BlockPublicAcls === undefined ? undefined : block);
      }),
    lifecycle: () =>
      unless('NoSuchLifecycleConfiguration', async () => {
        const answer = await client.send(new GetBucketLifecycleConfigurationCommand(input));
        return whole(answer.Rules);
      }),
    policy: () =>
      unless('NoSuchBucketPolicy', async () => {
        const answer = await client.send(new GetBucketPolicyCommand(input));
        return whole(answer.Policy);
      }),
  };
}

/** What is asked, or undefined where the answer is the code by which S3 says that there is none. */
async function unless<T>(code: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (describeFailure(error).name === code) return undefined;
    throw error;
  }
}

/** A server that knows nothing of a setting may answer with a listing, in which it is not. */
function whole<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the answer does not hold it');
  return part;
}
