import type { DiffView, FileView } from './diff-view.ts';

/** What a person is shown at once, where nobody asked for all of it: lines of a terminal. */
export const REVIEW_LINES = 4_000;

/** Code units that count as one line more: a line may be a file. */
const LINE_UNITS = 200;

/**
 * The difference with at most `budget` lines of settings, accounts and contents, and how many of each
 * are left out. Settings come first, then the files that execute something, as in the view. It counts
 * lines and never seconds, so that everybody is shown the same.
 */
export const cutToFit = (view: DiffView, budget: number): DiffView => createCut(budget)(view);

/** {@link cutToFit} of one difference after another, with what the ones before have left of the budget. */
export function createCut(budget: number): (view: DiffView) => DiffView {
  let left = budget;
  /** How many of so many are shown. @param unitsOf code units of one */
  function take(count: number, unitsOf: (index: number) => number): number {
    for (let shown = 0; shown < count; shown++) {
      left -= 1 + Math.floor(unitsOf(shown) / LINE_UNITS);
      if (left < 0) return shown;
    }
    return count;
  }
  return (view) => cut(view, take);
}

/** @param take how many of so many are shown, by the code units of each */
function cut(
  view: DiffView,
  take: (count: number, unitsOf: (index: number) => number) => number,
): DiffView {
  const { metadata } = view;
  const settings = take(metadata.length, (i) => {
    const { name, before = '', after = '' } = metadata[i]!;
    return name.length + before.length + after.length;
  });
  const files = view.files.map((file): FileView => {
    const { accounts = [], lines = [] } = file;
    const named = take(accounts.length, () => 0);
    const shown = take(lines.length, (i) => lines[i]!.length);
    return {
      ...file,
      ...(named < accounts.length && {
        accounts: accounts.slice(0, named),
        accountsCut: accounts.length - named,
      }),
      ...(shown < lines.length && { lines: lines.slice(0, shown), linesCut: lines.length - shown }),
    };
  });
  return {
    ...view,
    files,
    ...(settings < metadata.length && {
      metadata: metadata.slice(0, settings),
      settingsCut: metadata.length - settings,
    }),
  };
}
