import { later } from '../files/calls.ts';
import { acquiring } from '../files/lock.ts';
import { makeFolder } from '../files/write.ts';
import { fail, hasCode } from '../protocol/errors.ts';

/**
 * Says, by a lock, that a lab runs in a folder: two MinIOs on the same data would harm it.
 * @param folder made if it is missing
 * @returns takes it back
 * @throws in_use
 */
export async function claimFolder(folder: string): Promise<() => Promise<void>> {
  await makeFolder(folder);
  try {
    const release = await later(acquiring({ folder, label: 'lab', waitMilliseconds: 0 }));
    return () => later(release());
  } catch (error) {
    if (!hasCode(error, 'in_use')) throw error;
    throw fail('in_use', `${(error as Error).message}; or name another --dir`, { cause: error });
  }
}
