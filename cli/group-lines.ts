import type { DiffView, FileView } from '../admin/diff-view.ts';
import type { Differing, Group } from '../admin/groups.ts';
import { toHex } from '../bundle/bytes.ts';
import { showPath } from '../bundle/errors.ts';
import { showSetting } from '../bundle/settings.ts';
import { count } from '../protocol/count.ts';
import { escapeLine } from '../protocol/escape.ts';
import { diffLines } from './diff-lines.ts';
import { namesText, shortName } from '../words/names.ts';
import { aboutLines, summary } from './review.ts';
import { table } from './table.ts';
import type { Style } from './terminal.ts';

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

/** What of a bundle is the same in all of a group. */
const SHARED = ['key from', 'signed by', 'image'];

/**
 * One group whole: who is in it, what differs between them, and the difference of the first of them.
 * @param diff as much of that as is shown
 */
export function groupLines(group: Group, diff: DiffView, style: Style): string[] {
  const { members, differing } = group;
  const about = aboutLines(members[0].plan.review!.bundle).filter(
    ([label]) => members.length === 1 || SHARED.includes(label),
  );
  return [
    style.bold(headingOf(group)),
    ...(members.length === 1 ? [] : memberLines(group, style)),
    ...differing.map((one, i) => `[${i + 1}] ${differingText(one)}`),
    ...about.map(([label, text]) => `${style.dim(label.padEnd(10))} ${text}`),
    ...(members.length === 1 ? [] : [style.dim(`${shortName(nameOf(group))}, for all of them:`)]),
    ...diffLines(diff, style),
    '',
  ];
}

const nameOf = ({ members: [{ plan, name }] }: Group) => ({ node: plan.node, name });

function memberLines({ members, differing }: Group, style: Style): string[] {
  const head = ['NAME', 'NODE', 'PROPOSAL', ...differing.map((_, i) => `[${i + 1}]`)];
  return table([
    head.map(style.dim),
    ...members.map(({ plan, name }, member) => [
      name === undefined ? '-' : escapeLine(name),
      plan.node,
      toHex(plan.statements[0].digest!).slice(0, 16),
      ...differing.map(({ values }) => escapeLine(values[member]!)),
    ]),
  ]);
}

const KINDS = {
  name: 'its name',
  address: 'its address',
  masked: 'a value that is masked (--show-secrets shows it)',
} as const;

function differingText({ kind, places }: Differing): string {
  const where = places.map(({ path, setting, side, line }) => {
    const what =
      path === undefined ? `setting ${showSetting(setting!)}` : `${showPath(path)} line ${line}`;
    return side === 'before' ? `${what} (before)` : what;
  });
  return `${KINDS[kind]}: ${[...new Set(where)].join(', ')}`;
}

/** What heads the summary behind a review: how many changes there are, and of how many nodes. */
export function groupsText(groups: readonly Group[]): string {
  const nodes = groups.reduce((sum, { members }) => sum + members.length, 0);
  return `${count(groups.length, 'change')} of ${count(nodes, 'node')}`;
}
