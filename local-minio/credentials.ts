import { setTimeout as sleep } from 'node:timers/promises';
import { AssumeRoleProvider } from 'minio/dist/esm/AssumeRoleProvider.mjs';
import { fail } from '../protocol/errors.ts';
import { CREDENTIALS } from '../protocol/permissions.ts';
import type { Credential } from '../protocol/permissions.ts';
import type { S3Credentials } from '../store/s3-options.ts';
import { sessionPolicy } from './policy.ts';
import type { Minio } from './minio.ts';

type Session = Required<S3Credentials>;

/** A MinIO that has just started answers everything else before it gives sessions. */
const STARTING = 'Server not initialized';
const START_MILLISECONDS = 60_000;

/**
 * Session keys that may do what the policy says, and nothing else, although the root pair asks.
 * @param policy JSON, under 2,048 characters
 * @throws store_denied with the server's own words if it refuses
 */
async function assumeRole(
  minio: Omit<Minio, 'stop'>,
  policy: string,
  durationSeconds: number,
): Promise<Session> {
  const provider = new AssumeRoleProvider({
    stsEndpoint: minio.endpoint,
    accessKey: minio.rootUser,
    secretKey: minio.rootPassword,
    region: 'us-east-1',
    durationSeconds,
    policy,
  });
  let answer = await provider.performRequest();
  const deadline = performance.now() + START_MILLISECONDS;
  while (answer.ErrorResponse?.Error?.Message?.startsWith(STARTING)) {
    if (performance.now() > deadline) break;
    await sleep(100);
    answer = await provider.performRequest();
  }
  if (answer.ErrorResponse) {
    const { Code, Message } = answer.ErrorResponse.Error ?? {};
    throw fail('store_denied', `MinIO gives no session: ${Code ?? '?'}: ${Message ?? '?'}`);
  }
  const given = answer.AssumeRoleResponse.AssumeRoleResult.Credentials;
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    sessionToken: given.SessionToken,
    expiration: new Date(given.Expiration),
  };
}

/**
 * The three credentials of a bucket, each a session with its own policy.
 * @param policyOf another source of the policies than `protocol/permissions.ts`
 */
export async function takeCredentials(
  minio: Omit<Minio, 'stop'>,
  bucket: string,
  durationSeconds: number,
  policyOf = sessionPolicy,
): Promise<Record<Credential, Session>> {
  const sessions = await Promise.all(
    CREDENTIALS.map(async (credential) => {
      const policy = policyOf(credential, bucket);
      return [credential, await assumeRole(minio, policy, durationSeconds)] as const;
    }),
  );
  return Object.fromEntries(sessions) as Record<Credential, Session>;
}
