import fs from 'node:fs';
import type * as Promises from 'node:fs/promises';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { ANCHOR, withLock } from '../files/lock.ts';
import { approvedKey, parseNodeId } from '../protocol/keys.ts';
import { createFilesystemStore, openFilesystemStore } from './filesystem.ts';
import type { ObjectStore } from './port.ts';

/** As NFS does a call whose answer was lost: the second time, and that is what is answered. */
vi.mock(import('node:fs/promises'), async (original) => {
  const real = (await original()) as typeof Promises;
  const twice =
    (act: (from: string, to: string) => Promise<void>) =>
    async (from: string, to: string): Promise<void> => {
      if (to.includes('/objects/') || to.includes('/locks/')) await act(from, to);
      await act(from, to);
    };
  return { ...real, link: twice(real.link), rename: twice(real.rename) } as typeof real;
});

const KEY = approvedKey(parseNodeId('a'.repeat(32)));
const LIMIT = { maxBytes: 1024 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
let dir: string;
let store: ObjectStore;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coatcheck-twice-'));
  store = await openFilesystemStore(dir, { create: true });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it('knows its own object by the inode, where a link is asked for twice', async () => {
  expect(await store.create(KEY, bytes('ours'))).toHaveProperty('etag');
  // Another's of the same bytes is no less another's.
  await expect(createFilesystemStore(dir).create(KEY, bytes('ours'))).rejects.toMatchObject({
    code: 'already_exists',
  });
  expect((await store.get(KEY, LIMIT))?.body).toEqual(bytes('ours'));
});

it('knows what it has replaced by the bytes, where a rename is asked for twice', async () => {
  const { etag } = await store.create(KEY, bytes('one'));
  const replaced = await store.replace(KEY, bytes('two'), etag);
  expect(await store.head(KEY)).toMatchObject(replaced);
  await expect(store.replace(KEY, bytes('three'), etag)).rejects.toMatchObject({
    code: 'precondition_failed',
  });
  expect(await readdir(join(dir, 'staging'))).toEqual([]);
});

it('has a lock that is asked for twice', async () => {
  const { link } = fs;
  onTestFinished(() => {
    fs.link = link;
    syncBuiltinESMExports();
  });
  const twice = (from: string, to: string, done: fs.NoParamCallback): void => {
    link(from, to, () => link(from, to, done));
  };
  fs.link = twice as typeof link;
  syncBuiltinESMExports();
  const place = { folder: join(dir, 'locks'), label: 'one', anchored: true };
  const held = await withLock(place, () => readdir(place.folder));
  expect(held.filter((name) => name.startsWith('one.'))).toHaveLength(1);
  expect(await readdir(place.folder)).toEqual([ANCHOR]);
});
