import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { rootClient } from '../../local-minio/bucket.ts';
import { freePort, spawnServer } from '../../local-minio/server-process.ts';
import type { ServerProcess } from '../../local-minio/server-process.ts';
import { randomRootPair } from '../../local-minio/start.ts';
import type { RootPair } from '../../local-minio/minio.ts';
import { policyStatements } from '../../protocol/iam.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import type { S3Credentials } from '../../store/s3-options.ts';
import { WAIT_MILLISECONDS } from './limits.ts';
import { testBucket } from './s3-bucket.ts';
import type { TestBucket } from './s3-bucket.ts';

/** How to reach a versitygw, and its users. */
export interface Versitygw extends RootPair {
  readonly endpoint: string;
  /** Users of the role `user`: each may do what a bucket's policy says, and nothing else. */
  readonly users: Readonly<Record<Credential, S3Credentials>>;
}

/**
 * Starts a versitygw on a free port of the loopback interface, with one user per credential.
 * @param folder gets `data/`, whose folders are the buckets, and `iam/`
 * @param known what ran on the folder before: its users are there
 */
export async function startVersitygw(
  program: string,
  folder: string,
  known?: Omit<Versitygw, 'endpoint'>,
): Promise<Versitygw & { process: ServerProcess }> {
  for (const name of ['data', 'iam']) await mkdir(join(folder, name), { recursive: true });
  const { rootUser, rootPassword } = known ?? randomRootPair();
  const root = { rootUser, rootPassword };
  const address = `127.0.0.1:${await freePort()}`;
  const process = spawnServer(
    program,
    [...['--port', address, '--iam-dir', join(folder, 'iam')], ...['posix', join(folder, 'data')]],
    { ROOT_ACCESS_KEY: root.rootUser, ROOT_SECRET_KEY: root.rootPassword },
  );
  const endpoint = `http://${address}`;
  try {
    await waitUntilReady({ endpoint, ...root }, process);
    const users = known?.users ?? (await addUsers(program, { endpoint, ...root }));
    return { endpoint, ...root, users, process };
  } catch (error) {
    await process.stop();
    throw error;
  }
}

async function waitUntilReady(
  server: { endpoint: string } & RootPair,
  process: ServerProcess,
): Promise<void> {
  const deadline = Date.now() + WAIT_MILLISECONDS;
  for (;;) {
    try {
      await rootClient(server).listBuckets();
      return;
    } catch (cause) {
      if (process.hasEnded() || Date.now() > deadline) {
        throw new Error(`versitygw did not start: ${process.said()}`, { cause });
      }
    }
    await sleep(50);
  }
}

/** A user for each credential, made as an operator would. */
async function addUsers(
  program: string,
  { endpoint, rootUser, rootPassword }: { endpoint: string } & RootPair,
): Promise<Record<Credential, S3Credentials>> {
  const users: [Credential, S3Credentials][] = [];
  for (const credential of CREDENTIALS) {
    const keys = {
      accessKeyId: `coatcheck-${credential}`,
      secretAccessKey: randomBytes(24).toString('base64url'),
    };
    await promisify(execFile)(
      program,
      [
        ...['admin', '--endpoint-url', endpoint, 'create-user', '--role', 'user'],
        ...['--access', keys.accessKeyId, '--secret', keys.secretAccessKey],
      ],
      { env: { ADMIN_ACCESS_KEY: rootUser, ADMIN_SECRET_KEY: rootPassword } },
    );
    users.push([credential, keys]);
  }
  return Object.fromEntries(users) as Record<Credential, S3Credentials>;
}

/** The policy of a bucket: to each user what `protocol/permissions.ts` says, and nothing to others. */
export function bucketPolicy(users: Versitygw['users'], bucket: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: CREDENTIALS.flatMap((credential) =>
      policyStatements(credential, `arn:aws:s3:::${bucket}`).map((statement) => ({
        ...statement,
        Principal: { AWS: [users[credential].accessKeyId] },
      })),
    ),
  });
}

/** Makes a bucket in which each of the three users has its rights. */
export async function makeBucket(server: Versitygw, name: string): Promise<TestBucket> {
  const client = rootClient(server);
  await client.makeBucket(name);
  await client.setBucketPolicy(name, bucketPolicy(server.users, name));
  const root = { accessKeyId: server.rootUser, secretAccessKey: server.rootPassword };
  return testBucket({ name, endpoint: server.endpoint, credentials: server.users, root });
}
