import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dirent } from 'node:fs';
import { showPath } from '../bundle/errors.ts';
import type { FileEntry } from '../bundle/index.ts';
import { MAX_FILES, MAX_MANIFEST_BYTES } from '../bundle/manifest.ts';
import { checkPath } from '../bundle/path.ts';
import { fileError } from '../files/errors.ts';
import { readLocalFile } from '../files/read.ts';
import { fail } from '../protocol/errors.ts';

/** What a folder has besides files and folders, as a person calls it. */
function kindOf(entry: Dirent): string {
  if (entry.isSymbolicLink()) return 'a link';
  if (entry.isFIFO()) return 'a pipe';
  if (entry.isSocket()) return 'a socket';
  return 'a device';
}

/** The mode of a file that came from a folder. */
export const preparedMode = (runs: boolean, isSecret: boolean): number =>
  (runs ? 0o755 : 0o644) & (isSecret ? 0o700 : 0o777);

/**
 * The files of a folder as those of a bundle: `FOLDER/etc/motd` is `etc/motd`. They belong to root, and are 0644, or 0755
 * where their owner may execute them here, and nobody else's where they are secret.
 * @param isSecret by path
 * @throws usage, naming all of it, for what is no file; bad_path, too_many_files, file_malformed for one that is too
 *   large, and what reading throws
 */
export async function filesIn(
  folder: string,
  isSecret: (path: string) => boolean,
): Promise<FileEntry[]> {
  const files: FileEntry[] = [];
  const others: string[] = [];
  await walk('');
  if (others.length > 0) {
    throw fail('usage', `a bundle holds regular files only: ${others.join(', ')}`);
  }
  return files;

  async function walk(below: string): Promise<void> {
    for (const entry of await entriesOf(join(folder, below))) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) await walk(path);
      else if (!entry.isFile()) others.push(`${showPath(path)} is ${kindOf(entry)}`);
      else {
        checkPath(path);
        if (files.length === MAX_FILES) {
          throw fail('too_many_files', `${folder} has more than ${MAX_FILES} files`);
        }
        const place = join(folder, path);
        const runs = ((await stat(place)).mode & 0o100) !== 0;
        const mode = preparedMode(runs, isSecret(path));
        files.push({
          ...{ path, mode, owner: 'root', uid: 0, group: 'root', gid: 0 },
          content: await readLocalFile(place, { maxBytes: MAX_MANIFEST_BYTES, noLink: true }),
        });
      }
    }
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw fileError(error, folder);
  }
}
