import * as fs from 'node:fs';
import { CoatcheckError } from '../../bundle/errors.ts';
import { statIn } from './files.ts';
import { at, inFolderOf } from './folder.ts';
import type { Folder } from './folder.ts';

/** Where a path leads. */
export interface Resolved {
  /** Below the root, without links; also where nothing is there. */
  readonly path: string;
  /** Undefined where nothing is there, or behind what is no folder. */
  readonly stat: fs.Stats | undefined;
}

/** As the kernel has it (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * Follows every link in `path`, each as it is below this root: what would climb out of it stays in it.
 * @returns undefined for links that go round in circles
 * @throws file_denied
 */
export function resolveIn(root: Folder, path: string): Resolved | undefined {
  const left = path.split('/').reverse();
  let done: string[] = [];
  for (let links = 0; left.length > 0;) {
    const part = left.pop()!;
    if (part === '..') done.pop();
    if (['', '.', '..'].includes(part)) continue;
    const target = targetIn(root, [...done, part].join('/'));
    if (target === undefined) {
      done.push(part);
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    if (target.startsWith('/')) done = [];
    left.push(...target.split('/').reverse());
  }
  const resolved = done.join('/');
  return { path: resolved, stat: resolved === '' ? undefined : statOf(root, resolved) };
}

/** The target of the link at `path`; undefined if no link is there. @throws file_denied */
export function targetIn(root: Folder, path: string): string | undefined {
  return statOf(root, path)?.isSymbolicLink() === true
    ? inFolderOf(root, path, (folder, name) => fs.readlinkSync(at(folder, name)))
    : undefined;
}

/** What is at `path` itself, no link followed; undefined also behind what is no folder. @throws file_denied */
export function statOf(root: Folder, path: string): fs.Stats | undefined {
  try {
    return inFolderOf(root, path, statIn);
  } catch (error) {
    if (error instanceof CoatcheckError && error.code === 'path_refused') return undefined;
    throw error;
  }
}
