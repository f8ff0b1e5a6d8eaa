import { showPath } from '../../bundle/errors.ts';
import { fail } from '../../protocol/errors.ts';
import { readIn, statIn } from './files.ts';
import { inFolderOf, parentOf } from './folder.ts';
import type { Folder } from './folder.ts';
import { MAX_FILE_BYTES, readItem } from './item.ts';
import type { FileItem, Item } from './item.ts';
import { resolveIn } from './resolve.ts';

/** As `readItem`, but of a link what it leads to. @throws as `readItem` and {@link readLinked} */
export function readThrough(root: Folder, path: string): Exclude<Item, { kind: 'link' }> {
  const item = readItem(root, path);
  return item.kind === 'link' ? readLinked(root, path) : item;
}

/**
 * Reads the file that the link at `path` leads to, below the root and by descriptor. Only one that
 * nobody but root (or this user) could have written.
 * @param target instead of what the link says now
 * @throws path_refused where it leads to nothing, to what is no file, or to what others may write;
 *   file_denied
 */
export function readLinked(root: Folder, path: string, target?: string): FileItem {
  const from = target === undefined ? path : linked(path, target);
  const to = resolveIn(root, from)?.path;
  const file = to === undefined || to === '' ? undefined : inFolderOf(root, to, readOwn);
  if (file === undefined) {
    throw fail(
      'path_refused',
      `${showPath(path)} is a link to nothing: make what it leads to, or remove it`,
    );
  }
  if (file !== 'unsafe') return file;
  const why = `${showPath(path)} is a link to ${showPath(to!)}, which is no file that root alone may write`;
  throw fail('path_refused', `${why}: run chown root and chmod go-w on it`);
}

const linked = (path: string, target: string): string =>
  target.startsWith('/') ? target : `${parentOf(path)}/${target}`;

/** What is at `name`, if it is there; `unsafe` if it is not what a machine may go by. */
function readOwn(folder: Folder, name: string): FileItem | 'unsafe' | undefined {
  const found = statIn(folder, name);
  if (found === undefined) return undefined;
  if (!found.isFile()) return 'unsafe';
  const { content, stat } = readIn(folder, name, MAX_FILE_BYTES);
  const { mode, uid, gid } = stat;
  if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.geteuid?.())) return 'unsafe';
  return { kind: 'file', content, mode: mode & 0o7777, uid, gid };
}
