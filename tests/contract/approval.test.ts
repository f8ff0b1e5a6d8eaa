import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { utf8 } from '../../bundle/bytes.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { guardStore } from '../../store/guard.ts';
import { createLocalHandler, createLocalSigner } from '../../store/local-urls.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { ObjectStore } from '../../store/port.ts';
import { approvalContract } from './approval-contract.ts';
import type { StoreUnderTest } from './approval-contract.ts';

/** A store without credentials, as the three of them see it, and with URLs. */
function withUrls(bucket: ObjectStore): StoreUnderTest {
  const [download, upload, admin] = ['download', 'upload', 'admin'].map((name) =>
    utf8(`the ${name} secret of a contract test`),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  const handle = createLocalHandler({ store: bucket, secrets: { download, upload, admin } });
  const baseUrl = 'http://store.example';
  return {
    ...{ bucket, store: guardStore(bucket, 'admin') },
    uploads: {
      signer: createLocalSigner({ baseUrl, credential: 'upload', secret: upload }),
      fetch: async (url, init) => {
        const headers = new Headers(init?.headers);
        headers.set('content-length', String((init?.body as Uint8Array).length));
        return handle(new Request(url, { ...init, headers }));
      },
    },
  };
}

describe('approval on the memory store', () => {
  approvalContract(async () => {
    return withUrls(createMemoryStore());
  });
});

// The rules are the same ones as in memory; what a folder adds to them is crashes and races.
describe('approval on the filesystem store', { tags: 'long' }, () => {
  const folders: string[] = [];
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });
  approvalContract(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'coatcheck-approval-'));
    folders.push(folder);
    const bucket = await openFilesystemStore(folder, { create: true });
    return withUrls(bucket);
  });
});
