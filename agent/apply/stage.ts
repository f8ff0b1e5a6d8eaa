import * as fs from 'node:fs';
import * as v from 'valibot';
import { sha256 } from '#platform';
import { toHex, utf8 } from '../../bundle/bytes.ts';
import { hasCode } from '../../protocol/errors.ts';
import { STAGED_PREFIX } from '../../protocol/paths.ts';
import { createIn, removeIn, renameIn, statIn } from '../tree/files.ts';
import { at, inFolder, inFolderOf, inFoldersOf, parentOf, syncFolder } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import type { Item } from '../tree/item.ts';
import type { Change } from './plan.ts';
import { readState, writeState } from '../tree/state-file.ts';
import { naming } from '../../files/errors.ts';

/** Which paths may have something staged: written before anything is. */
const JOURNAL = 'journal.json';
const Journal = v.strictObject({ coatcheck: v.literal('journal/1'), staged: v.array(v.string()) });

/**
 * Where a file waits for its rename: in its own folder, since a rename cannot leave a filesystem.
 * Hidden and without an ending, so that nothing that reads the folder takes it for a file of its.
 */
const stagedName = (path: string): string =>
  `${STAGED_PREFIX}${toHex(sha256(utf8(path)).subarray(0, 8))}`;

/**
 * Writes every change beside its place, durably, once the journal says where.
 * @throws path_refused, file_denied, disk_full
 */
export function stage(
  root: Folder,
  state: Folder,
  changes: readonly Change[],
  owners: boolean,
): void {
  writeState(state, JOURNAL, { coatcheck: 'journal/1', staged: changes.map(({ path }) => path) });
  const toStage = changes.filter(({ to }) => to.kind !== 'absent');
  const put = (folder: Folder, _: string, { path, to }: Change): void =>
    stageItem(folder, path, to, owners);
  inFoldersOf(root, toStage, put, { make: 0o755 });
  // One that cannot be synced is known before anything is replaced.
  syncFoldersOf(root, changes);
}

function syncFoldersOf(root: Folder, changes: readonly Change[]): void {
  for (const folder of new Set(changes.map(({ path }) => parentOf(path)))) {
    inFolder(root, folder, syncFolder);
  }
}

function stageItem(folder: Folder, path: string, item: Item, owners: boolean): void {
  const name = stagedName(path);
  if (statIn(folder, name) !== undefined) removeIn(folder, name);
  put(folder, name, item, owners);
}

function put(folder: Folder, name: string, item: Item, owners: boolean): void {
  if (item.kind === 'link') naming(name, () => fs.symlinkSync(item.target, at(folder, name)));
  if (item.kind !== 'file') return;
  const { content, mode, uid, gid } = item;
  createIn(folder, name, content, owners ? { mode, owner: { uid, gid } } : { mode });
}

/**
 * Puts what was staged in place, path by path, and makes it durable. Where one of them cannot be
 * replaced (a mount point, an immutable file) those before it go back to what they were.
 * @throws path_refused, file_denied
 */
export function commit(root: Folder, changes: readonly Change[], owners: boolean): void {
  const done: Change[] = [];
  try {
    inFoldersOf(root, changes, (folder, name, change) => {
      replaceIn(folder, name, change.path, change.to);
      done.push(change);
    });
  } catch (error) {
    for (const change of done.reverse()) takeBack(root, change, owners);
    throw error;
  }
  syncFoldersOf(root, changes);
}

function replaceIn(folder: Folder, name: string, path: string, by: Item): void {
  if (by.kind === 'absent') removeIn(folder, name);
  else renameIn(folder, stagedName(path), name);
}

function takeBack(root: Folder, { path, from }: Change, owners: boolean): void {
  try {
    inFolderOf(root, path, (folder, name) => {
      if (from.kind !== 'absent') stageItem(folder, path, from, owners);
      replaceIn(folder, name, path, from);
    });
  } catch {
    // What stopped the apply is said; the others can still go back.
  }
}

/** Removes what a run that was killed, or failed, left staged. */
export function removeStaged(root: Folder, state: Folder): void {
  for (const path of readState(state, JOURNAL, Journal)?.staged ?? []) {
    try {
      inFolderOf(root, path, (folder) => removeIn(folder, stagedName(path)));
    } catch (error) {
      // Its folder is none any more: then there is nothing to clear up behind it.
      if (!hasCode(error, 'path_refused')) throw error;
    }
  }
  removeIn(state, JOURNAL);
}

/** Once nothing is staged any more. */
export function forgetStaged(state: Folder): void {
  removeIn(state, JOURNAL);
}
