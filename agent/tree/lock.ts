import { now } from '../../files/calls.ts';
import { naming } from '../../files/errors.ts';
import { acquiring } from '../../files/lock.ts';
import type { Folder } from './folder.ts';

/**
 * Runs `act` while no other process does so on the same folder; waits for it, for ten seconds. The
 * lock of a process that was killed counts for nothing, and so does one of which nobody here can
 * tell: a root is one machine's, which may have had another name.
 * @throws in_use; file_denied, disk_full
 */
export function withLock<T>(folder: Folder, act: () => T): T {
  const place = {
    folder: `/proc/self/fd/${folder.fd}`,
    folderName: folder.path,
    label: '.lock',
    strangersMilliseconds: 0,
  };
  const release = naming(folder.path, () => now(acquiring(place)));
  try {
    return act();
  } finally {
    now(release());
  }
}
