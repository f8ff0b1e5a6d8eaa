import { equalBytes } from '../bundle/index.ts';
import type { FileEntry, Metadata } from '../bundle/index.ts';
import { settingsOf } from '../bundle/settings.ts';

/** What differs in one path between two bundles. At least one of `before` and `after` is there. */
export interface FileChange {
  readonly path: string;
  readonly before?: FileEntry;
  readonly after?: FileEntry;
  readonly content: boolean;
  readonly mode: boolean;
  readonly owner: boolean;
}

/** What differs in one setting, by the names of `settingsOf`; values as one line of text. */
export interface SettingChange {
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

const sameOwner = (a: FileEntry, b: FileEntry): boolean =>
  a.owner === b.owner && a.uid === b.uid && a.group === b.group && a.gid === b.gid;

/** Whether a node would have the same file of both: contents, mode, owner. */
export function sameFile(a: FileEntry, b: FileEntry): boolean {
  return a.mode === b.mode && sameOwner(a, b) && equalBytes(a.content, b.content);
}

/** What a node would do differently with `after` than with `before`, in the order of the paths. */
export function compareFiles(
  before: readonly FileEntry[],
  after: readonly FileEntry[],
): FileChange[] {
  const old = new Map(before.map((file) => [file.path, file]));
  const now = new Map(after.map((file) => [file.path, file]));
  const changes: FileChange[] = [];
  for (const path of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const [a, b] = [old.get(path), now.get(path)];
    if (a !== undefined && b !== undefined) {
      if (sameFile(a, b)) continue;
      changes.push({
        path,
        before: a,
        after: b,
        content: !equalBytes(a.content, b.content),
        mode: a.mode !== b.mode,
        owner: !sameOwner(a, b),
      });
    } else if (a !== undefined) {
      changes.push({ path, before: a, content: true, mode: false, owner: false });
    } else if (b !== undefined) {
      changes.push({ path, after: b, content: true, mode: false, owner: false });
    }
  }
  return changes;
}

/** Whether both name the same files, each the {@link sameFile}. */
export function sameFiles(a: readonly FileEntry[], b: readonly FileEntry[]): boolean {
  return compareFiles(a, b).length === 0;
}

/** What a machine would do differently because of the metadata, in the order of the names. */
export function compareSettings(before: Metadata, after: Metadata): SettingChange[] {
  const [old, now] = [settingsOf(before), settingsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .filter((name) => old.get(name) !== now.get(name))
    .map((name) => ({
      name,
      ...(old.has(name) ? { before: old.get(name)! } : {}),
      ...(now.has(name) ? { after: now.get(name)! } : {}),
    }));
}
