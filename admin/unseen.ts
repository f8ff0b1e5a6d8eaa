import type { DiffView } from './diff-view.ts';
import type { Objection } from './warning.ts';

/** What a consent says of files that it was not shown. */
export interface Unseen {
  /** Paths of files that are taken although nothing of them was shown */
  readonly unseen?: readonly string[];
}

/**
 * What a difference would put in place that its node refuses, and what it did not show of the rest: files
 * whose contents were withheld, unless the consent names them, and files that can run something and
 * were cut, or settings that were.
 */
export function objectionsTo(
  { files, unknownPaths, settingsCut = 0 }: DiffView,
  { unseen = [] }: Unseen,
): Objection[] {
  const placed = files.filter(({ change }) => change !== 'removed');
  const refused = placed.filter(({ executes }) => executes === 'refused').map(({ path }) => path);
  const withheld = placed
    .filter(({ hidden, path }) => hidden === 'withheld' && !unseen.includes(path))
    .map(({ path }) => path);
  const cut = placed
    .filter(
      ({ linesCut = 0, accountsCut = 0, hidden }) =>
        linesCut + accountsCut > 0 || hidden === 'unasked',
    )
    .filter(({ executes }) => executes !== 'no')
    .map(({ path }) => path);
  return [
    ...(refused.length > 0
      ? [{ code: 'refused_paths', paths: refused, unknown: unknownPaths === true } as const]
      : []),
    ...(withheld.length > 0 ? [{ code: 'withheld', paths: withheld } as const] : []),
    ...(cut.length + settingsCut > 0
      ? [{ code: 'cut', paths: cut, settings: settingsCut } as const]
      : []),
  ];
}
