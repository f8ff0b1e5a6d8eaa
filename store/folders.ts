import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../files/errors.ts';
import { syncFolder } from '../files/write.ts';
import { inBatches } from './batches.ts';

/** Folders of the store are its owner's alone. */
export const FOLDER_MODE = 0o700;

/** Makes a folder below `root`, and what lies between, durably. Never makes `root` itself. */
export async function makeFolderBelow(root: string, folder: string): Promise<void> {
  if (folder === root) return;
  const parent = dirname(folder);
  await makeFolderBelow(root, parent);
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
