import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { guardStore } from '../../store/guard.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { approvalContract } from './approval-contract.ts';

describe('approval on the memory store', () => {
  approvalContract(async () => {
    const bucket = createMemoryStore();
    return { bucket, store: guardStore(bucket, 'admin') };
  });
});

describe('approval on the filesystem store', () => {
  const folders: string[] = [];
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });
  approvalContract(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'coatcheck-approval-'));
    folders.push(folder);
    const bucket = await openFilesystemStore(folder, { create: true });
    return { bucket, store: guardStore(bucket, 'admin') };
  });
});
