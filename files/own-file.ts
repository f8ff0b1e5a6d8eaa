import { basename, join } from 'node:path';
import { later } from './calls.ts';
import type { Steps } from './calls.ts';
import { disown, ownName } from './own-name.ts';
import { making, removingQuietly } from './write.ts';

/**
 * Writes a new file with a name of its own into `folder`, mode 0600, on disk when this returns.
 * Whoever has made something of it calls {@link discard}.
 * @throws what the system says
 */
export async function stageFile(folder: string, content: Uint8Array): Promise<string> {
  const path = join(folder, ownName('staged'));
  try {
    await later(making(path, content, { mode: 0o600 }));
  } catch (error) {
    disown(basename(path));
    throw error;
  }
  return path;
}

/**
 * Removes a file with a name of its own, if it is still there. Never fails: what cannot be removed
 * counts for nothing from now on, and is swept by whoever finds it.
 */
export const discard = (path: string): Promise<void> => later(discarding(path));

/** As {@link discard}. */
export function* discarding(path: string): Steps<void> {
  disown(basename(path));
  yield* removingQuietly(path);
}
