import * as fs from 'node:fs';
import { equalBytes } from '../../bundle/bytes.ts';
import { showPath } from '../../bundle/errors.ts';
import { fail } from '../../protocol/errors.ts';
import { readIn as readFileIn, statIn } from './files.ts';
import { at, inFolderOf } from './folder.ts';
import type { Folder } from './folder.ts';
import { naming } from '../../files/errors.ts';

/** What is, or shall be, at a path: a regular file, a link, or nothing. */
export type Item =
  { readonly kind: 'absent' } | { readonly kind: 'link'; readonly target: string } | FileItem;

/** A regular file. */
export interface FileItem {
  readonly kind: 'file';
  readonly content: Uint8Array;
  /** Permission bits */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Nothing is there. */
export const ABSENT: Item = { kind: 'absent' };

/** Limit on a file that a bundle may replace: it has to be kept aside. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * Reads what is at `path` now, following nothing.
 * @throws path_refused for a folder, a device or the like, and behind a link
 */
export const readItem = (root: Folder, path: string): Item =>
  inFolderOf(root, path, (folder, name) => readItemIn(folder, name, path)) ?? ABSENT;

/** As {@link readItem}, of what is at `name`; messages call it `path`. */
export function readItemIn(folder: Folder, name: string, path: string): Item {
  const stat = statIn(folder, name);
  if (stat === undefined) return ABSENT;
  if (stat.isSymbolicLink()) {
    return { kind: 'link', target: naming(path, () => fs.readlinkSync(at(folder, name))) };
  }
  if (!stat.isFile()) {
    throw fail(
      'path_refused',
      `${showPath(path)} is a folder or a special file, and is never replaced`,
    );
  }
  const file = readFileIn(folder, name, MAX_FILE_BYTES);
  const { mode, uid, gid } = file.stat;
  return { kind: 'file', content: file.content, mode: mode & 0o7777, uid, gid };
}

/** @param owners whether a difference of owner counts: only root can change it */
export function sameItem(a: Item, b: Item, owners: boolean): boolean {
  if (a.kind === 'link' && b.kind === 'link') return a.target === b.target;
  if (a.kind !== 'file' || b.kind !== 'file') return a.kind === b.kind;
  return (
    a.mode === b.mode &&
    (!owners || (a.uid === b.uid && a.gid === b.gid)) &&
    equalBytes(a.content, b.content)
  );
}
