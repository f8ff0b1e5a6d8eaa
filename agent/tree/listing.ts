import { CoatcheckError } from '../../bundle/errors.ts';
import { listIn, statIn } from './files.ts';
import { closeFolder, inFolderOf, openChild } from './folder.ts';
import type { Folder } from './folder.ts';

/** A path that is no folder, or a folder that stands for all that is in it. */
export interface ListedPath {
  readonly path: string;
  /** A folder that this user may not list */
  readonly closed: boolean;
}

/**
 * Everything below `path`, sorted by folder.
 * @param whole names the folders that are not entered
 */
export function* pathsBelow(
  root: Folder,
  path: string,
  whole: (path: string) => boolean,
): Generator<ListedPath, void> {
  const children = whole(path) ? 'whole' : childrenOf(root, path);
  if (typeof children === 'string') {
    yield { path, closed: children === 'closed' };
    return;
  }
  for (const { name, folder } of children) {
    if (folder) yield* pathsBelow(root, `${path}/${name}`, whole);
    else yield { path: `${path}/${name}`, closed: false };
  }
}

interface Child {
  readonly name: string;
  readonly folder: boolean;
}

function childrenOf(root: Folder, path: string): readonly Child[] | 'closed' {
  try {
    return inFolderOf(root, path, list) ?? [];
  } catch (error) {
    if (error instanceof CoatcheckError) return 'closed';
    throw error;
  }
}

function list(parent: Folder, name: string): Child[] {
  if (statIn(parent, name) === undefined) return [];
  const folder = openChild(parent, name);
  try {
    return listIn(folder).map((child) => ({
      name: child,
      folder: isText(child) && (statIn(folder, child)?.isDirectory() ?? false),
    }));
  } finally {
    closeFolder(folder);
  }
}

/** Whether a name is UTF-8: of one that is not, the system would be asked for another. */
const isText = (name: string): boolean => !/[\ud800-\udfff]/u.test(name);
