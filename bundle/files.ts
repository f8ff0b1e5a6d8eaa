import { bundleError, quote, showPath } from './errors.ts';
import { checkPath, inByteOrder } from './path.ts';

/** One regular file. */
export interface FileEntry {
  /** Relative to the root folder; see `checkPath` */
  readonly path: string;
  /** 0 to 0o777: no setuid, setgid or sticky bit */
  readonly mode: number;
  /** 1 to 32 characters; the number is for a system that has no such name */
  readonly owner: string;
  readonly uid: number;
  readonly group: string;
  readonly gid: number;
  readonly content: Uint8Array;
}

/** Limit on the files of a bundle. */
export const MAX_FILES = 1024;
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-]?$/;

/** Whether a bundle can hold the name of an owner or a group. */
export const isOwnerName = (name: string): boolean => NAME.test(name);

/** @throws too_many_files */
export function checkCount(count: number): void {
  if (count > MAX_FILES) {
    throw bundleError('too_many_files', `${count} files in a bundle: at most ${MAX_FILES}`);
  }
}

/** @throws unsorted, duplicate */
export function checkAscending(names: readonly string[]): void {
  for (let i = 1; i < names.length; i++) {
    if (names[i] === names[i - 1]) {
      throw bundleError('duplicate', `${quote(names[i]!)} is there twice`);
    }
    if (inByteOrder(names[i]!, names[i - 1]!) < 0) {
      throw bundleError('unsorted', `${quote(names[i]!)} is not in its place`);
    }
  }
}

/** @throws too_many_files, bad_path, bad_mode, bad_owner, unsorted, duplicate */
export function checkFiles(files: readonly FileEntry[]): void {
  checkCount(files.length);
  const paths = new Set(files.map((file) => file.path));
  for (const file of files) {
    checkPath(file.path);
    checkIsNoFolder(file.path, paths);
    if (!Number.isInteger(file.mode) || file.mode < 0 || file.mode > 0o777) {
      throw bundleError('bad_mode', `${showPath(file.path)}: a mode is 0 to 0777`);
    }
    checkOwner(file.path, file.owner, file.uid);
    checkOwner(file.path, file.group, file.gid);
  }
  checkAscending(files.map((file) => file.path));
}

function checkIsNoFolder(path: string, paths: ReadonlySet<string>): void {
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    if (paths.has(path.slice(0, at))) {
      throw bundleError('bad_path', `${showPath(path.slice(0, at))} is a file and a folder`);
    }
  }
}

/** 2^32 - 1 is not an owner: to chown(2) it says "leave as it is". */
const MAX_ID = 0xffff_fffe;

function checkOwner(path: string, name: string, id: number): void {
  if (!isOwnerName(name) || !Number.isInteger(id) || id < 0 || id > MAX_ID) {
    throw bundleError(
      'bad_owner',
      `${showPath(path)}: an owner or group is a name and a number up to ${MAX_ID}`,
    );
  }
}
