import type { DiffView, FileView } from './diff-view.ts';

/** What a person is shown at once, where nobody asked for all of it: lines of a terminal. */
export const REVIEW_LINES = 4_000;

/** Code units that count as one line more: a line may be a file. */
const LINE_UNITS = 200;

/**
 * The difference with at most `budget` lines of contents, and how many of each file are left out. The
 * files that execute something come first, as in the view. It counts lines and never seconds, so
 * that everybody is shown the same.
 */
export function cutToFit(view: DiffView, budget: number): DiffView {
  let left = budget;
  const files = view.files.map((file): FileView => {
    const { lines = [] } = file;
    let shown = 0;
    for (; shown < lines.length && left > 0; shown++) {
      left -= 1 + Math.floor(lines[shown]!.length / LINE_UNITS);
      if (left < 0) break;
    }
    return shown === lines.length
      ? file
      : { ...file, lines: lines.slice(0, shown), linesCut: lines.length - shown };
  });
  return { ...view, files };
}
