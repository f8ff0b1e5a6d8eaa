import { encodeManifest, equalBytes } from '../bundle/index.ts';
import type { FileEntry, Manifest, Metadata } from '../bundle/index.ts';
import { settingsOf } from '../bundle/settings.ts';
import type { Execution } from '../protocol/paths.ts';

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
  /** What it can set off: a unit that is enabled runs because of that, as a file does by its place. */
  readonly executes: Execution;
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

/**
 * Whether two bundles are the same in all that they say, TPMs and images as well, but for when and by what they were made, and
 * after which decision.
 */
export const sameBundles = (a: Manifest, b: Manifest): boolean =>
  equalBytes(withoutMaking(a, b.base), withoutMaking(b, b.base));

function withoutMaking({ node, files, metadata }: Manifest, base: Uint8Array): Uint8Array {
  const { madeAt: _, madeBy: __, ...said } = metadata;
  return encodeManifest({ node, base, files, metadata: said });
}

/** What a machine would do differently because of the metadata: what runs first, then by name. */
export function compareSettings(before: Metadata, after: Metadata): SettingChange[] {
  const [old, now] = [settingsOf(before), settingsOf(after)];
  const changes = [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .filter((name) => old.get(name) !== now.get(name))
    .map((name) => ({
      name,
      executes: executionOf(name, old.get(name), now.get(name)),
      ...(old.has(name) ? { before: old.get(name)! } : {}),
      ...(now.has(name) ? { after: now.get(name)! } : {}),
    }));
  const runs = (change: SettingChange): boolean => change.executes === 'by place';
  return [...changes.filter(runs), ...changes.filter((change) => !runs(change))];
}

/** By the beginning of a name: what is known to run nothing, whatever its value. */
const INERT = /^(?:hostname|timezone|swap)$|^answer:/;

function executionOf(
  name: string,
  before: string | undefined,
  after: string | undefined,
): Execution {
  if (/^(?:alias|wants):/.test(name)) return 'by place';
  if (name === 'generation') return Number(after ?? 0) > Number(before ?? 0) ? 'by place' : 'no';
  if (name.startsWith('unit:')) return mayStart(words(before), words(after)) ? 'by place' : 'no';
  return INERT.test(name) ? 'no' : 'may name';
}

/** Whether a setting keeps images from starting, for ever: nothing that comes later takes it back. */
export const revokesImages = ({ name, executes }: SettingChange): boolean =>
  name === 'generation' && executes === 'by place';

const words = (value: string | undefined): readonly string[] => value?.split(' ') ?? [];

/** A unit that is kept from starting no more starts where the image, or another unit, wants it. */
const mayStart = (before: readonly string[], after: readonly string[]): boolean =>
  [before, after].some((lists) => lists.includes('enable')) ||
  (before.includes('mask') && !after.includes('mask')) ||
  (before.includes('disable') && after.length === 0);

/**
 * Whether a setting can start something that did not run, as far as that is its doing: not, where it
 * only goes away, or keeps a unit from starting.
 */
export const startsSomething = ({ name, executes, before, after }: SettingChange): boolean =>
  executes === 'by place' &&
  (name.startsWith('unit:')
    ? words(after).includes('enable') || !words(before).includes('enable')
    : after !== undefined);
