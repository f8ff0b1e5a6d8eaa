import { readFile, realpath } from 'node:fs/promises';
import { sep } from 'node:path';

/** What a folder lies on, as the system says it. */
export interface FileSystem {
  /** As mount(8) has it: `ext4`, `nfs4`, `fuse.sshfs` */
  readonly type: string;
  /** How it is mounted: `rw`, `soft`, `vers=4.2` */
  readonly options: readonly string[];
}

/**
 * Types that several machines may have mounted at once, or with a cache of their own behind which they see
 * one another late. What no list has is taken for a disk.
 */
const SHARED =
  /^(?:nfs4?|cifs|smb3|smbfs|9p|virtiofs|ceph|lustre|afs|gfs2|ocfs2|beegfs|orangefs|fuse(?:\..+)?)$/;

/** Whether other machines may work in the same folder. */
export const isShared = ({ type }: FileSystem): boolean => SHARED.test(type);

/** What a folder lies on; undefined where the system has no `/proc/self/mountinfo`, as macOS has none. */
export async function fileSystemOf(folder: string): Promise<FileSystem | undefined> {
  let mounts;
  try {
    mounts = await readFile('/proc/self/mountinfo', 'utf8');
  } catch {
    return undefined;
  }
  return mountOf(mounts, await realpath(folder));
}

/**
 * The mount that a path lies on.
 * @param mounts proc_pid_mountinfo(5)
 * @param path absolute, without links
 */
export function mountOf(mounts: string, path: string): FileSystem | undefined {
  let [found, longest]: [FileSystem | undefined, number] = [undefined, -1];
  for (const line of mounts.split('\n')) {
    const parts = /^\S+ \S+ \S+ \S+ (\S+) (\S+) .*?- (\S+) \S+ (\S+)$/.exec(line);
    if (parts === null) continue;
    const [, point, ownOptions, type, options] = parts as unknown as [
      string,
      string,
      string,
      string,
      string,
    ];
    const at = point.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(parseInt(octal, 8)),
    );
    const isAbove = at === '/' || path === at || path.startsWith(at + sep);
    // The last of those at one place lies over the others.
    if (!isAbove || at.length < longest) continue;
    found = { type, options: [...new Set([...ownOptions.split(','), ...options.split(',')])] };
    longest = at.length;
  }
  return found;
}
