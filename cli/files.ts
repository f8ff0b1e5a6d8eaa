import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail } from '../protocol/errors.ts';
import { errnoOf } from '../store/errno.ts';
import { onInterrupt } from './interrupt.ts';

/** An error of the file system as one of ours, with the path and what to do. */
export function fileError(error: unknown, path: string): unknown {
  switch (errnoOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return fail('file_missing', `${path} does not exist`, { cause: error });
    case 'EEXIST':
      return fail('file_exists', `${path} exists already and is never overwritten`, {
        cause: error,
      });
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return fail('disk_full', `no space left to write ${path}`, { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return fail('file_denied', `${path} may not be read or written by this user`, {
        cause: error,
      });
    case 'EIO':
      return fail('file_denied', `${path} cannot be read or written: its disk reports an error`, {
        cause: error,
      });
    case 'ENAMETOOLONG':
      return fail('usage', `${path} is too long for a path`, { cause: error });
    case 'EISDIR':
    case 'ENXIO':
    case 'ELOOP':
      return fail('file_malformed', `${path} is not a regular file`, { cause: error });
    default:
      return error;
  }
}

/**
 * Reads a whole file.
 * @param options.maxBytes larger is `file_malformed`
 * @param options.secret refuse with `file_unsafe` a file that others than its owner, who must be
 *   this user or root, may read or write
 */
export async function readLocalFile(
  path: string,
  options: { maxBytes: number; secret?: boolean },
): Promise<Uint8Array> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const info = await file.stat();
      if (!info.isFile()) throw fail('file_malformed', `${path} is not a regular file`);
      if (options.secret) checkSecret(path, info);
      const buffer = Buffer.alloc(Math.min(info.size, options.maxBytes) + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
        if (length > options.maxBytes || length === buffer.length) {
          throw fail('file_malformed', `${path} is larger than ${options.maxBytes} bytes`);
        }
      }
      return Uint8Array.from(buffer.subarray(0, length));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

function checkSecret(path: string, info: { mode: number; uid: number }): void {
  if ((info.mode & 0o077) !== 0) {
    throw fail('file_unsafe', `${path} can be read by others: run chmod 600 ${path}`);
  }
  if (info.uid !== 0 && info.uid !== process.getuid?.()) {
    throw fail('file_unsafe', `${path} belongs to another user`);
  }
}

/** Writes to a new name beside `path`, synced; `place` moves it there. Leaves nothing on failure. */
async function stage(
  path: string,
  bytes: Uint8Array,
  mode: number,
  place: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const forget = onInterrupt(temporary);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.chmod(mode); // whatever the umask
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await place(temporary);
    await syncFolder(dirname(path));
  } catch (error) {
    throw fileError(error, path);
  } finally {
    await unlink(temporary).catch(() => undefined);
    forget();
  }
}

/** Writes a file that must not exist. @throws file_exists, disk_full */
export function createFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  return stage(path, bytes, mode, (temporary) => link(temporary, path));
}

/** Writes a file, replacing one that exists in one step. @throws disk_full */
export function replaceFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  return stage(path, bytes, mode, (temporary) => rename(temporary, path));
}

/** Makes a folder and those above it. */
export async function makeFolder(path: string, mode = 0o700): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode });
  } catch (error) {
    throw fileError(error, path);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** True if anything has this name. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw fileError(error, path);
  }
}
