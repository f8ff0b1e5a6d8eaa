import { sha256 } from '#platform';
import { toHex } from '../../bundle/bytes.ts';
import { CoatcheckError, showPath } from '../../bundle/errors.ts';
import type { FileEntry } from '../../bundle/manifest.ts';
import { ACCOUNT_FILES, isAccountFile, parseEntries } from '../../protocol/accounts.ts';
import type { AccountFile } from '../../protocol/accounts.ts';
import { faultsOf, faultText, HOSTNAME_FILE } from '../../protocol/bootable.ts';
import { fail } from '../../protocol/errors.ts';
import type { PathList } from '../../protocol/paths.ts';
import { bytesOf, rangesOf, readNames, textOf } from './accounts.ts';
import type { Names } from './accounts.ts';
import { obstacleAt, said, survey } from './survey.ts';
import type { Obstacle } from './survey.ts';
import type { Folder } from '../tree/folder.ts';
import { ABSENT, sameItem } from '../tree/item.ts';
import type { FileItem, Item } from '../tree/item.ts';
import { readLinked } from '../tree/through.ts';
import { keptItem } from './kept.ts';
import type { Kept } from './kept.ts';
import type { Marker } from './marker.ts';
import { mergeAccounts, sharedNumbers } from './merge.ts';
import type { AccountTexts, Merged } from './merge.ts';
import type { Reserved } from './numbers.ts';

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
  /** What stays as it is, since the system has mounted it there, as a container's is. */
  readonly left: readonly Obstacle[];
  /** Accounts that go by one number, as nobody decided here. */
  readonly shared: readonly string[];
  /** What is on the disk now of each path that no bundle changed before. */
  readonly toKeep: ReadonlyMap<string, Item>;
  readonly merged: Merged;
  /** What the marker says of the bundle's files. */
  readonly files: Marker['files'];
}

/** What a plan is made of. */
export interface PlanInput {
  readonly root: Folder;
  /** The agent's own, where there is one */
  readonly state: Folder | undefined;
  readonly files: readonly FileEntry[];
  readonly kept: Kept;
  /** What a bundle may place here. */
  readonly list: PathList;
  /** Whether owners are set and compared. */
  readonly owners: boolean;
}

/** Where a container finds what its manager mounted: it lives with that. */
const MAY_BE_LEFT = ['etc/hosts', 'etc/hostname', 'etc/resolv.conf'];
const mayBeLeft = ({ path, isMount }: Obstacle): boolean =>
  isMount === true && MAY_BE_LEFT.includes(path);

/**
 * Checks every file of a bundle, and everything on the disk that it would touch (docs/adr/0168).
 * @throws path_refused for what the bundle may not hold, or what is in the way: all of it, by path;
 *   file_malformed where the agent's own records are damaged
 */
export function planApply(input: PlanInput): ApplyPlan {
  const { root, state, files, kept, list, owners } = input;
  checkPaths(files, list);
  const inBundle = new Set(files.map(({ path }) => path));
  const dropped = Object.keys(kept.files).filter((path) => !inBundle.has(path));
  const touched = new Set([...inBundle, ...dropped]);
  const looked = survey(root, [...new Set([...touched, ...Object.keys(ACCOUNT_FILES)])]);
  const disk = looked.items;
  const inTheWay = looked.obstacles.filter(({ path }) => touched.has(path));
  const own = (path: AccountFile): Item => {
    const item = disk.get(path) ?? ABSENT;
    if (item.kind !== 'link') return item;
    try {
      return readLinked(root, path, item.target);
    } catch (error) {
      const why = said(error, path);
      if (touched.has(path)) inTheWay.push({ path, why });
      return ABSENT;
    }
  };
  const current = accountTexts((path) => contentOf(own(path)));
  const bundle = bundleTexts(files);
  const merged = mergeAccounts({
    ...{ current, bundle, originals: kept.originals },
    reserved: reservedNumbers(root, files, resultingIds(current)),
  });
  const ids = resultingIds({ ...current, ...merged.texts });

  const wanted = new Map<string, Item>();
  for (const file of files) wanted.set(file.path, wantedFile(file, merged, ids));
  for (const path of dropped) {
    const original = keptItem(state!, kept.files[path]!);
    const text = isAccountFile(path) ? (merged.texts[path] ?? current[path]) : undefined;
    wanted.set(path, text === undefined ? original : restored(root, path, original, text, disk));
  }
  const differing = [...wanted]
    .filter(([path, item]) => disk.has(path) && !sameItem(item, disk.get(path)!, owners))
    .map(([path, to]) => ({ path, from: disk.get(path)!, to }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  inTheWay.push(...differing.flatMap(({ path, from }) => obstacleAt(root, path, from) ?? []));
  throwObstacles(inTheWay.filter((one) => !mayBeLeft(one)));
  const isLeft = (path: string): boolean => inTheWay.some((one) => one.path === path);
  const placed = files.filter(({ path }) => !isLeft(path));
  return {
    changes: differing.filter(({ path }) => !isLeft(path)),
    left: inTheWay,
    shared: sharedNumbers(current, bundle),
    toKeep: new Map(
      placed
        .filter(({ path }) => !Object.hasOwn(kept.files, path))
        .map(({ path }) => [path, disk.get(path)!]),
    ),
    merged,
    files: Object.fromEntries(
      placed.map(({ path }) => [path, markerEntry(wanted.get(path) as FileItem)]),
    ),
  };
}

/** Which further numbers accounts may take. */
const RANGES = ['etc/subuid', 'etc/subgid'];
const isRange = (path: string): boolean => RANGES.includes(path);

/** Numbers that files go by whose owner is not known here, and those of ranges. */
function reservedNumbers(
  root: Folder,
  files: readonly FileEntry[],
  { users, groups }: Ids,
): Reserved {
  const ranges = [
    ...survey(root, RANGES).items.values(),
    ...files.filter(({ path }) => isRange(path)),
  ];
  return [
    ...ranges.flatMap((item) => rangesOf('content' in item ? textOf(item.content) : '')),
    ...files.flatMap(({ owner, uid, group, gid }) => [
      ...(users.idOf(owner) === undefined ? [[uid, uid] as const] : []),
      ...(groups.idOf(group) === undefined ? [[gid, gid] as const] : []),
    ]),
  ];
}

/** @throws path_refused, if there are any */
function throwObstacles(obstacles: readonly Obstacle[]): void {
  if (obstacles.length === 0) return;
  const said = obstacles.map(({ path, why }) => `${showPath(path)} ${why}`).join('; ');
  throw fail('path_refused', `nothing was changed, for what is in the way: ${said}`);
}

/** Lines of account files are looked at when they are merged; a wrong host name is told by who sets it. */
function checkPaths(files: readonly FileEntry[], list: PathList): void {
  const faults = faultsOf(
    files.filter(({ path }) => !isAccountFile(path) && path !== HOSTNAME_FILE),
    list,
  );
  if (faults.length > 0) throw fail('path_refused', faults.map(faultText).join('; '));
  const folders = new Set(files.flatMap(({ path }) => foldersOf(path)));
  for (const { path } of files) {
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
function restored(
  root: Folder,
  path: string,
  original: Item,
  text: string,
  disk: ReadonlyMap<string, Item>,
): Item {
  if (original.kind === 'link' && leadsTo(root, path, original.target, text)) return original;
  const content = bytesOf(text);
  if (original.kind === 'file') return { ...original, content };
  const now = disk.get(path);
  return text === '' || now?.kind !== 'file' ? original : { ...now, content };
}

/** Whether a link, put back, would give these entries. */
function leadsTo(root: Folder, path: string, target: string, text: string): boolean {
  const entries = (of: string): string => JSON.stringify(parseEntries(of));
  try {
    return entries(textOf(readLinked(root, path, target).content)) === entries(text);
  } catch (error) {
    if (error instanceof CoatcheckError) return false;
    throw error;
  }
}

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
  for (const path of Object.keys(ACCOUNT_FILES) as AccountFile[]) {
    const content = contentOf(path);
    if (content !== undefined) texts[path] = textOf(content);
  }
  return texts;
}
