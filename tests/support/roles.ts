import { freshBucket } from './minio.ts';
import type { TestBucket } from './s3-bucket.ts';
import { rolePolicies, synthesise } from './template.ts';

let template: ReturnType<typeof synthesise>['template'] | undefined;

/** A bucket on MinIO whose credentials have the policies of the AWS roles, as `cdk synth` writes them. */
export async function bucketWithRoles(): Promise<TestBucket> {
  const synthesised = (template ??= synthesise().template);
  return freshBucket((credential, bucket) =>
    JSON.stringify(rolePolicies(synthesised, credential, bucket)['store']),
  );
}
