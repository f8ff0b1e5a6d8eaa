import { access } from 'node:fs/promises';
import { CoatcheckError } from '../bundle/errors.ts';
import { fail } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { errnoOf } from './errno.ts';

/** What an error of the system means here, and what to do about it; `%` is the store's folder. */
const MEANINGS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
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
const OTHER = ['store_unavailable', 'reading or writing % failed'] as const;
const MISSING = new Set(['ENOENT', 'ENOTDIR']);

export const isMissing = (error: unknown): boolean => MISSING.has(errnoOf(error) ?? '');

/** @throws no_such_bucket unless `objects` is a folder that can be reached */
export async function requireObjects(objects: string): Promise<void> {
  try {
    await access(objects);
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    throw fail(
      'no_such_bucket',
      `there is no store at ${objects}: is its disk mounted, and the path right?`,
      { cause },
    );
  }
}

/** Runs one operation of the store and gives what it throws the codes of the port. */
export async function withStoreErrors<T>(objects: string, operation: () => Promise<T>): Promise<T> {
  try {
    try {
      return await operation();
    } catch (error) {
      if (isMissing(error)) await requireObjects(objects);
      throw error;
    }
  } catch (error) {
    throw error instanceof CoatcheckError ? error : storeError(objects, error);
  }
}

function storeError(objects: string, cause: unknown): CoatcheckError {
  const errno = errnoOf(cause) ?? 'unknown error';
  const [code, meaning] = MEANINGS[errno] ?? OTHER;
  return fail(code, `${meaning.replace('%', objects)} (${whatFailed(cause)})`, {
    cause,
    details: { errno },
  });
}

/** e.g. `EIO, fsync`. Never the path: the message of an error may reach a client. */
export function whatFailed(error: unknown): string {
  const call = error instanceof Error && 'syscall' in error ? `, ${String(error.syscall)}` : '';
  return `${errnoOf(error) ?? 'unknown error'}${call}`;
}
