import { tally } from '../admin/diff-view.ts';
import type { DiffView, FileView } from '../admin/diff-view.ts';
import type { Differing, Group } from '../admin/groups.ts';
import { showPath } from '../bundle/errors.ts';
import { showSetting } from '../bundle/settings.ts';
import { count } from '../protocol/count.ts';
import { namesText, shortName } from './names.ts';

/** Who is in a group and what is changed: `gx003..gx010 (8 nodes): +1 line in etc/chrony.conf`. */
export function headingOf({ members }: Group): string {
  const names = members.map(({ plan, name }) => shortName({ node: plan.node, name }));
  const who = members.length === 1 ? names[0]! : `${namesText(names)} (${members.length} nodes)`;
  return `${who}: ${changeText(members[0].plan.review!.diff)}`;
}

/** So many files are named in a heading. */
const MAX_FILES = 3;

function changeText(diff: DiffView): string {
  const { files, metadata } = diff;
  if (files.length + metadata.length === 0) return 'no difference';
  if (files.length > MAX_FILES || metadata.length > 1) return summary(diff);
  return [
    ...files.map(fileText),
    ...metadata.map(({ name }) => `setting ${showSetting(name)}`),
  ].join('; ');
}

function fileText({ path, change, lines = [] }: FileView): string {
  const name = showPath(path);
  if (change !== 'changed') return `${name} ${change}`;
  const [added, removed] = ['+', '-'].map(
    (sign) => lines.filter((line) => line.startsWith(sign)).length,
  ) as [number, number];
  if (added + removed === 0) return `${name} changed`;
  const signed = [...(added > 0 ? [`+${added}`] : []), ...(removed > 0 ? [`-${removed}`] : [])];
  return `${signed.join(' ')} ${added + removed === 1 ? 'line' : 'lines'} in ${name}`;
}

/** What heads the summary behind a review: how many changes there are, and of how many nodes. */
export function groupsText(groups: readonly Group[]): string {
  const nodes = groups.reduce((sum, { members }) => sum + members.length, 0);
  return `${count(groups.length, 'change')} of ${count(nodes, 'node')}`;
}

/** How much a difference changes, in a line. */
export function summary(diff: DiffView): string {
  const { added, changed, removed, settings } = tally(diff);
  const files = (
    [
      [added, 'added'],
      [changed, 'changed'],
      [removed, 'removed'],
    ] as const
  ).filter(([number]) => number > 0);
  const said = [
    ...files.map(([number, what], i) => `${i === 0 ? count(number, 'file') : number} ${what}`),
    ...(settings > 0 ? [`${count(settings, 'setting')} changed`] : []),
  ];
  return said.length === 0 ? 'no difference' : said.join(', ');
}

/**
 * In what, and where, the members of a group differ.
 * @param unmasking how a masked value is shown; absent: not said
 */
export function differingText({ kind, places }: Differing, unmasking?: string): string {
  const where = places.map(({ path, setting, side, line }) => {
    const what =
      path === undefined ? `setting ${showSetting(setting!)}` : `${showPath(path)} line ${line}`;
    return side === 'before' ? `${what} (before)` : what;
  });
  const how = kind === 'masked' && unmasking !== undefined ? ` (${unmasking})` : '';
  return `${DIFFERING[kind]}${how}: ${[...new Set(where)].join(', ')}`;
}

const DIFFERING = { name: 'its name', address: 'its address', masked: 'a value that is masked' };
