import { bundlePath } from '../../admin/alter.ts';
import type { Outcome } from '../../admin/decide.ts';
import type { Plan } from '../../admin/plan.ts';
import { findNode } from '../../admin/select.ts';
import type { Session } from '../../admin/session.ts';
import { planTransfer } from '../../admin/transfer.ts';
import { statementView } from '../../admin/views/statement.ts';
import { showPath } from '../../bundle/errors.ts';
import { nodeWords } from '../../bundle/words.ts';
import type { NodeId } from '../../bundle/index.ts';
import { count } from '../../protocol/count.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { statementLine } from '../../words/decisions.ts';
import { warningText } from '../../words/warnings.ts';
import { confirmWords } from '../confirm.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Context } from '../context.ts';
import { lookToDecide } from '../look.ts';
import { printReview, shownBy } from '../review.ts';
import type { ReviewFlags } from '../review.ts';
import { openSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { answered } from '../under-way.ts';
import { signTelling } from './outcome.ts';

/** `coatcheck transfer OLD NEW`: approve for NEW what OLD has, refuse what NEW proposed, revoke OLD. */
export async function transfer(
  context: Context,
  oldText: string,
  newText: string,
  options: ConsentFlags & ReviewFlags,
): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const old = await findNode(session, oldText, 'decide');
  const fresh = await findNode(session, newText, 'decide');
  const standing = await lookToDecide(session, terminal, old);
  const { give, take, secrets } = await planTransfer(
    session,
    standing,
    await lookToDecide(session, terminal, fresh),
    { ...shownBy(terminal, options), unseen: (options.unseen ?? []).map(bundlePath) },
  );
  if (give === undefined && take === undefined) {
    terminal.hint(`${fresh} has it, and ${old} is revoked: there is nothing to do`);
    terminal.document({ decisions: [], secrets: [] });
    return;
  }
  const { inForce } = standing.history;
  const now = session.client.now();
  const row = (label: string, text: string): void => {
    terminal.print(`${terminal.style.dim(label.padEnd(10))} ${text}`);
  };
  row('from', old);
  if (inForce !== undefined) row('in force', statementLine(statementView(inForce.frame, now)));
  row('to', fresh);
  if (give?.review !== undefined) await printReview(terminal, give.review);
  for (const warning of give?.warnings ?? []) terminal.warn(warningText(warning));
  if (secrets.length > 0) {
    terminal.warn(
      `${count(secrets.length, 'file')} with secrets ${secrets.length === 1 ? 'is' : 'are'} sealed to the new key, and whoever has the old one can read them still: ${secrets.map(showPath).join(', ')}`,
    );
  }
  terminal.print(
    give === undefined
      ? `${fresh} has it already: ${old} is revoked, and both work until then`
      : `${old} is revoked then: both work until that is done`,
  );
  const plans = [give, take].filter((plan) => plan !== undefined);
  const objections = plans.flatMap((plan) => plan.objections);
  await confirmWords(objections, terminal, nodeWords(fresh), {
    ...options,
    typed: newText.trim().toLowerCase().replace(/\s+/g, ' '),
  });
  await session.key.sign.announce?.({
    statements: plans.flatMap(({ node, statements }) =>
      statements.map(({ type }) => ({ type, node })),
    ),
  });
  await signEach(
    session,
    terminal,
    { old, fresh, plans },
    {
      ...(give?.review && { bundle: give.review.bundle, shown: give.review.diff }),
      secrets,
    },
  );
}

async function signEach(
  session: Session,
  terminal: Terminal,
  {
    old,
    fresh,
    plans,
  }: { readonly old: NodeId; readonly fresh: NodeId; readonly plans: readonly Plan[] },
  document: Readonly<Record<string, unknown>>,
): Promise<void> {
  const decisions: Outcome[] = [];
  const undersigned: string[] = [];
  const again = `coatcheck transfer ${old} ${fresh}`;
  try {
    for (const plan of plans) {
      try {
        await signTelling(session, terminal, plan, decisions);
      } catch (error) {
        if (!hasCode(error, 'undersigned')) throw error;
        answered();
        undersigned.push((error as Error).message);
        // The old key is revoked once the new one has what it had, and not before.
        if (plan.statements.some(({ type }) => type === 'approve')) {
          throw fail(
            'undersigned',
            `${undersigned.join('; ')}. Then ${again} does the rest: ${old} works until it is revoked`,
          );
        }
      }
    }
  } catch (error) {
    answered();
    if (decisions.length > 0) {
      if (!hasCode(error, 'undersigned')) {
        terminal.warn(
          'both keys work until the old one is revoked: the same command again does the rest',
        );
      }
      terminal.document({ decisions, ...document });
    }
    throw error;
  }
  terminal.document({ decisions, ...document });
  if (undersigned.length > 0) {
    throw fail(
      'undersigned',
      `${undersigned.join('; ')}. Then ${again} says whether anything is left`,
    );
  }
}
