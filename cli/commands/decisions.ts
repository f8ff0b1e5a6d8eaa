import { findNode } from '../../admin/find.ts';
import { planReconfigure, planReject, planRevoke, planRollback } from '../../admin/orders.ts';
import { checkReason } from '../../admin/plan.ts';
import { statementView } from '../../admin/views/statement.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { fail } from '../../protocol/errors.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Context } from '../context.ts';
import { lookToDecide } from '../look.ts';
import { bundlePath, printAbout, printReview, shownBy } from '../review.ts';
import type { ReviewFlags } from '../review.ts';
import { openSession } from '../session.ts';
import { statementLine } from '../statement-line.ts';
import { parseExpiry } from '../time.ts';
import { warningText } from '../words.ts';
import { signAsked } from './outcome.ts';

interface Options extends ConsentFlags {
  readonly reason?: string;
}

/** `coatcheck reject NODE DIGEST --reason TEXT`: refuse what a node asks for, and tell it why. */
export async function reject(
  context: Context,
  nodeText: string,
  digestText: string,
  options: Options & { readonly reason: string },
): Promise<void> {
  const { terminal } = context;
  const reason = checkReason(options.reason);
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
  const standing = await lookToDecide(session, terminal, node, digestText);
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
  const node = await findNode(session, nodeText);
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

/** `coatcheck reconfigure NODE`: at its next boot the node makes a new proposal. */
export async function reconfigure(
  context: Context,
  nodeText: string,
  options: Options,
): Promise<void> {
  await decideAboutNode(context, nodeText, planReconfigure, options);
}

/** `coatcheck revoke NODE`: the node applies nothing any more. */
export async function revoke(context: Context, nodeText: string, options: Options): Promise<void> {
  await decideAboutNode(context, nodeText, planRevoke, options);
}

async function decideAboutNode(
  context: Context,
  nodeText: string,
  plan: typeof planRevoke,
  options: Options,
): Promise<void> {
  const { terminal } = context;
  const reason = checkReason(options.reason ?? '');
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
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
