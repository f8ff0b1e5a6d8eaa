import { join } from 'node:path';

/**
 * Where the store keeps what, below its folder. `objects` is the marker of a store: where it is
 * missing (a disk that is not mounted, a mistyped path) there is no store, and nothing makes one
 * by the way.
 */
export interface StoreFolders {
  readonly objects: string;
  /** Files being written: in the same file system as `objects`, so that they can be linked there. */
  readonly staging: string;
  readonly locks: string;
}

/** The three folders of a store in `dir`. */
export function storeFolders(dir: string): StoreFolders {
  return {
    objects: join(dir, 'objects'),
    staging: join(dir, 'staging'),
    locks: join(dir, 'locks'),
  };
}

/** An object's file is its last segment with this suffix, so that a key can be file and folder. */
const SUFFIX = '.object';
/** An empty segment, as in `a//b`. No encoded segment is a lone percent sign. */
const EMPTY = '%';

/** The file of a key, below `objects`. */
export function objectPath(objects: string, key: string): string {
  const segments = key.split('/').map(encodeSegment);
  return join(objects, ...segments.slice(0, -1), `${segments.at(-1)!}${SUFFIX}`);
}

/** The folder below `objects` that holds every key starting with `prefix`, and its own prefix. */
export function folderOfPrefix(objects: string, prefix: string): { path: string; prefix: string } {
  const segments = prefix.split('/').slice(0, -1);
  return {
    path: join(objects, ...segments.map(encodeSegment)),
    prefix: segments.map((segment) => `${segment}/`).join(''),
  };
}

/** What a name in a folder of `objects` stands for; undefined for a file that is not ours. */
export function parseName(name: string, isFolder: boolean): string | undefined {
  if (!isFolder && !name.endsWith(SUFFIX)) return undefined;
  const encoded = isFolder ? name : name.slice(0, -SUFFIX.length);
  if (encoded === EMPTY) return '';
  try {
    const segment = decodeURIComponent(encoded);
    return encodeSegment(segment) === encoded ? segment : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Only `a-z 0-9 - _` stand for themselves: a file system that ignores case or rewrites Unicode
 * cannot make one name of two keys, and no name is `.`, `..`, or ends like an object's file.
 */
function encodeSegment(segment: string): string {
  if (segment === '') return EMPTY;
  return encodeURIComponent(segment).replace(/%[0-9A-F]{2}|[^a-z0-9_-]/g, (match) =>
    match.length === 3
      ? match.toLowerCase()
      : `%${match.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
