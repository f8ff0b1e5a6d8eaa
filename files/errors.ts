import { constants } from 'node:os';
import { CoatcheckError, showPath } from '../bundle/errors.ts';
import { fail } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';

/** What an error means for a path; the sentence goes on after the path, or has it at each `%`. */
interface Meaning {
  /** Where a person named the path, or the program by itself */
  readonly named: ErrorCode;
  /** Where it is one of a machine's tree, or of a bundle for one */
  readonly inTree: ErrorCode;
  readonly says: string;
}

const row = (named: ErrorCode, inTree: ErrorCode, says: string): Meaning => ({
  named,
  inTree,
  says,
});
const same = (code: ErrorCode, says: string): Meaning => row(code, code, says);

/** The one table: what the system says of a file, and what that means here. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: same('file_missing', 'does not exist'),
  ENOTDIR: row('file_missing', 'path_refused', 'lies behind something that is not a folder'),
  EEXIST: same('file_exists', 'exists already, and is never overwritten'),
  EACCES: same('file_denied', 'may not be read or written by this user'),
  EPERM: same('file_denied', 'may not be read or written by this user'),
  EROFS: same('file_denied', 'is on a read-only filesystem'),
  EIO: same('file_denied', 'cannot be read or written: its disk reports an error'),
  ENOSPC: same('disk_full', 'does not fit: the disk is full'),
  EDQUOT: same('disk_full', 'does not fit: the quota is used up'),
  EFBIG: same('disk_full', 'is larger than files may be here'),
  ELOOP: row('file_malformed', 'path_refused', 'is a link, or lies behind one'),
  EISDIR: row('file_malformed', 'path_refused', 'is a folder'),
  ENXIO: row('file_malformed', 'path_refused', 'is not a regular file'),
  EBUSY: row('file_denied', 'path_refused', 'is in use by the system, as a mount point is'),
  ENAMETOOLONG: row('usage', 'path_refused', 'is too long for a path'),
};

/** What an error means for a store in a folder, which `%` stands for, and what to do about it. */
export const STORE_MEANINGS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOSPC: ['store_full', 'the disk of % is full: make room; deleting objects still works'],
  EDQUOT: ['store_full', 'the quota of % is used up: raise it, or make room'],
  EROFS: ['store_denied', 'the disk of % is read-only: look in the kernel log why, and remount it'],
  EACCES: ['store_denied', 'no access to %: it must belong to the user that runs this'],
  EPERM: ['store_denied', 'no access to %: it must belong to the user that runs this'],
  ENOTSUP: ['store_denied', 'the file system of % has no hard links: use another'],
  EOPNOTSUPP: ['store_denied', 'the file system of % has no hard links: use another'],
  EIO: ['store_unavailable', 'the disk of % fails: look in the kernel log'],
  EMFILE: [
    'store_unavailable',
    'too many files are open to work in %: raise the limit (ulimit -n)',
  ],
  ENFILE: ['store_unavailable', 'too many files are open to work in %: raise fs.file-max'],
  ENOENT: ['store_unavailable', 'a folder in or beside % has gone: start again, which makes it'],
};

/** What a file system says that has nothing to make a file, or a folder's names, last with. */
const NO_SYNC = ['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EBADF'];

/**
 * What an fsync(2) failed with: where the file system has no such thing, a {@link FileFault} of whatever
 * was to last; otherwise as it is.
 */
export function syncFault(error: unknown): unknown {
  const errno = errnoOf(error);
  return errno !== undefined && NO_SYNC.includes(errno) ? FileFault.unsynced(errno) : error;
}

/** What is wrong with a file that the system would have let us read. */
export class FileFault extends Error {
  readonly meaning: Meaning;

  private constructor(meaning: Meaning) {
    super(meaning.says);
    this.meaning = meaning;
  }

  get isTooLarge(): boolean {
    return this.meaning.inTree === 'too_large';
  }

  static notRegular(): FileFault {
    return new FileFault(row('file_malformed', 'path_refused', 'is not a regular file'));
  }

  static tooLarge(maxBytes: number): FileFault {
    const says = `is larger than ${maxBytes} bytes`;
    return new FileFault(row('file_malformed', 'too_large', says));
  }

  /** @param code what fsync(2) said */
  static unsynced(code: string): FileFault {
    const says = `may be gone after a power cut, since its file system cannot sync it (${code}), as CIFS and some of FUSE cannot: use another`;
    return Object.assign(new FileFault(same('file_denied', says)), { code, syscall: 'fsync' });
  }

  /** @param says of a secret: what it is not to be */
  static unsafe(says: string): FileFault {
    return new FileFault(same('file_unsafe', says));
  }
}

/** libuv has no name for it. */
const NAMELESS_EDQUOT = `Unknown system error -${constants.errno.EDQUOT}`;

/** The name of a system error, such as `ENOENT`; undefined for anything else that was thrown. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || error instanceof CoatcheckError) return undefined;
  return code === NAMELESS_EDQUOT ? 'EDQUOT' : code;
}

/** Whether nothing is there: `ENOENT`, or `ENOTDIR` for what is behind a file. */
export const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');

/**
 * A failed system call, or a {@link FileFault}, as an error of ours about a path that a person
 * named. Errors of ours, and what is neither, pass unchanged.
 */
export function fileError(error: unknown, path: string): unknown {
  return asOurs(error, path, 'named');
}

/** As {@link fileError}, about a path in a machine's tree: as the user knows it, never a descriptor's. */
export function treeError(error: unknown, path: string): unknown {
  return asOurs(error, path, 'inTree');
}

/** Runs `act`; what the system refuses is thrown as {@link treeError}. */
export function naming<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw treeError(error, path);
  }
}

function asOurs(error: unknown, path: string, place: 'named' | 'inTree'): unknown {
  const meaning = error instanceof FileFault ? error.meaning : MEANINGS[errnoOf(error) ?? ''];
  if (meaning === undefined) return error;
  const said = meaning.says.replaceAll('%', path);
  return fail(meaning[place], `${showPath(path)} ${said}`, { cause: error });
}
