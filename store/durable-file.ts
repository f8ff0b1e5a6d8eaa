import { mkdir, open, readdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { inBatches } from './batches.ts';
import { errnoOf } from './errno.ts';
import { disown, ownName } from './own-name.ts';

/** Files of the store are its owner's alone. */
export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

/**
 * Writes a new file with a name of its own into `folder`, on disk when this returns. Whoever has
 * made something of it calls {@link discard}.
 */
export async function stageFile(folder: string, body: Uint8Array): Promise<string> {
  const path = join(folder, await ownName('staged'));
  try {
    const file = await open(path, 'wx', FILE_MODE);
    try {
      await file.writeFile(body);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await discard(path);
    throw error;
  }
  return path;
}

/**
 * Removes a file with a name of its own, if it is still there. Never fails: what cannot be removed
 * counts for nothing from now on, and is swept when a store is opened.
 */
export async function discard(path: string): Promise<void> {
  disown(basename(path));
  await unlink(path).catch(() => undefined);
}

/** Makes the names in a folder last: a link, a rename or an unlink there is on disk after this. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes a folder below `root`, and what lies between, durably. Never makes `root` itself. */
export async function makeFolder(root: string, folder: string): Promise<void> {
  if (folder === root) return;
  const parent = dirname(folder);
  await makeFolder(root, parent);
  try {
    await mkdir(folder, { mode: FOLDER_MODE });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  // Also where it was there: another process may have made it and not synced it yet.
  await syncFolder(parent);
}

/** Syncs a folder and all folders below it. */
export async function syncTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory());
  await inBatches(folders, ({ name }) => syncTree(join(folder, name)));
  await syncFolder(folder);
}
