import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from './errno.ts';

/** Files of the store are its owner's alone. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Writes a new file with an unused name into `folder`, on disk when this returns. */
export async function stageFile(folder: string, body: Uint8Array): Promise<string> {
  const path = join(folder, randomUUID());
  const file = await open(path, 'wx', FILE_MODE);
  try {
    await file.writeFile(body);
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
  await file.close();
  return path;
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

/** Removes files of `folder` that `select` names and nobody has touched for an hour. */
export async function sweep(folder: string, select: (name: string) => boolean): Promise<void> {
  const hourAgo = Date.now() - 3_600_000;
  for (const name of (await readdir(folder)).filter(select)) {
    const path = join(folder, name);
    const modified = await stat(path).then(
      (stats) => stats.mtimeMs,
      () => Infinity, // gone: its writer was quicker
    );
    if (modified < hourAgo) await rm(path, { force: true });
  }
}
