import { chmod, chown, lstat, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BUILT_IN_PATHS } from '../../protocol/paths.ts';
import { referenceFiles } from '../fixtures/reference-node.ts';
import type { Outcome } from './tell.ts';

/** What is compared of one file. */
export interface FileState {
  readonly content: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** change when anybody writes the file, or puts another in its place */
  readonly inode: number;
  readonly modified: bigint;
}
export type Files = ReadonlyMap<string, FileState>;

export const isRoot = process.getuid?.() === 0;

/** Reads files below a root, through links that stay below it; what is not there is left out. */
export async function readFiles(root: string, paths: readonly string[]): Promise<Files> {
  const files = new Map<string, FileState>();
  for (const path of paths) {
    const full = join(root, path);
    try {
      const content = await readFile(full);
      const { mode, uid, gid, ino, mtimeNs } = await stat(full, { bigint: true });
      files.set(path, {
        content,
        mode: Number(mode) & 0o777,
        uid: Number(uid),
        gid: Number(gid),
        inode: Number(ino),
        modified: mtimeNs,
      });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return files;
}

/** Content and mode of every file, and the owner where this process may set it. */
export function compare(expected: Files, actual: Files): Outcome[] {
  return [...expected].map(([path, want]) => {
    const have = actual.get(path);
    if (have === undefined) return { ok: false, detail: `${path} is not there` };
    const differs = [
      ...(want.content.equals(have.content) ? [] : ['content']),
      ...(want.mode === have.mode
        ? []
        : [`mode ${want.mode.toString(8)}, ${have.mode.toString(8)}`]),
      ...(!isRoot || (want.uid === have.uid && want.gid === have.gid) ? [] : ['owner']),
    ];
    return { ok: differs.length === 0, detail: `${path}: another ${differs.join(', ')}` };
  });
}

/** Whether nothing touched the files: the same inode and time of change, not only the same bytes. */
export function untouched(before: Files, after: Files): Outcome[] {
  return [...before].map(([path, old]) => {
    const now = after.get(path);
    const ok = now !== undefined && now.inode === old.inode && now.modified === old.modified;
    return { ok, detail: `${path} was written` };
  });
}

/** A machine of ours has at least this many files to show. */
export const ENOUGH_FILES = 30;

/**
 * Copies files of a machine into a folder, with mode and owner, and adds made-up ones until there
 * are enough. @returns the paths that were made up
 */
export async function fillUp(root: string, captured: Files): Promise<string[]> {
  for (const [path, file] of captured) await put(root, path, file);
  const madeUp: string[] = [];
  for (const file of referenceFiles()) {
    if (captured.size + madeUp.length >= ENOUGH_FILES) break;
    if (captured.has(file.path) || BUILT_IN_PATHS.traitsOf(file.path) === undefined) continue;
    await put(root, file.path, { ...file, content: Buffer.from(file.content) });
    madeUp.push(file.path);
  }
  return madeUp;
}

async function put(
  root: string,
  path: string,
  file: Pick<FileState, 'content' | 'mode' | 'uid' | 'gid'>,
): Promise<void> {
  const full = join(root, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, file.content);
  await chmod(full, file.mode);
  if (isRoot) await chown(full, file.uid, file.gid);
}

/** True if something has this name. */
export async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Whether a boot applied what it fetched. A folder is no image: units and time zones that the
 * configuration names are not in it, and the machine says so of each.
 */
export const isApplied = ({ code, error }: { code: number | null; error?: string }): boolean =>
  code === 0 || error === 'step_failed';
