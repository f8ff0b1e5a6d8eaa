import { dirname, sep } from 'node:path';
import { isMissing } from '../files/errors.ts';
import { syncFolder } from '../files/write.ts';

/**
 * Knows the folders in which this process has changed names that may not be on disk yet, because
 * the sync is under way or has failed. A power cut could undo what a reader was shown of them, and
 * whatever it has answered to somebody by then.
 */
export interface Unsynced {
  /** Gives or takes away the name at `path` by `act`, which changes nothing if it fails. */
  change<T>(path: string, act: () => Promise<T>): Promise<T>;
  /** What was found at `path` until now is on disk after this. */
  settle(path: string): Promise<void>;
  /** The same for everything below a folder. */
  settleBelow(folder: string): Promise<void>;
}

interface Change {
  /** It may have taken effect before. */
  isDone: boolean;
}

/** @param sync makes the names in a folder last */
export function createUnsynced(sync = syncFolder): Unsynced {
  /** For each folder its changes, until a sync that began after them. */
  const changes = new Map<string, Set<Change>>();

  function forget(folder: string, settled: Iterable<Change>): void {
    const unsettled = changes.get(folder);
    for (const change of settled) unsettled?.delete(change);
    if (unsettled?.size === 0) changes.delete(folder);
  }

  async function settleFolder(folder: string): Promise<void> {
    const known = changes.get(folder);
    if (known === undefined) return;
    // One that is under way may come after the sync: whoever makes it settles it.
    const done = [...known].filter(({ isDone }) => isDone);
    try {
      await sync(folder);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Whoever removed the folder found it empty: once that is on disk, so is every name's going.
      if (done.length > 0) await sync(dirname(folder));
    }
    forget(folder, done);
  }

  return {
    async change(path, act) {
      const folder = dirname(path);
      const change: Change = { isDone: false };
      changes.set(folder, (changes.get(folder) ?? new Set()).add(change));
      try {
        const result = await act();
        change.isDone = true;
        return result;
      } catch (error) {
        forget(folder, [change]);
        throw error;
      }
    },
    settle: (path) => settleFolder(dirname(path)),
    async settleBelow(top) {
      for (const folder of [...changes.keys()]) {
        if (folder === top || folder.startsWith(top + sep)) await settleFolder(folder);
      }
    },
  };
}
