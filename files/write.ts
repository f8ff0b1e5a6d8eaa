import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { showPath } from '../bundle/errors.ts';
import { fail } from '../protocol/errors.ts';
import { call, later, now } from './calls.ts';
import type { Steps } from './calls.ts';
import { errnoOf, FileFault, fileError, isMissing, syncFault } from './errors.ts';
import { notFinished } from './unfinished.ts';

/** Mode and owner of a file to make; the owner is left alone where it is not given. */
export interface Attributes {
  readonly mode: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

/**
 * Makes a file, which must not exist, with exactly these attributes and its content on disk; its
 * name is, once its folder is synced. Until it has its mode, only this user can open it. On any
 * error nothing is left.
 * @throws what the system says
 */
export function* making(path: string, content: Uint8Array, is: Attributes): Steps<void> {
  const { mode, owner } = is;
  const fd = yield* call('open', path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    try {
      for (let written = 0; written < content.length;) {
        written += yield* call('write', fd, content, written);
      }
      if (owner !== undefined) yield* call('fchown', fd, owner.uid, owner.gid);
      yield* call('fchmod', fd, mode); // after chown, which may clear bits; free of the umask
      yield* syncingOpen(fd);
    } finally {
      yield* call('close', fd);
    }
  } catch (error) {
    yield* removingQuietly(path);
    throw error;
  }
}

function* syncingOpen(fd: number): Steps<void> {
  try {
    yield* call('fsync', fd);
  } catch (error) {
    throw syncFault(error);
  }
}

/** Removes a file, or an empty folder, if it is there and that can be done. */
export function* removingQuietly(path: string, by: 'unlink' | 'rmdir' = 'unlink'): Steps<void> {
  try {
    yield* call(by, path);
  } catch {
    // Whoever calls has something more important to say, or nothing.
  }
}

/**
 * Makes the names in a folder last: a link, a rename or an unlink there is on disk after this. Of a file, its content.
 * @throws what the system says; file_denied, naming the folder, where it has no such thing
 */
function* syncing(folder: string): Steps<void> {
  const fd = yield* call('open', folder, O_RDONLY);
  try {
    yield* syncingOpen(fd);
  } catch (error) {
    // Anything else is of whoever calls, who knows what the folder is for.
    throw error instanceof FileFault ? fileError(error, folder) : error;
  } finally {
    yield* call('close', fd);
  }
}

/** As {@link syncing}. */
export const syncFolder = (path: string): Promise<void> => later(syncing(path));

/**
 * Writes a file in one step, durable when it is done: after a crash it is there whole, or it is as it
 * was, and so after an error. Written under another name beside it, which is gone afterwards.
 * @param place `link` never takes the place of what is there; `rename` does
 * @throws what the system says; as {@link syncing}
 */
export function* placing(
  path: string,
  content: Uint8Array,
  is: Attributes,
  place: 'link' | 'rename',
): Steps<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const finished = notFinished(temporary);
  let isMade = false;
  try {
    yield* making(temporary, content, is);
    // What was there cannot come back: whether this folder can be synced at all is asked before.
    if (place === 'rename') yield* syncing(dirname(path));
    try {
      yield* call(place, temporary, path);
    } finally {
      if (place === 'link') yield* removingQuietly(temporary);
    }
    isMade = place === 'link';
    yield* syncing(dirname(path));
  } catch (error) {
    yield* removingQuietly(isMade ? path : temporary);
    throw error;
  } finally {
    finished();
  }
}

/** Writes a file that must not exist. @throws file_exists, disk_full, file_missing, file_denied */
export function createFile(path: string, content: Uint8Array, mode: number): Promise<void> {
  return named(path, placing(path, content, { mode }, 'link'), writeError);
}

/** As {@link createFile}, before it returns. */
export function createFileNow(path: string, content: Uint8Array, mode: number): void {
  try {
    now(placing(path, content, { mode }, 'link'));
  } catch (error) {
    throw writeError(error, path);
  }
}

/** Writes a file, replacing one that exists in one step. @throws disk_full, file_missing, file_denied */
export function replaceFile(path: string, content: Uint8Array, mode: number): Promise<void> {
  return named(path, placing(path, content, { mode }, 'rename'), writeError);
}

/**
 * Gives a file that another program made its name, replacing one that has it in one step: its content is on disk before.
 * @param from in the file system of `to`
 * @throws disk_full, file_missing, file_denied
 */
export function renameFile(from: string, to: string): Promise<void> {
  return named(to, renaming(from, to), writeError);
}

function* renaming(from: string, to: string): Steps<void> {
  yield* syncing(from);
  // As in `placing`.
  yield* syncing(dirname(to));
  yield* call('rename', from, to);
  yield* syncing(dirname(to));
}

/** Makes a folder and those above it that are missing, on disk when this returns; on any error none is left. */
export function makeFolder(path: string, mode = 0o700): Promise<void> {
  return named(path, makingFolder(resolve(path), mode));
}

function* makingFolder(path: string, mode: number): Steps<void> {
  const first = yield* call('mkdir', path, { recursive: true, mode });
  if (first === undefined) return;
  try {
    for (let made = path; ; made = dirname(made)) {
      yield* syncingIfReadable(dirname(made));
      if (made === first) return;
    }
  } catch (error) {
    for (let made = path; ; made = dirname(made)) {
      yield* removingQuietly(made, 'rmdir');
      if (made === first) throw error;
    }
  }
}

/** As {@link syncing}, but for a folder that this user may not open: it is not one of ours. */
export function* syncingIfReadable(folder: string): Steps<void> {
  try {
    yield* syncing(folder);
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
  }
}

/** True if anything has this name, a link that leads nowhere too. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw fileError(error, path);
  }
}

async function named<T>(path: string, steps: Steps<T>, asOurs = fileError): Promise<T> {
  try {
    return await later(steps);
  } catch (error) {
    throw asOurs(error, path);
  }
}

/** As {@link fileError}, where a file was to be made: what is not there is its folder. */
function writeError(error: unknown, path: string): unknown {
  const folder = dirname(path);
  if (errnoOf(error) !== 'ENOENT' || existsSync(folder)) return fileError(error, path);
  const shown = showPath(folder);
  return fail(
    'file_missing',
    `${showPath(path)} cannot be written: the folder ${shown} does not exist; make it first, with mkdir -p ${shown}`,
    { cause: error },
  );
}
