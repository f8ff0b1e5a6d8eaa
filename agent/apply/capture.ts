import * as fs from 'node:fs';
import { utf8 } from '../../bundle/bytes.ts';
import { MAX_FILES, MAX_MANIFEST_BYTES } from '../../bundle/manifest.ts';
import type { FileEntry } from '../../bundle/manifest.ts';
import { isPath } from '../../bundle/path.ts';
import { codeOf, hasCode } from '../../protocol/errors.ts';
import { isPlace, isStagedName, traitsOf } from '../../protocol/paths.ts';
import { readNames, textOf } from './accounts.ts';
import type { Names } from './accounts.ts';
import { readIn, statIn } from '../tree/files.ts';
import type { ReadFile } from '../../files/read.ts';
import { at, inFolderOf, nameOf } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import { pathsBelow } from '../tree/listing.ts';
import { resolveIn, targetIn } from '../tree/resolve.ts';
import { captureSettings, isOfThisBoot, isSettingLink } from '../systemd/captured-settings.ts';
import type { CapturedSettings, LinkReason } from '../systemd/captured-settings.ts';
import { errnoOf } from '../../files/errors.ts';

/** The reason for which most of a root is left out; it alone is no news. */
export const NOT_ON_THE_LIST = 'not on the list of what a bundle may hold';

/** Why a path was left out. */
export type SkipReason =
  | typeof NOT_ON_THE_LIST
  | 'not readable'
  | 'too large'
  | 'over a limit of the bundle'
  | 'a link to what no bundle may hold'
  | 'a link to nothing'
  | 'a certificate store'
  | 'a cache'
  | 'left by an apply that was killed'
  | 'not a regular file'
  | 'setuid, setgid or sticky'
  | 'a name that no bundle may hold'
  | LinkReason;

/** A path that a bundle does not hold, and why. */
export interface Skipped {
  /** Below the root; a folder stands for all that is in it. */
  readonly path: string;
  readonly reason: SkipReason;
  /** Of a link: what it leads to, as it is written there */
  readonly target?: string;
}

/** What a machine would propose, and what was left out. */
export interface Capture {
  /** By path. */
  readonly files: readonly FileEntry[];
  readonly skipped: readonly Skipped[];
}

/** All that a machine is: its files, and what its links say. */
export function captureMachine(root: Folder): Capture & Pick<CapturedSettings, 'metadata'> {
  const { files, skipped } = captureFiles(root);
  const settings = captureSettings(root);
  return { files, skipped: [...skipped, ...settings.skipped], metadata: settings.metadata };
}

/** Where anything may be that {@link traitsOf} names. */
const START = ['etc', 'root/.ssh'];
/** Made by programs of the image from what is in the image. */
const CERTIFICATES = /^etc\/(ssl\/certs|ca-certificates|pki\/ca-trust|pki\/java|ssl\/java)$/;
const isStore = (path: string): boolean => CERTIFICATES.test(path);
const CACHES = /^etc\/(ld\.so\.cache|udev\/hwdb\.bin|mtab|\.updated|.*\.pyc)$/;
/** More than any configuration file that people write; `ssh/moduli` is larger. */
const MAX_FILE_BYTES = 128 * 1024;
/** What the manifest needs beside contents and paths, in all and per file. */
const HEAD_BYTES = 16 * 1024;
const PER_FILE_BYTES = 96;
const MAX_LINKS = 8;

/**
 * Reads the files below a root that a bundle may hold, with mode and owners by name. A link is read
 * as the file that it leads to, if that is one that a bundle may hold.
 * @param isWanted by path; what it is not true of is neither read nor skipped
 */
export function captureFiles(
  root: Folder,
  isWanted: (path: string) => boolean = () => true,
): Capture {
  const names = { users: namesIn(root, 'etc/passwd'), groups: namesIn(root, 'etc/group') };
  const files: FileEntry[] = [];
  const skipped: Skipped[] = [];
  let left = MAX_MANIFEST_BYTES - HEAD_BYTES;
  for (const { path, closed } of START.flatMap((start) => [...pathsBelow(root, start, isStore)])) {
    if (!isWanted(path)) continue;
    const unread = { path, reason: 'not readable' } as const;
    const found = closed ? unread : fileAt(root, path, names);
    if (found === undefined) continue;
    if (!('content' in found)) {
      skipped.push(found);
      continue;
    }
    const cost = found.content.length + utf8(path).length + PER_FILE_BYTES;
    if (files.length >= MAX_FILES || cost > left) {
      skipped.push({ path, reason: 'over a limit of the bundle' });
      continue;
    }
    left -= cost;
    files.push(found);
  }
  return { files, skipped };
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
function fileAt(root: Folder, path: string, names: Known): FileEntry | Skipped | undefined {
  if (isSettingLink(path) && targetIn(root, path) !== undefined) {
    return isUsersMask(root, path) ? emptyFile(path) : undefined;
  }
  const found = readPath(root, path);
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

function entry(path: string, { content, stat }: ReadFile, names: Known): FileEntry {
  const { uid, gid } = stat;
  return {
    path,
    mode: stat.mode & 0o777,
    // A number that has no name here has none elsewhere: the number decides.
    owner: names.users.nameOf(uid) ?? `uid-${uid}`,
    uid,
    group: names.groups.nameOf(gid) ?? `gid-${gid}`,
    gid,
    content,
  };
}

function readPath(root: Folder, path: string): ReadFile | SkipReason {
  if (isStore(path)) return 'a certificate store';
  if (CACHES.test(path)) return 'a cache';
  if (isStagedName(nameOf(path))) return 'left by an apply that was killed';
  if (!isPlace(path)) return NOT_ON_THE_LIST;
  if (!isPath(path)) return 'a name that no bundle may hold';
  try {
    const found = readThrough(root, path, MAX_LINKS);
    if (typeof found === 'string') return found;
    return (found.stat.mode & 0o7000) === 0 ? found : 'setuid, setgid or sticky';
  } catch (error) {
    return reasonOf(error);
  }
}

/** Reads `path`; where it is a link, what it leads to, each step of it allowed and below the root. */
function readThrough(root: Folder, path: string, hops: number): ReadFile | SkipReason {
  const step = inFolderOf(
    root,
    path,
    (folder, name): ReadFile | SkipReason | { target: string } => {
      const stat = statIn(folder, name);
      if (stat?.isSymbolicLink()) return { target: fs.readlinkSync(at(folder, name)) };
      if (stat === undefined) return 'a link to nothing';
      return stat.isFile() ? readIn(folder, name, MAX_FILE_BYTES) : 'not a regular file';
    },
  );
  if (step === undefined) return 'a link to nothing';
  if (typeof step === 'string' || 'content' in step) return step;
  const target = resolveLink(path, step.target);
  if (hops === 0 || traitsOf(target) === undefined) return 'a link to what no bundle may hold';
  return readThrough(root, target, hops - 1);
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
  if (hasCode(error, 'too_large')) return 'too large';
  if (hasCode(error, 'path_refused')) return 'not a regular file';
  // Whatever the system says to one file is no reason to capture none.
  if (errnoOf(error) !== undefined || codeOf(error) !== 'internal') return 'not readable';
  throw error;
}

function namesIn(root: Folder, path: string): Names {
  const found = readPath(root, path);
  return readNames(typeof found === 'string' ? '' : textOf(found.content));
}
