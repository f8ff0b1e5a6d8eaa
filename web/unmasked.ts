import { sameFiles } from '../admin/changes.ts';
import type { MaskedSpan } from '../admin/diff-view.ts';
import type { Plan } from '../admin/plan.ts';
import type { Review } from '../admin/review.ts';
import { equalBytes } from '../bundle/index.ts';
import type { NodeId } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';

/** One masked value: the index of its line, and its path. */
export const valueAt = (path: string, line: number): string => `${line}:${path}`;

/** The files in which these values are. */
export const pathsOfValues = (values: readonly string[]): string[] => [
  ...new Set(values.map((value) => value.slice(value.indexOf(':') + 1))),
];

/**
 * The review of a plan with these values shown that it masks, and no others.
 * @param values as {@link valueAt}
 * @param whole the same plan with nothing masked in those files
 * @throws head_moved where it is not the same any more
 */
export function unmasked(plan: Plan, whole: Plan | undefined, values: readonly string[]): Review {
  const review = plan.review!;
  if (whole?.review === undefined || !isSame(plan, whole))
    throw fail('head_moved', 'this changed while it was read: load it again');
  const wanted = new Set(values);
  const shown = new Map(whole.review.diff.files.map((file) => [file.path, file]));
  const files = review.diff.files.map((file) => {
    const isShown = ({ line }: MaskedSpan): boolean => wanted.has(valueAt(file.path, line));
    const lines = file.lines?.slice();
    for (const span of file.masked) {
      if (isShown(span)) lines![span.line] = shown.get(file.path)!.lines![span.line]!;
    }
    const masked = file.masked.filter((span) => !isShown(span));
    return { ...file, ...(lines && { lines }), masked, maskedValues: masked.length };
  });
  return { ...review, diff: { ...review.diff, files } };
}

/** Whether two plans compare the same two bundles. */
function isSame(one: Plan, other: Plan): boolean {
  const [{ digest: a, upload: mine }, { digest: b, upload: theirs }] = [
    one.statements[0],
    other.statements[0],
  ];
  return (
    equalBytes(one.after.digest, other.after.digest) &&
    (mine === undefined || theirs === undefined
      ? a !== undefined && b !== undefined && equalBytes(a, b)
      : sameFiles(mine.files, theirs.files))
  );
}

/**
 * The address of a screen with the file of a path shown, or only the value in one of its lines.
 * @param node of a screen with several reviews, whose it is
 */
export function showingAt(
  path: string,
  shows: readonly string[],
  values: readonly string[],
  node?: NodeId,
): (file: string, line?: number) => string {
  return (file, line) => {
    const value =
      line === undefined
        ? []
        : [node === undefined ? valueAt(file, line) : `${node} ${valueAt(file, line)}`];
    const asked = new URLSearchParams([
      ...[...shows, ...(line === undefined ? [file] : [])].map((one) => ['show', one]),
      ...[...values, ...value].map((one) => ['value', one]),
    ]);
    return `${path}${path.includes('?') ? '&' : '?'}${asked.toString()}`;
  };
}
