import * as fs from 'node:fs';
import { CoatcheckError } from '../../bundle/errors.ts';
import { utf8 } from '../../bundle/bytes.ts';
import { shortDigest } from '../../bundle/file-digest.ts';
import { isOwnerName, MAX_FILES, MAX_MANIFEST_BYTES } from '../../bundle/manifest.ts';
import type { FileEntry, Metadata } from '../../bundle/manifest.ts';
import { isPath } from '../../bundle/path.ts';
import { errnoOf } from '../../files/errors.ts';
import { isAccountFile } from '../../protocol/accounts.ts';
import { codeOf, hasCode } from '../../protocol/errors.ts';
import { folderOf } from '../../protocol/path-pattern.ts';
import { isPassedOver, isStagedName } from '../../protocol/paths.ts';
import type { PathList } from '../../protocol/paths.ts';
import { readNames, textOf } from './accounts.ts';
import type { Names } from './accounts.ts';
import { formatBaseline, madeOn, missingEntries, ownPart, readBaseline } from './baseline.ts';
import type { Baseline, BaselineLook } from './baseline.ts';
import { readIn, statIn } from '../tree/files.ts';
import { at, inFolderOf, nameOf } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import type { FileItem } from '../tree/item.ts';
import { pathsBelow } from '../tree/listing.ts';
import type { ListedPath } from '../tree/listing.ts';
import { resolveIn, statOf, targetIn } from '../tree/resolve.ts';
import { readLinked, readThrough } from '../tree/through.ts';
import { captureSettings, isOfThisBoot, isSettingLink } from '../systemd/captured-settings.ts';
import type { CapturedSettings, LinkReason } from '../systemd/captured-settings.ts';
import { kindOf } from './survey.ts';

/** The reason for which most of a root is left out; it alone is no news. */
export const NOT_ON_THE_LIST = 'not on the list of what a bundle may hold';

/** The reason for which nothing below a path is captured, nor could be applied. */
export const BEHIND_A_LINK =
  'a link where a folder is expected: what lies behind it is not captured';

type IrregularKind = 'a device' | 'a FIFO' | 'a folder' | 'a socket';

/** Why a path was left out. */
export type SkipReason =
  | typeof NOT_ON_THE_LIST
  | 'not readable'
  | 'larger than 128 KiB'
  | 'one file too many: a bundle is full'
  | 'one byte too many: a bundle is full'
  | 'a link to what no bundle may hold'
  | 'a link to nothing'
  | 'a link that leads through a link'
  | typeof BEHIND_A_LINK
  | 'a link to no file that root alone may write'
  | 'a certificate store'
  | 'a cache'
  | 'made anew for each machine: no configuration'
  | 'left by an apply that was killed'
  | `${IrregularKind}, and no regular file`
  | 'setuid, setgid or sticky'
  | 'a name that no bundle may hold'
  | 'a file of the image that is not here'
  | 'accounts of the image that are not here'
  | LinkReason;

/** A path that a bundle does not hold, and why. */
export interface Skipped {
  /** Below the root; a folder stands for all that is in it. */
  readonly path: string;
  readonly reason: SkipReason;
  /** Of a link: what it leads to, as it is written there */
  readonly target?: string;
  /** Of accounts: theirs */
  readonly names?: readonly string[];
}

/** What a machine would propose, and what was left out. */
export interface Capture {
  /** By path. */
  readonly files: readonly FileEntry[];
  readonly skipped: readonly Skipped[];
  /** Owners and groups that go by their number, since no bundle can hold their name. */
  readonly unnamed: readonly Unnamed[];
}

/** An owner, or a group, with a name that a bundle cannot hold. */
export interface Unnamed {
  readonly name: string;
  readonly id: number;
  /** What belongs to it */
  readonly paths: readonly string[];
}

/** A machine as a bundle has it: its files, what its links say, and what it was compared with. */
export interface MachineCapture extends Capture {
  readonly metadata: CapturedSettings['metadata'] & Pick<Metadata, 'image' | 'baseline' | 'left'>;
  readonly baseline: BaselineLook;
}

/**
 * All that a machine is, and that its image has not anyway, as far as the image says what it has.
 * @param list of its site
 */
export function captureMachine(root: Folder, list: PathList): MachineCapture {
  const look = readBaseline(root);
  const baseline = look.state === 'found' ? look.baseline : undefined;
  const left: Record<string, string> = {};
  const lacking: Skipped[] = [];
  const { skipped, ...captured } = captureFiles(root, list, undefined, (file) => {
    if (baseline === undefined) return file;
    const own = ownPart(file, baseline);
    if (own === undefined) left[file.path] = shortDigest(file);
    const names = missingEntries(file, baseline);
    if (names.length > 0) {
      lacking.push({ path: file.path, reason: 'accounts of the image that are not here', names });
    }
    return own;
  });
  const settings = captureSettings(root, baseline?.links);
  const isImages = ({ path, target }: Skipped): boolean =>
    target !== undefined && baseline?.links[path] === target;
  const gone = baseline === undefined ? [] : missingFiles(root, baseline);
  return {
    ...captured,
    skipped: [...skipped, ...settings.skipped, ...lacking, ...gone].filter((one) => !isImages(one)),
    metadata: {
      ...settings.metadata,
      ...madeOn(root, look),
      ...(baseline !== undefined && { left }),
    },
    baseline: look,
  };
}

function missingFiles(root: Folder, { files, links }: Baseline): Skipped[] {
  return [...Object.keys(files), ...Object.keys(links)]
    .filter((path) => !isSettingLink(path) && isGone(root, path))
    .map((path) => ({ path, reason: 'a file of the image that is not here' }));
}

function isGone(root: Folder, path: string): boolean {
  try {
    return statOf(root, path) === undefined;
  } catch (error) {
    if (errnoOf(error) !== undefined || codeOf(error) !== 'internal') return false;
    throw error;
  }
}

/**
 * The text of a baseline: what a root has of all that a bundle may hold.
 * @param list of the site
 * @param isShipped of a file: whether the image has it so
 * @param withLinks whether the links are the image's
 */
export function baselineOf(
  root: Folder,
  list: PathList,
  isShipped: (file: FileEntry) => boolean,
  withLinks: boolean,
): string {
  const files: FileEntry[] = [];
  captureFiles(root, list, undefined, (file) => {
    if (isShipped(file)) files.push(file);
    return undefined;
  });
  const paths = listed(root, list)
    .filter(({ path, closed }) => !closed && (isSettingLink(path) || list.isPlace(path)))
    .map(({ path }) => [path, targetIn(root, path)] as const)
    .filter((link): link is readonly [string, string] => withLinks && link[1] !== undefined);
  return formatBaseline(root, files, Object.fromEntries(paths));
}

/** Looked through as a whole, so that a person is told how much of it is on no list. */
const WHOLE = 'etc';
/** Made by programs of the image from what is in the image. */
const CERTIFICATES = /^etc\/(ssl\/certs|ca-certificates|pki\/ca-trust|pki\/java|ssl\/java)$/;
const isStore = (path: string): boolean => CERTIFICATES.test(path);
const CACHES = /^etc\/(ld\.so\.cache|udev\/hwdb\.bin|mtab|\.updated|.*\.pyc)$/;
/** More than any configuration file that people write; `ssh/moduli` is larger. */
const MAX_CAPTURED_BYTES = 128 * 1024;
/** What the manifest needs beside contents and paths, in all and per file. */
const HEAD_BYTES = 16 * 1024;
const PER_FILE_BYTES = 96;
const MAX_LINKS = 8;

/** The folders that the patterns of a list are in, none below another. */
function startsOf({ patterns }: PathList): string[] {
  const folders = [...new Set([WHOLE, ...patterns.map(folderOf)])].sort();
  return folders.filter((one) => !folders.some((other) => one.startsWith(`${other}/`)));
}

/** Every path that a capture looks at. */
function listed(root: Folder, list: PathList): ListedPath[] {
  const isClosed = (path: string): boolean =>
    isStore(path) || !(`${path}/`.startsWith(`${WHOLE}/`) || list.mayHold(path));
  return startsOf(list).flatMap((start) => [...pathsBelow(root, start, isClosed)]);
}

/**
 * Reads the files below a root that a bundle may hold, with mode and owners by name. A link is read
 * as the file that it leads to, if that is one that a bundle may hold.
 * @param list of the machine's site
 * @param isWanted by path; what it is not true of is neither read nor skipped
 * @param own what of a file is taken; nothing of it where that is undefined
 */
export function captureFiles(
  root: Folder,
  list: PathList,
  isWanted: (path: string) => boolean = () => true,
  own: (file: FileEntry) => FileEntry | undefined = (file) => file,
): Capture {
  const names = { users: namesIn(root, 'etc/passwd'), groups: namesIn(root, 'etc/group') };
  const files: FileEntry[] = [];
  const skipped: Skipped[] = [];
  let left = MAX_MANIFEST_BYTES - HEAD_BYTES;
  for (const { path, closed } of listed(root, list)) {
    if (!isWanted(path)) continue;
    const found = closed
      ? { path, reason: closedReason(root, list, path) }
      : fileAt(root, list, path, names);
    if (found === undefined) continue;
    if (!('content' in found)) {
      skipped.push(found);
      continue;
    }
    const file = own(found);
    if (file === undefined) continue;
    const cost = file.content.length + utf8(path).length + PER_FILE_BYTES;
    if (files.length >= MAX_FILES || cost > left) {
      const what = files.length >= MAX_FILES ? 'file' : 'byte';
      skipped.push({ path, reason: `one ${what} too many: a bundle is full` });
      continue;
    }
    left -= cost;
    files.push(file);
  }
  return { files, skipped, unnamed: unnamedOwners(files, names) };
}

/** A link to /dev/null is read as an empty file, which says the same to udev, tmpfiles, sysctl and their like. */
const meansEmpty = (root: Folder, path: string): boolean =>
  resolveIn(root, path)?.path === 'dev/null';

/** So does systemd with a unit of users; one of the machine is masked by a setting. */
const isUsersMask = (root: Folder, path: string): boolean =>
  /^etc\/systemd\/user\/[^/]+$/.test(path) && meansEmpty(root, path);

const emptyFile = (path: string): FileEntry => ({
  ...{ path, mode: 0o644, owner: 'root', uid: 0, group: 'root', gid: 0 },
  content: new Uint8Array(),
});

/** @returns undefined for a link that is a setting */
function fileAt(
  root: Folder,
  list: PathList,
  path: string,
  names: Known,
): FileEntry | Skipped | undefined {
  if (isSettingLink(path) && targetIn(root, path) !== undefined) {
    return isUsersMask(root, path) ? emptyFile(path) : undefined;
  }
  const found = readPath(root, list, path);
  if (found === 'a link to what no bundle may hold') {
    return meansEmpty(root, path) ? emptyFile(path) : skippedLink(root, path, found);
  }
  return typeof found === 'string' ? { path, reason: found } : entry(path, found, names);
}

interface Known {
  readonly users: Names;
  readonly groups: Names;
}

function skippedLink(root: Folder, path: string, reason: SkipReason): Skipped {
  const target = targetIn(root, path);
  const isAnew = isOfThisBoot(resolveIn(root, path)?.path);
  return {
    path,
    reason: isAnew ? 'a link to what is made anew at every boot' : reason,
    ...(target !== undefined && { target }),
  };
}

function entry(path: string, { content, mode, uid, gid }: FileItem, names: Known): FileEntry {
  return {
    path,
    mode,
    owner: nameOrNumber(names.users.nameOf(uid), `uid-${uid}`),
    uid,
    group: nameOrNumber(names.groups.nameOf(gid), `gid-${gid}`),
    gid,
    content,
  };
}

/** A number that has no name here, or none that a bundle can hold, has none elsewhere: the number decides. */
const nameOrNumber = (name: string | undefined, number: string): string =>
  name !== undefined && isOwnerName(name) ? name : number;

function unnamedOwners(files: readonly FileEntry[], { users, groups }: Known): Unnamed[] {
  const found = new Map<string, { name: string; id: number; paths: string[] }>();
  for (const { path, uid, gid } of files) {
    const both = [
      ['user', users.nameOf(uid), uid],
      ['group', groups.nameOf(gid), gid],
    ] as const;
    for (const [kind, name, id] of both) {
      if (name === undefined || isOwnerName(name)) continue;
      const key = `${kind} ${id}`;
      if (!found.has(key)) found.set(key, { name, id, paths: [] });
      found.get(key)!.paths.push(path);
    }
  }
  return [...found.values()];
}

/** Of a folder that could not be listed: of one that could hold nothing for a bundle it does not matter. */
function closedReason(root: Folder, list: PathList, path: string): SkipReason {
  if (!list.mayHold(path)) return NOT_ON_THE_LIST;
  try {
    const isFolder = inFolderOf(root, path, (folder, name) => statIn(folder, name)?.isDirectory());
    return isFolder === true ? 'not readable' : BEHIND_A_LINK;
  } catch (error) {
    return hasCode(error, 'path_refused') ? BEHIND_A_LINK : reasonOf(error);
  }
}

function readPath(root: Folder, list: PathList, path: string): FileItem | SkipReason {
  if (isStore(path)) return 'a certificate store';
  if (CACHES.test(path)) return 'a cache';
  if (isStagedName(nameOf(path))) return 'left by an apply that was killed';
  if (isPassedOver(path)) return 'made anew for each machine: no configuration';
  if (!list.isPlace(path)) {
    return list.mayHold(path) && isLink(root, path) ? BEHIND_A_LINK : NOT_ON_THE_LIST;
  }
  if (!isPath(path)) return 'a name that no bundle may hold';
  try {
    const found = readSteps(root, list, path, MAX_LINKS);
    if (typeof found === 'string') return found;
    return (found.mode & 0o7000) === 0 ? found : 'setuid, setgid or sticky';
  } catch (error) {
    return reasonOf(error);
  }
}

const isLink = (root: Folder, path: string): boolean =>
  inFolderOf(root, path, (folder, name) => statIn(folder, name)?.isSymbolicLink()) === true;

/** Reads `path`; where it is a link, what it leads to, each step of it allowed and below the root. */
function readSteps(
  root: Folder,
  list: PathList,
  path: string,
  hops: number,
): FileItem | SkipReason {
  const step = inFolderOf(
    root,
    path,
    (folder, name): FileItem | SkipReason | { target: string } => {
      const stat = statIn(folder, name);
      if (stat?.isSymbolicLink()) return { target: fs.readlinkSync(at(folder, name)) };
      if (stat === undefined) return 'a link to nothing';
      if (!stat.isFile()) return `${kindOf(stat) as IrregularKind}, and no regular file`;
      const { content, stat: read } = readIn(folder, name, MAX_CAPTURED_BYTES);
      return { kind: 'file', content, mode: read.mode & 0o7777, uid: read.uid, gid: read.gid };
    },
  );
  if (step === undefined) return 'a link to nothing';
  if (typeof step === 'string' || 'content' in step) return step;
  if (isAccountFile(path)) return readAccountLink(root, path);
  const target = resolveLink(path, step.target);
  if (hops === 0 || list.traitsOf(target) === undefined) return 'a link to what no bundle may hold';
  return readSteps(root, list, target, hops - 1);
}

/** Accounts are the machine's wherever an image keeps them (docs/adr/0169). */
function readAccountLink(root: Folder, path: string): FileItem | SkipReason {
  try {
    const file = readLinked(root, path);
    return file.content.length > MAX_CAPTURED_BYTES ? 'larger than 128 KiB' : file;
  } catch (error) {
    if (!hasCode(error, 'path_refused')) throw error;
    return 'a link to no file that root alone may write';
  }
}

/** Where a link at `path` leads, below the root; what would climb out of it stays in it. */
function resolveLink(path: string, target: string): string {
  const parts = target.startsWith('/') ? [] : path.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function reasonOf(error: unknown): SkipReason {
  if (hasCode(error, 'too_large')) return 'larger than 128 KiB';
  if (hasCode(error, 'path_refused')) return 'a link that leads through a link';
  // Whatever the system says to one file is no reason to capture none.
  if (errnoOf(error) !== undefined || codeOf(error) !== 'internal') return 'not readable';
  throw error;
}

function namesIn(root: Folder, path: string): Names {
  try {
    const item = readThrough(root, path);
    return readNames(item.kind === 'file' ? textOf(item.content) : '');
  } catch (error) {
    if (error instanceof CoatcheckError) return readNames('');
    throw error;
  }
}
