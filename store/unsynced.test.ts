import { mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { syncFolder } from '../files/write.ts';
import { createUnsynced } from './unsynced.ts';

let folder: string;
let synced: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-unsynced-'));
  synced = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const recorded = async (path: string): Promise<void> => {
  await syncFolder(path);
  synced.push(path);
};

describe('what is not synced yet', () => {
  it('is synced by whoever answers from it, once', async () => {
    const unsynced = createUnsynced(recorded);
    await unsynced.change(join(folder, 'a'), () => Promise.resolve());
    await unsynced.settle(join(folder, 'b'));
    await unsynced.settle(join(folder, 'a'));
    expect(synced).toEqual([folder]);
  });

  it('is not what a change does after the sync of another had begun', async () => {
    const unsynced = createUnsynced(recorded);
    let finish!: () => void;
    const change = unsynced.change(
      join(folder, 'a'),
      () => new Promise<void>((resolve) => (finish = resolve)),
    );
    await unsynced.settle(join(folder, 'b'));
    finish();
    await change;
    synced = [];
    await unsynced.settle(join(folder, 'a'));
    expect(synced).toEqual([folder]);
  });

  it('is, of a folder that was removed, that it is gone', async () => {
    const unsynced = createUnsynced(recorded);
    const inner = await mkdtemp(join(folder, 'node-'));
    await unsynced.change(join(inner, 'a'), () => rmdir(inner));
    await unsynced.settle(join(inner, 'a'));
    expect(synced).toEqual([folder]);
  });

  it('is nothing where a change failed', async () => {
    const unsynced = createUnsynced(recorded);
    const failing = unsynced.change(join(folder, 'a'), () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    await unsynced.settle(join(folder, 'a'));
    expect(synced).toEqual([]);
  });
});
