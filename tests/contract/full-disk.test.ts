import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ensureBucket, rootClient } from '../../local-minio/bucket.ts';
import { findMinio, findProgram } from '../../local-minio/find.ts';
import { startMinio } from '../../local-minio/start.ts';
import type { RootPair } from '../../local-minio/minio.ts';
import { codeOf } from '../../protocol/errors.ts';
import { approvedKey } from '../../protocol/keys.ts';
import type { ObjectStore } from '../../store/port.ts';
import { createS3Store } from '../../store/s3.ts';
import { itWith } from '../support/components.ts';
import type { Component } from '../support/components.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { startVersitygw } from '../support/versitygw-server.ts';
import { openWebdav } from '../support/webdav.ts';
import { node } from './store-contract.ts';

const BUCKET = 'small';
const LIMIT = { maxBytes: 1024 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => codeOf(error),
  );

interface Started {
  readonly store: ObjectStore;
  stop(): Promise<void>;
}

/** Starts a server of our own on a folder, with a store; undefined if it is somebody else's. */
const SERVERS: Record<
  'minio' | 'versitygw' | 'apache',
  (folder: string) => Promise<Started | undefined>
> = {
  async minio(folder) {
    const found = await findMinio();
    if (found?.kind !== 'binary') return undefined;
    const minio = await startMinio(found, folder);
    await ensureBucket(minio, BUCKET);
    return { store: s3StoreOf(minio), stop: () => minio.stop() };
  },
  async versitygw(folder) {
    const started = await startVersitygw((await findProgram('versitygw'))!, folder);
    await rootClient(started).makeBucket(BUCKET);
    return { store: s3StoreOf(started), stop: () => started.process.stop() };
  },
  async apache(folder) {
    chmodSync(folder, 0o755);
    const { direct, stop } = await openWebdav(join(folder, 'files'));
    return { store: direct, stop };
  },
};

const s3StoreOf = ({
  endpoint,
  rootUser,
  rootPassword,
}: RootPair & { readonly endpoint: string }): ObjectStore =>
  createS3Store({
    ...{ bucket: BUCKET, region: 'us-east-1', endpoint },
    credentials: { accessKeyId: rootUser, secretAccessKey: rootPassword },
  });

describe('a server of objects whose disk is full', () => {
  for (const [name, start] of Object.entries(SERVERS)) {
    itWith(
      name as Component,
      `says store_full, and keeps what it has: ${name}`,
      async (context) => {
        const disk = mountSmallDisk('64m');
        if ('missing' in disk) return context.skip(disk.missing);
        const server = await start(disk.path);
        try {
          if (server === undefined) return context.skip('the MinIO is not our own');
          await fill(server.store);
        } finally {
          await server?.stop();
          disk.unmount();
        }
      },
    );
  }
});

async function fill(store: ObjectStore): Promise<void> {
  const key = approvedKey(node(1));
  const { etag } = await store.create(key, bytes('x'));
  const large = new Uint8Array(8 * 1024 * 1024);
  let said = 'done';
  for (let i = 2; i < 20 && said === 'done'; i++) {
    said = await answered(() => store.create(approvedKey(node(i)), large));
    // Its answer was lost, and the object was there when it was asked again.
    if (said === 'already_exists') said = 'done';
  }
  expect(said).toBe('store_full');
  const replaced = await answered(async () => {
    expect((await store.get(key, LIMIT))!.body).toEqual(bytes('x'));
    await store.replace(key, large, etag);
  });
  expect(replaced).toBe('store_full');
  expect((await store.get(key, LIMIT))!.body).toEqual(bytes('x'));
}

/**
 * It may hang up before it read such a body, and its answer is lost, or say that it is too busy: nothing is
 * lost, either way.
 */
async function answered(act: () => Promise<unknown>): Promise<string> {
  let said = 'store_unknown';
  for (let tries = 0; /^store_un/.test(said) && tries < 10; tries++) said = await outcome(act());
  return said;
}
