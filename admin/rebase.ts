import type { Metadata } from '../bundle/index.ts';
import { settingsOf, withSettings } from '../bundle/settings.ts';
import type { Configuration } from './alter.ts';
import { sameFile } from './changes.ts';

/**
 * The outcome, if `conflicts` is empty: paths, and names of settings as `setting swap`, that both sides
 * changed, differently. When, by what and on which image it was made is `mine`'s.
 */
export interface Rebased extends Configuration {
  readonly conflicts: readonly string[];
}

/**
 * A three-way merge by whole file and by setting: what `mine` changed since `base` is applied to
 * `theirs`. A file with its mode and owner is one value; two edits of one file are a conflict even if
 * their lines do not touch, since nobody has tested the mixture. What a unit is to be is one setting.
 */
export function rebase(base: Configuration, theirs: Configuration, mine: Configuration): Rebased {
  const byPath = ({ files }: Configuration) => new Map(files.map((file) => [file.path, file]));
  const files = threeWay(byPath(base), byPath(theirs), byPath(mine), sameFile);
  const settings = threeWay(
    settingsOf(base.metadata),
    settingsOf(theirs.metadata),
    settingsOf(mine.metadata),
    (a, b) => a === b,
  );
  return {
    files: [...files.merged.values()],
    metadata: leavingOthers(withSettings(settings.merged, mine.metadata), files.merged),
    conflicts: [...files.conflicts, ...settings.conflicts.map((name) => `setting ${name}`)],
  };
}

/** What the other side put into the bundle is not left to the image. */
function leavingOthers(metadata: Metadata, files: ReadonlyMap<string, unknown>): Metadata {
  if (metadata.left === undefined) return metadata;
  const left = Object.entries(metadata.left).filter(([path]) => !files.has(path));
  return { ...metadata, left: Object.fromEntries(left) };
}

function threeWay<T>(
  base: ReadonlyMap<string, T>,
  theirs: ReadonlyMap<string, T>,
  mine: ReadonlyMap<string, T>,
  equal: (a: T, b: T) => boolean,
): { readonly merged: ReadonlyMap<string, T>; readonly conflicts: readonly string[] } {
  const same = (a: T | undefined, b: T | undefined): boolean =>
    a === undefined || b === undefined ? a === b : equal(a, b);
  const merged = new Map<string, T>();
  const conflicts: string[] = [];
  for (const name of [...new Set([...base.keys(), ...theirs.keys(), ...mine.keys()])].sort()) {
    const [old, their, my] = [base.get(name), theirs.get(name), mine.get(name)];
    if (!same(old, their) && !same(old, my) && !same(their, my)) {
      conflicts.push(name);
      continue;
    }
    const value = same(old, my) ? their : my;
    if (value !== undefined) merged.set(name, value);
  }
  return { merged, conflicts };
}
