import { groupsOf, viewsOf } from '../../admin/groups.ts';
import type { Group } from '../../admin/groups.ts';
import type { DiffView } from '../../admin/diff-view.ts';
import type { ManyPlans } from '../../admin/many.ts';
import type { Planned } from '../../admin/groups.ts';
import type { ReviewOptions } from '../../admin/review.ts';
import type { Session } from '../../admin/session.ts';
import { nodeWords } from '../../bundle/words.ts';
import { toHex } from '../../bundle/index.ts';
import { groupLines, newTpm } from '../group-lines.ts';
import { groupsText, headingOf } from '../../words/changes.ts';
import type { Terminal } from '../terminal.ts';
import { warningText } from '../../words/warnings.ts';
import { printLeftOut, signManyAsked } from './many.ts';
import type { ManyAsked } from './many.ts';

/**
 * Shows what many nodes ask for, each change once, asks once, and signs each.
 * @throws as {@link signManyAsked}
 */
export async function signGroups(
  session: Session,
  terminal: Terminal,
  plans: ManyPlans<Planned>,
  asked: ManyAsked,
  shown: ReviewOptions,
): Promise<void> {
  const groups = groupsOf(plans.planned, shown);
  const { views, objections } = viewsOf(groups, shown.budget);
  const lines = groups.flatMap((group, i) => groupLines(group, views[i]!, terminal.style));
  if (groups.length > 0) await terminal.page(lines);
  if (groups.length > 1) {
    terminal.print(terminal.style.bold(`${groupsText(groups)}:`));
    for (const group of groups) terminal.print(`  ${headingOf(group)}`);
  }
  for (const group of groups) printWarnings(terminal, group, groups.length);
  printLeftOut(terminal, plans.leftOut);
  const document = { groups: groups.map((group, i) => groupView(group, views[i]!)) };
  const planned = groups.flatMap(({ members }) => members);
  await signManyAsked(session, terminal, { ...plans, planned }, { ...asked, objections, document });
}

/** What deserves a second look, of each group: it stands behind the pager. */
function printWarnings(terminal: Terminal, group: Group, groups: number): void {
  const { plan } = group.members[0];
  const of = groups > 1 ? `${headingOf(group).split(': ')[0]!}: ` : '';
  for (const warning of [...plan.review!.warnings, ...plan.warnings]) {
    terminal.warn(`${of}${warningText(warning)}`);
  }
}

/** A group as `--json` has it. */
function groupView({ members, differing }: Group, diff: DiffView) {
  const { bundle, imageInForce, fresh, warnings } = members[0].plan.review!;
  return {
    nodes: members.map(({ plan, name }) => {
      const tpm = newTpm(plan.review!);
      return {
        node: plan.node,
        words: nodeWords(plan.node),
        ...(name !== undefined && { name }),
        ...(tpm !== undefined && { newTpm: tpm }),
        ...(plan.statements[0].digest && { digest: toHex(plan.statements[0].digest) }),
      };
    }),
    differing,
    bundle,
    ...(imageInForce && { imageInForce }),
    ...{ fresh, warnings, shown: diff },
  };
}
