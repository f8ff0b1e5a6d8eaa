import * as fs from 'node:fs';
import { CoatcheckError, showPath } from '../../bundle/errors.ts';
import { errnoOf, naming } from '../../files/errors.ts';
import { statIn } from '../tree/files.ts';
import { at, below, inFolder, inFolderOf, parentOf } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import { ABSENT, readItemIn } from '../tree/item.ts';
import type { Item } from '../tree/item.ts';

/** What keeps a path from becoming what a bundle says. */
export interface Obstacle {
  readonly path: string;
  /** goes on after the path: what is there, and what to do about it */
  readonly why: string;
  /** Something is mounted just there. */
  readonly isMount?: true;
}

/** What is on a disk now. */
export interface Survey {
  /** What is at each path that can be looked at */
  readonly items: ReadonlyMap<string, Item>;
  readonly obstacles: readonly Obstacle[];
}

/** Looks at every path, following nothing; one that cannot be looked at keeps no other from it. */
export function survey(root: Folder, paths: readonly string[]): Survey {
  const items = new Map<string, Item>();
  const obstacles: Obstacle[] = [];
  for (const path of paths) {
    try {
      const item = inFolderOf(root, path, (folder, name) => readItemIn(folder, name, path));
      items.set(path, item ?? ABSENT);
    } catch (error) {
      obstacles.push({ path, ...(blockerOf(root, path) ?? { why: said(error, path) }) });
    }
  }
  return { items, obstacles };
}

/**
 * Why nothing can be put in the place of what is at a path, or nothing put there; undefined where it
 * can. Changes nothing.
 */
export function obstacleAt(root: Folder, path: string, from: Item): Obstacle | undefined {
  if (from.kind === 'absent') return folderObstacle(root, path);
  return inFolderOf(root, path, (folder, name): Obstacle | undefined => {
    if (isMountPoint(folder, name)) return { path, ...MOUNTED };
    try {
      // Asks the kernel whether the name could be taken away, and says no to whatever is no folder.
      fs.rmdirSync(at(folder, name));
    } catch (error) {
      if (errnoOf(error) !== 'ENOTDIR') return { path, why: whyNot(error) };
    }
    return undefined;
  });
}

/** Where a file is to be made: in its folder, or in the lowest that is there. */
function folderObstacle(root: Folder, path: string): Obstacle | undefined {
  for (let parent = parentOf(path); ; parent = parentOf(parent)) {
    const looked = inFolder(root, parent, (folder): { error?: unknown } => {
      try {
        fs.accessSync(`/proc/self/fd/${folder.fd}`, fs.constants.W_OK | fs.constants.X_OK);
        return {};
      } catch (error) {
        return { error };
      }
    });
    if (looked === undefined) continue;
    if (!('error' in looked)) return undefined;
    return {
      path,
      why: `cannot be made: ${parent === '' ? 'the root' : parent} ${whyNot(looked.error)}`,
    };
  }
}

function whyNot(error: unknown): string {
  switch (errnoOf(error)) {
    case 'EPERM':
      return 'or its folder is immutable or append-only: run chattr -i -a on both (lsattr -d shows which)';
    case 'EACCES':
      return 'may not be replaced by this user: run this as root';
    case 'EROFS':
      return 'is on a read-only filesystem: mount it writable';
    case 'EBUSY':
      return 'is in use by the system: find out by what';
    default:
      return `cannot be replaced (${errnoOf(error) ?? String(error)})`;
  }
}

const MOUNTED = { why: 'is a mount point: unmount it', isMount: true } as const;
/** Node has no name for it: a descriptor that opens nothing, and asks for no right. */
const O_PATH = 0o10000000;

/** Whether something is mounted at `name`: it is on another mount than its folder. */
function isMountPoint(folder: Folder, name: string): boolean {
  const fd = naming(below(folder, name), () =>
    fs.openSync(at(folder, name), O_PATH | fs.constants.O_NOFOLLOW),
  );
  try {
    return mountOf(fd) !== mountOf(folder.fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** The id of the mount that a descriptor is on (proc_pid_fdinfo(5)). */
const mountOf = (fd: number): string | undefined =>
  /^mnt_id:\s*(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];

/** What on the way to a path, or at it, is not what it must be, as far as this user can tell. */
function blockerOf(root: Folder, path: string): Omit<Obstacle, 'path'> | undefined {
  const parts = path.split('/');
  try {
    for (let i = 1; i <= parts.length; i++) {
      const part = parts.slice(0, i).join('/');
      const found = inFolderOf(root, part, (folder, name) => {
        const stat = statIn(folder, name);
        return stat && { stat, isMount: i === parts.length && isMountPoint(folder, name) };
      });
      if (found === undefined) return undefined;
      const { stat, isMount } = found;
      if (isMount) return MOUNTED;
      if (i === parts.length) {
        return stat.isFile() ? undefined : { why: `is ${kindOf(stat)}: remove it` };
      }
      if (stat.isDirectory()) continue;
      const mend = stat.isSymbolicLink() ? 'put a folder in its place' : 'remove it';
      const what = `lies behind ${part}, which is ${kindOf(stat)} and no folder`;
      return { why: `${what}: ${mend}, or leave out what lies there` };
    }
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
  }
  return undefined;
}

/** What it is, in words. */
export function kindOf(stat: fs.Stats): string {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isSymbolicLink()) return 'a link';
  if (stat.isFIFO()) return 'a FIFO';
  if (stat.isSocket()) return 'a socket';
  return stat.isFile() ? 'a file' : 'a device';
}

/** An error about a path, as it goes on after the path. @throws what is none of ours */
export function said(error: unknown, path: string): string {
  if (!(error instanceof CoatcheckError)) throw error;
  const { message } = error;
  const shown = `${showPath(path)} `;
  return message.startsWith(shown) ? message.slice(shown.length) : message;
}
