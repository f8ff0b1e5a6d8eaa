import { policyStatements } from '../protocol/iam.ts';
import type { Credential } from '../protocol/permissions.ts';

/** The session policy of one credential on a bucket of a MinIO: JSON, under 2,048 characters. */
export function sessionPolicy(credential: Credential, bucket: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: policyStatements(credential, `arn:aws:s3:::${bucket}`),
  });
}
