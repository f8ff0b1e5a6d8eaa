import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { historyKey, parseNodeId } from '../../protocol/keys.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import type { ObjectStore } from '../../store/port.ts';
import { mountSmallDisk, mountSmallExt4 } from '../support/small-disk.ts';
import type { SmallDisk } from '../support/small-disk.ts';
import { leaveStaged, leftovers } from './life.ts';

const ID = parseNodeId('a'.repeat(32));
const LIMIT = { maxBytes: 1024 };
const body = new Uint8Array(100).fill(7);
/** More than there is room for locks on a full disk, so that some wait for others. */
const OBJECTS = 30;

/** Writes into `folder` until nothing more fits. */
const FILLS: Readonly<Record<string, (folder: string) => void>> = {
  'without a byte left': (folder) => {
    const file = fs.openSync(join(folder, 'bytes'), 'w');
    for (const size of [4096, 1]) {
      untilFull(() => {
        fs.writeSync(file, new Uint8Array(size));
      });
    }
    fs.closeSync(file);
  },
  'without an inode left': (folder) => {
    let count = 0;
    untilFull(() => fs.writeFileSync(join(folder, `file-${++count}`), ''));
  },
};

function untilFull(write: () => void): void {
  expect(() => {
    for (;;) write();
  }).toThrow(/ENOSPC/);
}

/** On a tmpfs a name takes an inode, and so a lock does. */
const CASES = [
  ['a tmpfs', mountSmallDisk('1m'), 'without a byte left'],
  ['an ext4', mountSmallExt4(96), 'without a byte left'],
  ['an ext4', mountSmallExt4(96), 'without an inode left'],
] as const;

describe.each(CASES)('a filesystem store on %s', (_, disk, state) => {
  if ('missing' in disk) {
    it(state, (context) => context.skip(disk.missing));
  } else {
    it(state, () => fullDisk(disk, FILLS[state]!));
    it('that is read-only', () => readOnly(disk));
    afterEach(() => {
      disk.remount('rw');
      for (const name of ['store', 'filler']) {
        fs.rmSync(join(disk.path, name), { recursive: true, force: true });
      }
    });
    afterAll(() => disk.unmount());
  }
});

async function fullDisk(disk: SmallDisk, fill: (folder: string) => void): Promise<void> {
  const folder = join(disk.path, 'store');
  const running = await openFilesystemStore(folder, { create: true });
  for (let slot = 1; slot <= OBJECTS; slot++) await running.create(historyKey(ID, slot), body);
  fs.mkdirSync(join(disk.path, 'filler'));
  fill(join(disk.path, 'filler'));

  // One that was there before, and one that starts now.
  const started = await openFilesystemStore(folder);
  for (const store of [running, started]) {
    const { etag } = (await store.get(historyKey(ID, 1), LIMIT))!;
    const full = { code: 'store_full', message: expect.stringMatching('make room') as string };
    await expect(store.create(historyKey(ID, 99), body)).rejects.toMatchObject(full);
    await expect(store.replace(historyKey(ID, 1), body, etag)).rejects.toMatchObject(full);
    await expectHolds(store, OBJECTS);
  }
  await Promise.all(
    Array.from({ length: OBJECTS }, (_, i) =>
      [running, started][i % 2]!.delete(historyKey(ID, i + 1)),
    ),
  );
  expect(await running.list('')).toEqual({ objects: [] });
  // What was deleted is room.
  await started.create(historyKey(ID, 99), body);
  expect(leftovers(folder)).toEqual([]);
}

async function readOnly(disk: SmallDisk): Promise<void> {
  const folder = join(disk.path, 'store');
  const running = await openFilesystemStore(folder, { create: true });
  const { etag } = await running.create(historyKey(ID, 1), body);
  await leaveStaged(folder);
  disk.remount('ro');
  const started = await openFilesystemStore(folder, { create: true });
  for (const store of [running, started]) {
    const denied = { code: 'store_denied', message: expect.stringMatching('read-only') as string };
    await expect(store.create(historyKey(ID, 2), body)).rejects.toMatchObject(denied);
    await expect(store.replace(historyKey(ID, 1), body, etag)).rejects.toMatchObject(denied);
    await expect(store.delete(historyKey(ID, 1))).rejects.toMatchObject(denied);
    await expectHolds(store, 1);
  }
  disk.remount('rw');
  for (const store of [running, started]) await store.replace(historyKey(ID, 1), body, etag);
  await openFilesystemStore(folder);
  expect(leftovers(folder)).toEqual([]);
}

async function expectHolds(store: ObjectStore, count: number): Promise<void> {
  const { objects } = await store.list('');
  expect(objects.map(({ key }) => key)).toEqual(
    Array.from({ length: count }, (_, i) => historyKey(ID, i + 1)),
  );
  for (const { key } of objects) expect((await store.get(key, LIMIT))!.body).toEqual(body);
}
