import * as fs from 'node:fs';
import * as v from 'valibot';
import type { FileEntry } from '../bundle/manifest.ts';
import { sha256 } from '#platform';
import { toHex, utf8 } from '../bundle/bytes.ts';
import { hasCode } from '../protocol/errors.ts';
import type { Item } from './item.ts';
import { keep, readKept, sweepContents, writeKept } from './kept.ts';
import type { Kept } from './kept.ts';
import { commitMarker, readMarker, stageMarker, withState } from './marker.ts';
import type { Marker } from './marker.ts';
import { prunedOriginals } from './merge.ts';
import { bundleTexts, planApply } from './plan.ts';
import type { Change, Plan } from './plan.ts';
import { readState, writeState } from './state-file.ts';
import { naming } from './system-error.ts';
import {
  at,
  createIn,
  inFolder,
  inFolderOf,
  parentOf,
  removeIn,
  renameIn,
  syncFolder,
} from './walk.ts';
import type { Folder } from './walk.ts';

export interface Applied {
  /** Paths that got another content, mode or owner. */
  readonly changed: readonly string[];
  /** Paths that are gone, because neither the bundle nor the image has them. */
  readonly removed: readonly string[];
  /** How many files were right already, and not touched. */
  readonly unchanged: number;
}

export interface ApplyInput {
  readonly root: Folder;
  readonly files: readonly FileEntry[];
  /** Set owners too: only root can. */
  readonly owners: boolean;
  /** What the marker says besides the files. */
  readonly about: Omit<Marker, 'files'>;
}

/**
 * Makes the root hold a bundle's files (docs/adr/0050): check everything, keep the machine's own
 * versions aside, stage everything, rename one by one, write the marker last. Killed at any point
 * and run again, with this bundle or another, the result is the same as without the kill. An error
 * before the first rename, a full disk above all, leaves every file as it was.
 *
 * @throws path_refused, file_denied, file_malformed, disk_full
 */
export function applyFiles(input: ApplyInput): Applied {
  const { root, files, owners, about } = input;
  return withState(root, (state) => {
    recover(root, state);
    const kept = readKept(state);
    const plan = planApply({ root, state, files, kept, owners });
    if (plan.changes.length > 0 || !isApplied(readMarker(root), input, plan)) {
      try {
        keepAside(state, kept, plan);
        stage(root, state, plan, owners);
        stageMarker(state, { ...about, files: plan.files });
        commit(root, plan.changes);
        commitMarker(state);
      } catch (error) {
        recover(root, state);
        sweepContents(state, readKept(state));
        throw error;
      }
    }
    forget(state, files);
    return summary(plan);
  });
}

function summary({ changes, files }: Plan): Applied {
  const paths = (gone: boolean): string[] =>
    changes.filter(({ to }) => (to.kind === 'absent') === gone).map(({ path }) => path);
  const changed = paths(false);
  const touched = new Set(changed);
  const unchanged = Object.keys(files).filter((path) => !touched.has(path)).length;
  return { changed, removed: paths(true), unchanged };
}

function isApplied(marker: Marker | undefined, { about }: ApplyInput, plan: Plan): boolean {
  return (
    marker !== undefined &&
    marker.statement === about.statement &&
    marker.node === about.node &&
    JSON.stringify(marker.files) === JSON.stringify(plan.files)
  );
}

function keepAside(state: Folder, kept: Kept, { toKeep, merged }: Plan): void {
  const files = { ...kept.files };
  for (const [path, item] of toKeep) files[path] = keep(state, item);
  writeKept(state, { files, originals: merged.originals });
}

/** Once a bundle is in place, what it does not have is the machine's own again. */
function forget(state: Folder, files: readonly FileEntry[]): void {
  const kept = readKept(state);
  const paths = new Set(files.map((file) => file.path));
  const left: Kept = {
    files: Object.fromEntries(Object.entries(kept.files).filter(([path]) => paths.has(path))),
    originals: prunedOriginals(kept.originals, bundleTexts(files)),
  };
  if (JSON.stringify(left) !== JSON.stringify(kept)) writeKept(state, left);
  sweepContents(state, left);
  removeIn(state, JOURNAL);
}

const JOURNAL = 'journal.json';
const Journal = v.strictObject({ coatcheck: v.literal('journal/1'), staged: v.array(v.string()) });

/**
 * Where a file waits for its rename: in its own folder, since a rename cannot leave a filesystem.
 * Hidden and without an ending, so that nothing that reads the folder takes it for a file of its.
 */
const stagedName = (path: string): string =>
  `.coatcheck-${toHex(sha256(utf8(path)).subarray(0, 8))}`;

function stage(root: Folder, state: Folder, { changes }: Plan, owners: boolean): void {
  const staged = changes.filter(({ to }) => to.kind !== 'absent');
  writeState(state, JOURNAL, { coatcheck: 'journal/1', staged: staged.map(({ path }) => path) });
  for (const { path, to } of staged) {
    inFolderOf(
      root,
      path,
      (folder) => {
        const name = stagedName(path);
        removeIn(folder, name);
        put(folder, name, to, owners);
      },
      { make: 0o755 },
    );
  }
}

function put(folder: Folder, name: string, item: Item, owners: boolean): void {
  if (item.kind === 'link') naming(name, () => fs.symlinkSync(item.target, at(folder, name)));
  if (item.kind !== 'file') return;
  const { content, mode, uid, gid } = item;
  createIn(folder, name, content, owners ? { mode, owner: { uid, gid } } : { mode });
}

function commit(root: Folder, changes: readonly Change[]): void {
  for (const { path, to } of changes) {
    inFolderOf(root, path, (folder, name) => {
      if (to.kind === 'absent') removeIn(folder, name);
      else renameIn(folder, stagedName(path), name);
    });
  }
  for (const folder of new Set(changes.map(({ path }) => parentOf(path)))) {
    inFolder(root, folder, syncFolder);
  }
}

/** Removes what a run that was killed, or failed, left staged. */
function recover(root: Folder, state: Folder): void {
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
