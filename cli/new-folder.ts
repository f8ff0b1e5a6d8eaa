import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileEntry } from '../bundle/index.ts';
import { fileError } from '../files/errors.ts';
import { notFinished } from '../files/unfinished.ts';
import { createFile, makeFolder, syncFolder } from '../files/write.ts';
import { fail, hasCode } from '../protocol/errors.ts';

/**
 * All the files or none: they are written beside the folder, which then takes its place. Others have no rights to them.
 * @param folder its whole path, which {@link demandOwnEmpty} has taken
 * @param files of paths that the format takes
 * @throws what writing does
 */
export async function writeWhole(
  folder: string,
  files: readonly Pick<FileEntry, 'path' | 'mode' | 'content'>[],
): Promise<void> {
  await makeFolder(dirname(folder));
  let staging: string | undefined;
  try {
    // Only its owner may enter it, so no part of it can become a link meanwhile.
    staging = await mkdtemp(`${folder}.`);
    const done = notFinished(staging);
    for (const { path, mode, content } of files) {
      // Checked by the format: relative, no empty, `.` or `..` part.
      const target = join(staging, path);
      await makeFolder(dirname(target));
      await createFile(target, content, mode & 0o700);
    }
    await rename(staging, folder);
    done();
    staging = undefined;
    await syncFolder(dirname(folder));
  } catch (error) {
    if (staging !== undefined) await rm(staging, { recursive: true, force: true });
    throw fileError(error, folder);
  }
}

/**
 * That a folder is missing, or empty.
 * @throws file_exists if anything is in it; file_unsafe if others could put links into it
 */
export async function demandOwnEmpty(folder: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
    const { mode, uid } = await stat(folder);
    if ((mode & 0o022) !== 0 || uid !== process.getuid?.()) {
      throw fail('file_unsafe', `others may write into ${folder}: name a new folder`);
    }
  } catch (error) {
    const mapped = fileError(error, folder);
    if (hasCode(mapped, 'file_missing')) return;
    throw mapped;
  }
  if (names.length > 0) throw fail('file_exists', `${folder} is not empty: name a new folder`);
}
