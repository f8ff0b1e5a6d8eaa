import type { DiffView } from '../admin/diff-view.ts';
import type { Group } from '../admin/groups.ts';
import type { Review } from '../admin/review.ts';
import { toHex } from '../bundle/bytes.ts';
import { escapeLine } from '../protocol/escape.ts';
import { diffLines } from './diff-lines.ts';
import { aboutLines } from '../words/bundle.ts';
import { differingText, headingOf } from '../words/changes.ts';
import { shortName } from '../words/names.ts';
import { table } from './table.ts';
import type { Style } from './terminal.ts';

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
    ...differing.map((one, i) => `[${i + 1}] ${differingText(one, '--show-secrets shows it')}`),
    ...about.map(([label, text]) => `${style.dim(label.padEnd(10))} ${text}`),
    ...(members.length === 1 ? [] : [style.dim(`${shortName(nameOf(group))}, for all of them:`)]),
    ...diffLines(diff, style),
    '',
  ];
}

/** Words of a TPM that nobody approved yet: each machine of a group has its own, to be compared with its console. */
export function newTpm({ bundle: { attested }, warnings }: Review): string | undefined {
  const warned = warnings.find((one) => one.code === 'new_tpm');
  return warned?.words ?? (attested?.approved === false ? attested.words : undefined);
}

const nameOf = ({ members: [{ plan, name }] }: Group) => ({ node: plan.node, name });

function memberLines({ members, differing }: Group, style: Style): string[] {
  const isProposed = members[0].plan.statements[0].digest !== undefined;
  const tpms = members.map(({ plan }) => newTpm(plan.review!));
  const hasNew = tpms.some((words) => words !== undefined);
  const head = [
    'NAME',
    'NODE',
    ...(isProposed ? ['PROPOSAL'] : []),
    ...(hasNew ? ['NEW TPM'] : []),
  ];
  return table([
    [...head, ...differing.map((_, i) => `[${i + 1}]`)].map(style.dim),
    ...members.map(({ plan: { node, statements }, name }, member) => [
      name === undefined ? '-' : escapeLine(name),
      node,
      ...(isProposed ? [toHex(statements[0].digest!).slice(0, 16)] : []),
      ...(hasNew ? [tpms[member] ?? '-'] : []),
      ...differing.map(({ values }) => escapeLine(values[member]!)),
    ]),
  ]);
}
