import * as fs from 'node:fs';
import { showPath } from '../../bundle/errors.ts';
import { fail } from '../../protocol/errors.ts';
import { errnoOf, naming, syncFault, treeError } from '../../files/errors.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = fs.constants;

/**
 * An open folder. Everything below the machine's root is reached from one of these, a single name
 * at a time, so that no link can lead elsewhere, whatever happens to the tree meanwhile. Node has
 * no `openat`; `/proc/self/fd/<fd>/<name>` is the same thing on Linux.
 */
export interface Folder {
  readonly fd: number;
  /** Its path below the root, for messages; empty for the root. */
  readonly path: string;
}

/**
 * The path of `name` inside an open folder, for a system call that does not follow `name`.
 * @throws path_refused for what is not one name
 */
export function at(folder: Folder, name: string): string {
  if (/^$|^\.\.?$|[/\0\ud800-\udfff]/u.test(name)) {
    throw fail(
      'path_refused',
      `${showPath(folder.path)}: an empty part, a dot or a slash is no file name`,
    );
  }
  return `/proc/self/fd/${folder.fd}/${name}`;
}

/** The path of `name` as messages show it. */
export const below = (folder: Folder, name: string): string =>
  folder.path === '' ? name : `${folder.path}/${name}`;

/**
 * Opens the root folder as the operator named it (links in `path` are theirs, and followed).
 * @throws file_missing, file_denied, path_refused
 */
export function openRoot(path: string): Folder {
  const fd = naming(path, () => fs.openSync(path, O_RDONLY | O_DIRECTORY));
  if (!fs.existsSync(`/proc/self/fd/${fd}`)) {
    fs.closeSync(fd);
    throw fail('path_refused', '/proc is not mounted, and no file is written without it');
  }
  return { fd, path: '' };
}

/** Whether a root is that of the running machine: of another one only files are changed. */
export const isOwnRoot = (path: string): boolean => fs.realpathSync(path) === '/';

/** Gives the descriptor back. */
export function closeFolder(folder: Folder): void {
  fs.closeSync(folder.fd);
}

/** Runs `act` with the root folder open. */
export function withRoot<T>(path: string, act: (root: Folder) => T): T {
  const root = openRoot(path);
  try {
    return act(root);
  } finally {
    closeFolder(root);
  }
}

/**
 * Opens the folder `name` of `parent`.
 * @throws path_refused if it is a link or no folder; file_missing; file_denied
 */
export function openChild(parent: Folder, name: string): Folder {
  const path = below(parent, name);
  return naming(path, () => ({
    fd: fs.openSync(at(parent, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
    path,
  }));
}

/** Makes the folder `name`, with exactly `mode`, unless somebody else just has. */
function makeChild(parent: Folder, name: string, mode: number): void {
  // Not by a chmod afterwards: whoever is killed in between leaves it with the wrong mode.
  const umask = process.umask(0);
  try {
    fs.mkdirSync(at(parent, name), { mode });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw treeError(error, below(parent, name));
    return;
  } finally {
    process.umask(umask);
  }
  try {
    syncFolder(parent);
  } catch (error) {
    fs.rmdirSync(at(parent, name));
    throw error;
  }
}

/**
 * Makes what happened in this folder durable.
 * @throws file_denied, naming it, where its file system cannot; disk_full
 */
export function syncFolder(folder: Folder): void {
  const path = folder.path === '' ? fs.readlinkSync(`/proc/self/fd/${folder.fd}`) : folder.path;
  try {
    fs.fsyncSync(folder.fd);
  } catch (error) {
    throw treeError(syncFault(error), path);
  }
}

function isThere(folder: Folder, name: string): boolean {
  const stat = naming(below(folder, name), () => fs.lstatSync(at(folder, name), NO_THROW));
  return stat !== undefined;
}
const NO_THROW = { throwIfNoEntry: false } as const;

/** What is done about a folder that is missing on the way. */
export interface WalkOptions {
  /** Mode of the folders to make where one is missing; without it, the answer is undefined. */
  readonly make?: number;
}

/**
 * Walks down to the folder `path` (relative; empty for the root itself) and runs `act` there.
 * @throws path_refused where a part is a link or no folder; file_denied; disk_full
 */
export function inFolder<T>(
  root: Folder,
  path: string,
  act: (folder: Folder) => T,
  options: WalkOptions = {},
): T | undefined {
  const opened: Folder[] = [];
  try {
    let folder = root;
    for (const part of path === '' ? [] : path.split('/')) {
      if (!isThere(folder, part)) {
        if (options.make === undefined) return undefined;
        makeChild(folder, part, options.make);
      }
      folder = openChild(folder, part);
      opened.push(folder);
    }
    return act(folder);
  } finally {
    opened.forEach(closeFolder);
  }
}

/** As {@link inFolder}, for the folder that holds the last part of `path`. */
export function inFolderOf<T>(
  root: Folder,
  path: string,
  act: (folder: Folder, name: string) => T,
  options: WalkOptions = {},
): T | undefined {
  return inFolder(root, parentOf(path), (folder) => act(folder, nameOf(path)), options);
}

/**
 * Runs `act` for each of `items` in the folder of its path. A folder is opened once for all that
 * follow one another in it; where it is missing, `act` is not called.
 * @throws as {@link inFolder}
 */
export function inFoldersOf<T extends { readonly path: string }>(
  root: Folder,
  items: readonly T[],
  act: (folder: Folder, name: string, item: T) => void,
  options: WalkOptions = {},
): void {
  for (let next = 0; next < items.length;) {
    const parent = parentOf(items[next]!.path);
    const end = items.findIndex(({ path }, i) => i > next && parentOf(path) !== parent);
    const together = items.slice(next, end < 0 ? items.length : end);
    inFolder(
      root,
      parent,
      (folder) => together.forEach((item) => act(folder, nameOf(item.path), item)),
      options,
    );
    next += together.length;
  }
}

/** Path of the folder of a path; empty at the top. */
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
/** The last part of a path. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
