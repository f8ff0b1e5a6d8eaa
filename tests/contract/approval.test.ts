import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { freshR2 } from '../support/cloudflare/workers.ts';
import { describeWith } from '../support/components.ts';
import { approvalContract } from './approval-contract.ts';
import { withUrls } from './with-urls.ts';

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

describeWith('wrangler', 'approval on R2 in the runtime of Cloudflare', () => {
  const r2 = freshR2();
  afterAll(async () => (await r2).close());
  approvalContract(async () => withUrls((await r2).store), { searches: false });
});
