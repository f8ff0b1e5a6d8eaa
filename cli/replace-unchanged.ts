import { equalBytes } from '../bundle/index.ts';
import { withLockBeside } from '../files/lock.ts';
import { readLocalFile } from '../files/read.ts';
import { replaceFile } from '../files/write.ts';
import { fail } from '../protocol/errors.ts';

/**
 * Replaces a file that was read before somebody was asked: what another command made of it meanwhile stays.
 * @param before what was read
 * @throws in_use where it is another now, with nothing changed; as reading and writing
 */
export function replaceUnchanged(
  path: string,
  before: Uint8Array,
  after: Uint8Array,
  mode: number,
): Promise<void> {
  return withLockBeside(path, async () => {
    // One byte more: a file that grew is another.
    const now = await readLocalFile(path, { maxBytes: before.length + 1 }).catch(() => undefined);
    if (now === undefined || !equalBytes(now, before)) {
      throw fail('in_use', `${path} was changed meanwhile: nothing was changed by this`);
    }
    await replaceFile(path, after, mode);
  });
}
