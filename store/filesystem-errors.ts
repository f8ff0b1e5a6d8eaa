import { access } from 'node:fs/promises';
import { CoatcheckError } from '../bundle/errors.ts';
import { errnoOf, isMissing, STORE_MEANINGS } from '../files/errors.ts';
import { fail, hasCode } from '../protocol/errors.ts';

const OTHER = ['store_unavailable', 'reading or writing % failed'] as const;

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
    if (hasCode(error, 'in_use')) throw fail('store_unavailable', (error as Error).message);
    throw error instanceof CoatcheckError ? error : storeError(objects, error);
  }
}

function storeError(objects: string, cause: unknown): CoatcheckError {
  const errno = errnoOf(cause) ?? 'unknown error';
  const [code, meaning] = STORE_MEANINGS[errno] ?? OTHER;
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
