import { access } from 'node:fs/promises';
import { CoatcheckError } from '../bundle/errors.ts';
import { fail } from '../protocol/errors.ts';
import { errnoOf } from './errno.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT']);
const DENIED = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTSUP', 'EOPNOTSUPP']);
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
    return await operation();
  } catch (error) {
    if (error instanceof CoatcheckError) throw error;
    if (isMissing(error)) await requireObjects(objects);
    const errno = errnoOf(error) ?? 'unknown error';
    const options = { cause: error, details: { errno } };
    if (FULL.has(errno)) throw fail('store_full', `the disk of ${objects} is full`, options);
    if (DENIED.has(errno)) {
      throw fail('store_denied', `the system refused access to ${objects} (${errno})`, options);
    }
    throw fail('store_unavailable', `reading or writing ${objects} failed (${errno})`, options);
  }
}
