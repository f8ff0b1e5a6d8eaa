import { constants } from 'node:os';
import { CoatcheckError } from '../../bundle/errors.ts';
import { fail } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'file_missing',
  EEXIST: 'file_exists',
  EACCES: 'file_denied',
  EPERM: 'file_denied',
  EROFS: 'file_denied',
  ENOSPC: 'disk_full',
  EDQUOT: 'disk_full',
  EFBIG: 'disk_full',
  ELOOP: 'path_refused',
  ENOTDIR: 'path_refused',
  EISDIR: 'path_refused',
  ENXIO: 'path_refused',
  EBUSY: 'path_refused',
  ENAMETOOLONG: 'path_refused',
  EIO: 'file_denied',
};

const SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EEXIST: 'exists already, and is never overwritten',
  EACCES: 'may not be read or written by this user',
  EPERM: 'may not be read or written by this user',
  EROFS: 'is on a read-only filesystem',
  ENOSPC: 'does not fit: the disk is full',
  EDQUOT: 'does not fit: the quota is used up',
  EFBIG: 'is larger than files may be here',
  ELOOP: 'is a link, or lies behind one',
  ENOTDIR: 'lies behind something that is not a folder',
  EISDIR: 'is a folder',
  ENXIO: 'is not a regular file',
  EBUSY: 'is in use by the system, as a mount point is',
  ENAMETOOLONG: 'is too long for a path',
  EIO: 'cannot be read or written: its disk reports an error',
};

/** libuv has no name for it. */
const NAMELESS_EDQUOT = `Unknown system error -${constants.errno.EDQUOT}`;

/** The `errno` name of a failed system call (`ENOENT`, ...); undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || error instanceof CoatcheckError) return undefined;
  return code === NAMELESS_EDQUOT ? 'EDQUOT' : code;
}

/**
 * A failed system call as an error of ours that names `what` (a path as the user knows it, never
 * one through a descriptor). Errors of ours, and what is not a system call, pass unchanged.
 */
export function systemError(error: unknown, what: string): unknown {
  const errno = errnoOf(error);
  const code = errno === undefined ? undefined : CODES[errno];
  if (errno === undefined || code === undefined) return error;
  return fail(code, `${what} ${SENTENCES[errno] ?? errno}`, { cause: error });
}

/** Runs `act`; what the system refuses is thrown as {@link systemError}. */
export function naming<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw systemError(error, what);
  }
}
