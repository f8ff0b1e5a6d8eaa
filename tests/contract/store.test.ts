import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { createFilesystemStore, openFilesystemStore } from '../../store/filesystem.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { freshR2 } from '../support/cloudflare/workers.ts';
import { describeWith } from '../support/components.ts';
import { freshBucket } from '../support/minio.ts';
import { freshVersitygwBucket } from '../support/versitygw.ts';
import { storeContract } from './store-contract.ts';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

storeContract(
  'memory',
  async () => {
    const store = createMemoryStore();
    return { store, second: store };
  },
  { noBucket: true },
);

storeContract('filesystem', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'coatcheck-store-'));
  folders.push(dir);
  return {
    store: await openFilesystemStore(dir, { create: true }),
    second: await openFilesystemStore(dir),
    withoutBucket: createFilesystemStore(join(dir, 'missing')),
  };
});

describeWith('minio', 'on a real MinIO', () => {
  storeContract(
    'S3',
    async () => {
      const bucket = await freshBucket();
      return {
        store: bucket.store('root'),
        second: bucket.store('root'),
        withoutBucket: bucket.store('root', { bucket: `${bucket.name}-missing` }),
      };
    },
    { nestedKeys: 'hidden' },
  );
});

describeWith('versitygw', 'on a real versitygw', () => {
  storeContract(
    'S3',
    async () => {
      const bucket = await freshVersitygwBucket();
      return {
        store: bucket.store('root'),
        second: bucket.store('root'),
        withoutBucket: bucket.store('root', { bucket: `${bucket.name}-missing` }),
      };
    },
    { nestedKeys: 'refused' },
  );
});

describeWith('wrangler', 'on R2 in the runtime of Cloudflare', () => {
  const r2 = freshR2();
  afterAll(async () => (await r2).close());

  storeContract(
    'R2, as a Worker is bound to it',
    async () => {
      const { store } = await r2;
      return { store, second: store };
    },
    { noBucket: true },
  );
});
