import { planSuccessors } from '../../admin/successors.ts';
import type { SuccessorPlan } from '../../admin/successors.ts';
import { nodeWords } from '../../bundle/words.ts';
import { count } from '../../protocol/count.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { warningText } from '../../words/warnings.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Context } from '../context.ts';
import { expectedNodes, readExpected } from '../expect.ts';
import { openSession } from '../session.ts';
import { table } from '../table.ts';
import { printLeftOut, signManyAsked, tellingOf } from './many.ts';

/**
 * `coatcheck transfer --successors`: `transfer OLD NEW` for every machine that has a new key, since its site has another PCR
 * key, and whose old key signed that.
 */
export async function transferSuccessors(
  context: Context,
  options: ConsentFlags & { readonly expect?: string },
): Promise<void> {
  const { terminal } = context;
  const expected = options.expect === undefined ? undefined : await readExpected(options.expect);
  const session = await openSession(context);
  const plans = await terminal.waiting('looking for machines with a new key', () =>
    planSuccessors(session, tellingOf(terminal)),
  );
  const isMeant = meant(plans.planned, typeof expected === 'number' ? undefined : expected);
  const planned = plans.planned.filter(isMeant);
  const rows = planned.map(({ old, plan, name }) => [
    ...[escapeLine(name ?? '-'), old, plan.node, nodeWords(plan.node)],
  ]);
  if (rows.length > 0) {
    const head = ['NAME', 'OLD', 'NEW', 'WORDS OF NEW'].map(terminal.style.dim);
    for (const line of table([head, ...rows])) terminal.print(line);
  }
  printLeftOut(terminal, plans.leftOut);
  for (const { plan, name } of planned) {
    for (const warning of plan.warnings)
      terminal.warn(`${escapeLine(name ?? plan.node)}: ${warningText(warning)}`);
  }
  const secrets = planned.reduce((sum, one) => sum + one.secrets, 0);
  if (secrets > 0) {
    terminal.warn(
      `${count(secrets, 'file')} with secrets ${secrets === 1 ? 'is' : 'are'} sealed to the new keys, and whoever has an old one can read its machine's still`,
    );
  }
  if (planned.length > 0)
    terminal.print('each old one is revoked then: both work until that is done');
  const pairs = planned.map(({ old, plan, name }) => ({
    ...{ old, new: plan.node, words: nodeWords(plan.node) },
    ...(name !== undefined && { name }),
  }));
  await signManyAsked(
    session,
    terminal,
    { planned, leftOut: plans.leftOut },
    {
      ...{ verb: 'Transfer', noun: 'machine', flags: options, byNumber: true },
      expect: typeof expected === 'object' ? planned.length : expected,
      document: { successors: pairs },
    },
  );
}

/** Whether a list from elsewhere has a machine, by its old key or its new one. @throws as `expectedNodes` */
function meant(
  planned: readonly SuccessorPlan[],
  names: readonly string[] | undefined,
): (one: SuccessorPlan) => boolean {
  if (names === undefined) return () => true;
  const known = planned.flatMap(({ old, plan }) => [old, plan.node]);
  const nodes = new Set(expectedNodes(names, known).nodes);
  return ({ old, plan }) => nodes.has(old) || nodes.has(plan.node);
}
