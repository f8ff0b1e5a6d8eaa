import type { FileEntry } from '../bundle/index.ts';
import { sameFile } from './changes.ts';

/** `files` is the outcome if `conflicts` (paths that both sides changed, differently) is empty. */
export interface Rebased {
  readonly files: readonly FileEntry[];
  readonly conflicts: readonly string[];
}

const same = (a: FileEntry | undefined, b: FileEntry | undefined): boolean =>
  a === undefined || b === undefined ? a === b : sameFile(a, b);

/**
 * A three-way merge by whole file: what `mine` changed since `base` is applied to `theirs`. A file
 * with its mode and owner is one value; two edits of one file are a conflict even if their lines do
 * not touch, since nobody has tested the mixture.
 */
export function rebase(
  base: readonly FileEntry[],
  theirs: readonly FileEntry[],
  mine: readonly FileEntry[],
): Rebased {
  const byPath = (files: readonly FileEntry[]) => new Map(files.map((file) => [file.path, file]));
  const [b, t, m] = [byPath(base), byPath(theirs), byPath(mine)];
  const files: FileEntry[] = [];
  const conflicts: string[] = [];
  for (const path of [...new Set([...b.keys(), ...t.keys(), ...m.keys()])].sort()) {
    const [old, their, my] = [b.get(path), t.get(path), m.get(path)];
    if (!same(old, their) && !same(old, my) && !same(their, my)) {
      conflicts.push(path);
      continue;
    }
    const file = same(old, my) ? their : my;
    if (file !== undefined) files.push(file);
  }
  return { files, conflicts };
}
