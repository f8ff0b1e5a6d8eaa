import { sha256 } from '#platform';
import { toHex } from '../../bundle/bytes.ts';
import { showPath } from '../../bundle/errors.ts';
import type { FileEntry } from '../../bundle/manifest.ts';
import { fail } from '../../protocol/errors.ts';
import { traitsOf, MERGED } from '../../protocol/paths.ts';
import { bytesOf, isAccountFile, readNames, textOf } from './accounts.ts';
import type { AccountFile, Names } from './accounts.ts';
import type { Folder } from '../tree/folder.ts';
import { readItem, readItems, sameItem } from '../tree/item.ts';
import type { FileItem, Item } from '../tree/item.ts';
import { keptItem } from './kept.ts';
import type { Kept } from './kept.ts';
import type { Marker } from './marker.ts';
import { mergeAccounts } from './merge.ts';
import type { AccountTexts, Merged } from './merge.ts';

/** What one path becomes. */
export interface Change {
  readonly path: string;
  /** What is there now */
  readonly from: Item;
  readonly to: Item;
}

/** All that an apply will do, decided before anything is written. */
export interface ApplyPlan {
  /** By path; what is right already is not here. */
  readonly changes: readonly Change[];
  /** What is on the disk now of each path that no bundle changed before. */
  readonly toKeep: ReadonlyMap<string, Item>;
  readonly merged: Merged;
  /** What the marker says of the bundle's files. */
  readonly files: Marker['files'];
}

/** What a plan is made of. */
export interface PlanInput {
  readonly root: Folder;
  readonly state: Folder;
  readonly files: readonly FileEntry[];
  readonly kept: Kept;
  /** Whether owners are set and compared. */
  readonly owners: boolean;
}

/**
 * Checks every file of a bundle, and everything on the disk that it would touch.
 * @throws path_refused; file_malformed where the agent's own records are damaged
 */
export function planApply(input: PlanInput): ApplyPlan {
  const { root, state, files, kept, owners } = input;
  checkPaths(files.map(({ path }) => path));
  const inBundle = new Set(files.map(({ path }) => path));
  const dropped = Object.keys(kept.files).filter((path) => !inBundle.has(path));
  const disk = readItems(root, [...files.map((file) => file.path), ...dropped]);
  const current = accountTexts((path) => contentOf(disk.get(path) ?? readItem(root, path)));
  const bundle = bundleTexts(files);
  const merged = mergeAccounts({ current, bundle, originals: kept.originals });
  const ids = resultingIds({ ...current, ...merged.texts });

  const wanted = new Map<string, Item>();
  for (const file of files) wanted.set(file.path, wantedFile(file, merged, ids));
  for (const path of dropped) {
    const original = keptItem(state, kept.files[path]!);
    const own = isAccountFile(path) ? (merged.texts[path] ?? current[path]) : undefined;
    wanted.set(path, own === undefined ? original : restored(original, own));
  }
  const changes = [...wanted]
    .filter(([path, item]) => !sameItem(item, disk.get(path)!, owners))
    .map(([path, to]) => ({ path, from: disk.get(path)!, to }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const fresh = files.filter(({ path }) => !Object.hasOwn(kept.files, path));
  return {
    changes,
    toKeep: new Map(fresh.map(({ path }) => [path, disk.get(path)!])),
    merged,
    files: Object.fromEntries(
      files.map(({ path }) => [path, markerEntry(wanted.get(path) as FileItem)]),
    ),
  };
}

function checkPaths(paths: readonly string[]): void {
  const folders = new Set(paths.flatMap(foldersOf));
  for (const path of paths) {
    if (traitsOf(path) === undefined) {
      throw fail(
        'path_refused',
        `${showPath(path)} is not among the files that a bundle may place`,
      );
    }
    if (folders.has(path)) {
      throw fail('path_refused', `${showPath(path)} is a file and a folder in this bundle`);
    }
  }
}

/** Every folder on the way to a path. */
function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

interface Ids {
  readonly users: Names;
  readonly groups: Names;
}

/** The names as they will be once the merged files are in place. */
function resultingIds(texts: AccountTexts): Ids {
  return {
    users: readNames(texts['etc/passwd'] ?? ''),
    groups: readNames(texts['etc/group'] ?? ''),
  };
}

/** Owners go by name, since an image upgrade renumbers; the number is for a name not known here. */
function wantedFile(file: FileEntry, merged: Merged, ids: Ids): FileItem {
  const text = isAccountFile(file.path) ? merged.texts[file.path] : undefined;
  return {
    kind: 'file',
    content: text === undefined ? file.content : bytesOf(text),
    mode: file.mode,
    uid: ids.users.idOf(file.owner) ?? file.uid,
    gid: ids.groups.idOf(file.group) ?? file.gid,
  };
}

/** An account file that the bundle dropped: the machine's own, with what was added to it since. */
function restored(original: Item, text: string): Item {
  if (original.kind !== 'file')
    return text === '' ? original : { ...EMPTY, content: bytesOf(text) };
  return { ...original, content: bytesOf(text) };
}
const EMPTY: FileItem = { kind: 'file', content: new Uint8Array(), mode: 0o600, uid: 0, gid: 0 };

const markerEntry = ({ content, mode, uid, gid }: FileItem): Marker['files'][string] => ({
  sha256: toHex(sha256(content)),
  mode,
  uid,
  gid,
});

function contentOf(item: Item): Uint8Array | undefined {
  return item.kind === 'file' ? item.content : undefined;
}

/** The account files of a bundle. */
export function bundleTexts(files: readonly FileEntry[]): AccountTexts {
  return accountTexts((path) => files.find((file) => file.path === path)?.content);
}

function accountTexts(contentOf: (path: AccountFile) => Uint8Array | undefined): AccountTexts {
  const texts: AccountTexts = {};
  for (const path of MERGED) {
    const content = contentOf(path);
    if (content !== undefined) texts[path] = textOf(content);
  }
  return texts;
}
