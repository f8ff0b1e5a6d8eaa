import { mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { later } from '../files/calls.ts';
import { ANCHOR, makeAnchor } from '../files/lock.ts';
import { discard } from '../files/own-file.ts';
import { ownerOf } from '../files/own-name.ts';
import type { OwnerState } from '../files/own-name.ts';
import { syncFolder, syncingIfReadable } from '../files/write.ts';
import { requireObjects } from './filesystem-errors.ts';
import type { StoreFolders } from './filesystem-paths.ts';
import { FOLDER_MODE, syncTree } from './folders.ts';

/**
 * Makes the folders of the store in `dir` that are missing, on disk when this returns.
 * @throws no_such_bucket if there is no store and it is not to be made
 */
export async function makeStore(dir: string, folders: StoreFolders, make: boolean): Promise<void> {
  const { objects, staging, locks } = folders;
  const options = { recursive: true, mode: FOLDER_MODE };
  if (make) await mkdir(objects, options);
  await requireObjects(objects);
  await mkdir(staging, options);
  // Made last: while it is missing, a process may have died before the folders above were synced.
  if (make && !(await readdir(dir)).includes('locks')) await syncUpwards(dirname(dir));
  await mkdir(locks, options);
  await syncFolder(dir);
  // On a disk that is full or read-only: for reading it is not needed.
  await makeAnchor(locks).catch(() => undefined);
}

/** Syncs what processes that died may have changed and not synced, then removes what they left. */
export async function recover({ objects, staging, locks }: StoreFolders): Promise<void> {
  const left = [...(await leftIn(staging)), ...(await leftIn(locks))];
  // What there is after a start of the machine is on disk.
  if (left.some(({ owner }) => owner !== 'rebooted')) await syncTree(objects);
  const hourAgo = Date.now() - 3_600_000;
  for (const { path, owner } of left) {
    // Of another machine or container: a lock may be held, but nobody writes for an hour.
    const isStale = dirname(path) === staging && (await lastChange(path)) < hourAgo;
    if (owner !== 'unknown' || isStale) await discard(path);
  }
}

async function leftIn(folder: string): Promise<{ path: string; owner: OwnerState }[]> {
  const left = [];
  for (const name of await readdir(folder)) {
    const owner = ownerOf(name);
    if (owner !== 'alive' && name !== ANCHOR) left.push({ path: join(folder, name), owner });
  }
  return left;
}

/** Unix milliseconds; of a file that is gone, never. */
async function lastChange(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => Infinity,
  );
}

async function syncUpwards(folder: string): Promise<void> {
  await later(syncingIfReadable(folder));
  if (dirname(folder) !== folder) await syncUpwards(dirname(folder));
}
