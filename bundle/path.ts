import { bundleError } from './errors.ts';

/** Limit on a path, bytes. */
const MAX_PATH_BYTES = 1024;
/** Limit on each part of a path, bytes. */
const MAX_PATH_PART_BYTES = 255;

/**
 * A path in a bundle is relative to the root folder, printable ASCII, with single slashes between
 * its parts, and none of them `.` or `..`.
 * @throws bad_path
 */
export function checkPath(path: string): void {
  if (path.length > MAX_PATH_BYTES || !/^[ -~]+$/.test(path)) {
    throw bundleError('bad_path', `a path is 1 to ${MAX_PATH_BYTES} printable ASCII characters`);
  }
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..' || part.length > MAX_PATH_PART_BYTES) {
      throw bundleError(
        'bad_path',
        `a path is relative, without empty, "." or ".." parts, each at most ${MAX_PATH_PART_BYTES} bytes`,
      );
    }
  }
}
