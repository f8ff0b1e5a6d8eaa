import { rmSync } from 'node:fs';

const unfinished = new Set<string>();

/**
 * Names a file or folder to remove if the process is interrupted before the returned function is
 * called: so that Ctrl-C leaves nothing half-written.
 */
export function notFinished(path: string): () => void {
  unfinished.add(path);
  return () => void unfinished.delete(path);
}

/** Removes what is not finished. Synchronous: the process ends right after. */
export function removeUnfinished(): void {
  for (const path of unfinished) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // nothing more can be done about it
    }
  }
}
