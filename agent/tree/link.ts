import * as fs from 'node:fs';
import { fail } from '../../protocol/errors.ts';
import { STAGED_PREFIX } from '../../protocol/paths.ts';
import { naming } from '../../files/errors.ts';
import { removeIn, renameIn } from './files.ts';
import { at, inFolderOf, syncFolder } from './folder.ts';
import type { Folder } from './folder.ts';
import { readItem } from './item.ts';

/**
 * What the link at `path` says; null if nothing is there.
 * @throws path_refused where it is no link, or behind one
 */
export function linkAt(root: Folder, path: string): string | null {
  const item = readItem(root, path);
  if (item.kind === 'absent') return null;
  if (item.kind === 'link') return item.target;
  throw fail('path_refused', `${path} is a file of this image, and only a link is replaced`);
}

/**
 * Makes `path` a link to `target`, or nothing for null, in one step: whoever looks sees the old link or
 * the new one.
 * @throws path_refused where something else than a link is there; file_denied, disk_full
 */
export function putLink(root: Folder, path: string, target: string | null): void {
  if (linkAt(root, path) === target) return;
  inFolderOf(
    root,
    path,
    (folder, name) => {
      const staged = `${STAGED_PREFIX}link`;
      removeIn(folder, staged);
      syncFolder(folder); // what cannot be synced stays as it is
      if (target === null) removeIn(folder, name);
      else {
        naming(path, () => fs.symlinkSync(target, at(folder, staged)));
        renameIn(folder, staged, name);
      }
      syncFolder(folder);
    },
    { make: 0o755 },
  );
}
