import { bundlePath } from '../../admin/alter.ts';
import { findBundle } from '../../admin/find.ts';
import type { Standing } from '../../admin/find.ts';
import { planOrders } from '../../admin/many.ts';
import type { ManyPlans, Ordered, Target } from '../../admin/many.ts';
import { planReconfigure, planReject, planRevoke, planRollback } from '../../admin/orders.ts';
import type { RejectPlan } from '../../admin/orders.ts';
import { checkReason } from '../../admin/plan.ts';
import { findNode } from '../../admin/select.ts';
import type { Session } from '../../admin/session.ts';
import { statementView } from '../../admin/views/statement.ts';
import type { NodeId } from '../../bundle/index.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { fail } from '../../protocol/errors.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Context } from '../context.ts';
import { lookToDecide } from '../look.ts';
import { printAbout, printReview, shownBy } from '../review.ts';
import type { ReviewFlags } from '../review.ts';
import { openSession } from '../session.ts';
import { statementLine } from '../../words/decisions.ts';
import { table } from '../table.ts';
import { targetsOf } from '../targets.ts';
import type { Targets } from '../targets.ts';
import type { Terminal } from '../terminal.ts';
import { parseExpiry } from '../../words/time.ts';
import { warningText } from '../../words/warnings.ts';
import { printLeftOut, signManyAsked, tellingOf } from './many.ts';
import type { ManyAsked } from './many.ts';
import { signAsked } from './outcome.ts';

interface Options extends ConsentFlags {
  readonly reason?: string;
}

interface ManyOptions extends Options {
  readonly where?: string;
  readonly expect?: string;
}

/** `coatcheck reject NODE [DIGEST]... --reason TEXT`: refuse what nodes ask for, and tell them why. */
export async function reject(
  context: Context,
  words: readonly string[],
  options: ManyOptions & { readonly reason: string },
): Promise<void> {
  const { terminal } = context;
  const reason = checkReason(options.reason);
  const session = await openSession(context);
  const meant = await targetsOf(session, terminal, { words, ...options }, 'decide');
  const [only] = meant.targets;
  if (meant.isOne && only !== undefined) return rejectOne(session, terminal, only, reason, options);
  const plans = await terminal.waiting(`looking at ${meant.targets.length} nodes`, () =>
    planOrders(
      session,
      meant.targets,
      (standing, { digest }) =>
        planReject(session, standing, { digest: wantedOf(standing, digest), reason }),
      tellingOf(terminal),
    ),
  );
  const rows = plans.planned.map(({ plan, name }) => {
    const { digest, refused, unreadable } = plan as RejectPlan;
    const claim = unreadable ?? refused?.hostname ?? '-';
    return [name ?? '-', plan.node, digest.slice(0, 16), claim];
  });
  printRows(terminal, ['NAME', 'NODE', 'PROPOSAL', 'HOST NAME (CLAIMED)'], rows);
  await signOrders(session, terminal, meant, plans, {
    ...{ verb: 'Reject', noun: 'proposal', flags: options, reason },
  });
}

/** What is to be rejected, where nobody says it. @throws not_found, usage where several wait */
const wantedOf = (standing: Standing, digest: string | undefined): string =>
  digest ?? findBundle(standing, undefined).digest;

async function rejectOne(
  session: Session,
  terminal: Terminal,
  { node, digest }: Target,
  reason: string,
  options: Options,
): Promise<void> {
  const standing = await lookToDecide(session, terminal, node, digest);
  const digestText = wantedOf(standing, digest);
  const plan = await planReject(session, standing, { digest: digestText, reason });
  if (plan.refused !== undefined) printAbout(terminal, plan.refused);
  if (plan.unreadable !== undefined) {
    terminal.warn(`this proposal cannot be opened (${plan.unreadable})`);
  }
  const question = `Reject ${plan.digest} of ${node}?`;
  await signAsked(session, terminal, plan, { question, flags: options });
}

/** `coatcheck rollback NODE SLOT`: put in force again what slot SLOT of the history put in force. */
export async function rollback(
  context: Context,
  nodeText: string,
  slotText: string,
  options: Options & ReviewFlags & { readonly expires?: string },
): Promise<void> {
  const { terminal } = context;
  const reason = checkReason(options.reason ?? '');
  if (!/^[0-9]{1,10}$/.test(slotText))
    throw fail('usage', 'SLOT is a number: see coatcheck history');
  const slot = Number(slotText);
  const session = await openSession(context);
  const node = await findNode(session, nodeText, 'decide');
  const keeps = (kept: number): boolean => kept === slot;
  const { history } = await lookToDecide(session, terminal, node, undefined, keeps);
  const plan = await planRollback(
    session,
    { node, history },
    {
      ...{ slot, reason },
      ...shownBy(terminal, options),
      ...(options.expires === undefined
        ? {}
        : { expires: parseExpiry(options.expires, session.client.now()) }),
      unseen: (options.unseen ?? []).map(bundlePath),
    },
  );
  if (plan.review !== undefined) await printReview(terminal, plan.review);
  for (const warning of plan.warnings) terminal.warn(warningText(warning));
  const question = `Roll ${node} back to slot ${slot}?`;
  await signAsked(session, terminal, plan, { question, flags: options });
}

/** `coatcheck reconfigure NODE...`: at its next boot each makes a new proposal. */
export async function reconfigure(
  context: Context,
  words: readonly string[],
  options: ManyOptions,
): Promise<void> {
  await decideAboutNodes(context, words, planReconfigure, options);
}

/** `coatcheck revoke NODE...`: they apply nothing any more. */
export async function revoke(
  context: Context,
  words: readonly string[],
  options: ManyOptions,
): Promise<void> {
  await decideAboutNodes(context, words, planRevoke, options);
}

async function decideAboutNodes(
  context: Context,
  words: readonly string[],
  order: typeof planRevoke,
  options: ManyOptions,
): Promise<void> {
  const { terminal } = context;
  const reason = checkReason(options.reason ?? '');
  const session = await openSession(context);
  const meant = await targetsOf(session, terminal, { words, ...options }, 'decide');
  const [only] = meant.targets;
  if (meant.isOne && only !== undefined) {
    return decideAboutNode(session, terminal, only.node, order, { ...options, reason });
  }
  const plans = await terminal.waiting(`looking at ${meant.targets.length} nodes`, () =>
    planOrders(
      session,
      meant.targets,
      (standing) => order(session, standing, { reason }),
      tellingOf(terminal),
    ),
  );
  const rows = plans.planned.map(({ plan, name, standing: { history } }) => [
    ...[name ?? '-', plan.node],
    history.inForce === undefined
      ? 'nothing'
      : statementLine(statementView(history.inForce.frame, session.client.now())),
  ]);
  printRows(terminal, ['NAME', 'NODE', 'IN FORCE'], rows);
  await signOrders(session, terminal, meant, plans, {
    ...{ verb: order === planRevoke ? 'Revoke' : 'Reconfigure', noun: 'node', reason },
    ...{ flags: options, byNumber: order === planRevoke },
  });
}

/** @param rows not escaped */
function printRows(
  terminal: Terminal,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  if (rows.length === 0) return;
  const escaped = rows.map((row) => row.map(escapeLine));
  const lines = table([head.map(terminal.style.dim), ...escaped]);
  for (const line of lines) terminal.print(line);
}

async function signOrders(
  session: Session,
  terminal: Terminal,
  meant: Targets,
  plans: ManyPlans<Ordered>,
  asked: ManyAsked & { readonly reason: string },
): Promise<void> {
  const leftOut = [...meant.leftOut, ...plans.leftOut];
  printLeftOut(terminal, leftOut);
  terminal.print(`${terminal.style.dim('reason'.padEnd(10))} ${escapeLine(asked.reason)}`);
  const all = { planned: plans.planned, leftOut };
  await signManyAsked(session, terminal, all, { ...asked, expect: meant.expect });
}

async function decideAboutNode(
  session: Session,
  terminal: Terminal,
  node: NodeId,
  plan: typeof planRevoke,
  options: Options & { readonly reason: string },
): Promise<void> {
  const { reason } = options;
  const { history } = await lookToDecide(session, terminal, node);
  const { inForce } = history;
  terminal.print(`${terminal.style.dim('node'.padEnd(10))} ${node}`);
  const now =
    inForce === undefined
      ? 'nothing'
      : statementLine(statementView(inForce.frame, session.client.now()));
  terminal.print(`${terminal.style.dim('in force'.padEnd(10))} ${now}`);
  terminal.print(`${terminal.style.dim('reason'.padEnd(10))} ${escapeLine(reason)}`);
  const order = plan(session, { node, history }, { reason });
  const question = `Sign: ${order.action} ${node}?`;
  await signAsked(session, terminal, order, { question, flags: options });
}
