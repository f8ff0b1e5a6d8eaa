import { showPath } from '../../bundle/errors.ts';
import { fail } from '../../protocol/errors.ts';
import type { FileEntry, Manifest } from '../../bundle/manifest.ts';
import type { PathList } from '../../protocol/paths.ts';
import { withRoot } from '../tree/folder.ts';
import { formatEntries, isAccountFile, parseEntries } from '../../protocol/accounts.ts';
import { isPassedOver } from '../../protocol/paths.ts';
import { bytesOf, textOf } from '../apply/accounts.ts';
import { ownPart, readBaseline } from '../apply/baseline.ts';
import { captureFiles } from '../apply/capture.ts';
import type { Skipped } from '../apply/capture.ts';
import { compareWithImage } from '../apply/of-image.ts';
import { mergeSettings } from '../apply/settings.ts';
import { hostname } from './snapshot.ts';
import type { Draft } from './snapshot.ts';
import { readApplied } from '../apply/drift.ts';

/** What a machine changed, and what it is left to the image although it may have been changed. */
export interface Changes extends Draft {
  /** For people, by path: accounts, since services add some; what is gone; all, where the image has no baseline */
  readonly notTaken: readonly { readonly path: string; readonly why: string }[];
}

/**
 * What a machine changed of the configuration in force, as a whole one again: a file that is as it was
 * applied is the bundle's own, one that was changed since is as the disk has it, one that is gone is
 * left out; of an account file that changed the entries that the bundle has. A file that it leaves to the image and
 * that is neither as it was there nor as this machine's image has it is the machine's own now. Settings are
 * the bundle's, but for those that were changed on the machine since it took effect.
 *
 * @param list what a bundle may place here
 * @param inForce the bundle; the machine may still run an older one
 * @param added paths of files that are to be in it besides, each as the disk has it
 * @returns undefined where nothing was applied, so that nothing can be said to have changed
 * @throws file_missing, path_refused for what is to be added and cannot; file_denied for what changed
 *   and cannot be read; and as `readApplied`
 */
export function takeChanges(
  rootPath: string,
  list: PathList,
  inForce: Pick<Manifest, 'files' | 'metadata'>,
  added: readonly string[],
): Changes | undefined {
  const applied = readApplied(rootPath);
  if (applied === undefined) return undefined;
  const drifted = new Map(applied.drift.map(({ path, drift }) => [path, drift]));
  const left = inForce.metadata.left ?? {};
  const { differing } = compareWithImage(rootPath, list, { ofImage: left });
  const wanted = [...drifted.keys(), ...added, ...differing];
  const { look, files, skipped } = withRoot(rootPath, (root) => ({
    look: readBaseline(root),
    ...captureFiles(root, list, (path) =>
      wanted.some((one) => one === path || one.startsWith(`${path}/`)),
    ),
  }));
  const baseline = look.state === 'found' ? look.baseline : undefined;
  const disk = new Map(files.map((file) => [file.path, file]));
  const isOwn = (path: string): boolean => {
    const now = disk.get(path);
    return now !== undefined && baseline !== undefined && ownPart(now, baseline) !== undefined;
  };
  const taken = differing.filter(
    (path) => !isAccountFile(path) && !added.includes(path) && isOwn(path),
  );
  const kept = inForce.files.flatMap((file): FileEntry[] => {
    if (added.includes(file.path) || isPassedOver(file.path)) return [];
    const drift = drifted.get(file.path);
    if (drift === undefined) return [file];
    if (drift === 'missing') return [];
    const now = disk.get(file.path);
    if (now !== undefined) return [ownEntries(file, now)];
    throw fail(
      'file_denied',
      `${showPath(file.path)} was changed, and cannot be proposed: ${why(file.path, skipped)}`,
    );
  });
  const besides = [...added, ...taken].map((path) => {
    const now = disk.get(path);
    if (now !== undefined)
      return (baseline && isAccountFile(path) && ownPart(now, baseline)) || now;
    const isSkipped = skipped.some((one) => one.path === path || path.startsWith(`${one.path}/`));
    throw fail(
      isSkipped ? 'path_refused' : 'file_missing',
      `--add ${showPath(path)}: ${why(path, skipped)}`,
    );
  });
  const all = [...kept, ...besides].sort((a, b) => (a.path < b.path ? -1 : 1));
  const paths = new Set(all.map(({ path }) => path));
  const { left: _, ...metadata } = mergeSettings(rootPath, inForce.metadata);
  const stillLeft = Object.entries(left).filter(([path]) => !paths.has(path));
  return {
    files: all,
    metadata: {
      ...metadata,
      ...(stillLeft.length > 0 && { left: Object.fromEntries(stillLeft) }),
      ...hostname(all),
    },
    notTaken: differing.flatMap((path) => {
      if (paths.has(path)) return [];
      if (!disk.has(path)) return [{ path, why: 'is not here: no bundle takes it away' }];
      const isKnown = baseline !== undefined && !isOwn(path);
      return isKnown ? [] : [{ path, why: `is otherwise here: --add ${showPath(path)} takes it` }];
    }),
  };
}

/** What others put into an account file is no part of the configuration. */
function ownEntries(file: FileEntry, now: FileEntry): FileEntry {
  if (!isAccountFile(file.path)) return now;
  const names = new Set(entriesOf(file).map(([name]) => name));
  const text = formatEntries(entriesOf(now).filter(([name]) => names.has(name)));
  return { ...now, content: bytesOf(text) };
}

const entriesOf = ({ content }: FileEntry): ReturnType<typeof parseEntries> =>
  parseEntries(textOf(content));

const why = (path: string, skipped: readonly Skipped[]): string =>
  skipped.find((one) => one.path === path || path.startsWith(`${one.path}/`))?.reason ??
  'there is no such file that a bundle may hold';
