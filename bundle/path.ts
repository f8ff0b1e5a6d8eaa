import { utf8 } from './bytes.ts';
import { bundleError, quote } from './errors.ts';

/** Limit on a path, bytes. */
const MAX_PATH_BYTES = 1024;
/** Limit on each part of a path, bytes. */
const MAX_PATH_PART_BYTES = 255;

/**
 * The code points of names: docs/format.md, "Names", has the same table, and says why. It is fixed:
 * no engine is asked, whose Unicode is another in every version. Nothing in it composes with what
 * stands before it, so that every name of it is in NFC; all of it is below U+D800, so that the order of
 * UTF-16 units is that of the bytes.
 */
const OUTSIDE =
  /[^ -~\xc0-\xd6\xd8-\xf6\xf8-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e\u0180-\u01bf\u01cd-\u01f0\u01f4-\u024f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03ce\u0400-\u0481\u048a-\u052f\u0531-\u0556\u0561-\u0586\u10d0-\u10fa\u1e00-\u1e99\u1e9e-\u1eff\u2019\u3005-\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u4e3e\u4e40-\u9fff\uac00-\ud7a3]/u;

/**
 * A path in a bundle is relative to the root folder, of parts with single slashes between them: each
 * of the code points of names, neither `.` nor `..`, and neither beginning nor ending with a space.
 * @throws bad_path
 */
export function checkPath(path: string): void {
  const fault = faultOf(path);
  if (fault !== undefined) throw bundleError('bad_path', `${quote(path)}: ${fault}`);
}

/** Whether {@link checkPath} takes it. */
export const isPath = (path: string): boolean => faultOf(path) === undefined;

function faultOf(path: string): string | undefined {
  const [outside] = OUTSIDE.exec(path) ?? [];
  if (outside !== undefined) {
    return `no name in a bundle has a U+${outside.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
  }
  if (utf8(path).length <= MAX_PATH_BYTES && path.split('/').every(isPart)) return undefined;
  return `a path is relative, without empty, "." or ".." parts and without a space at an end of one, each at most ${MAX_PATH_PART_BYTES} bytes, and all at most ${MAX_PATH_BYTES}`;
}

const isPart = (part: string): boolean =>
  !/^$|^\.\.?$|^ | $/.test(part) && utf8(part).length <= MAX_PATH_PART_BYTES;

/** Names by their bytes in UTF-8: the order of their code points, which that of UTF-16 is not. */
export function inByteOrder(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}
