import type { Plan } from '../../admin/plan.ts';
import type { Session } from '../../admin/session.ts';
import { sign } from '../../admin/sign.ts';
import type { Outcome } from '../../admin/decide.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { confirm } from '../confirm.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Terminal } from '../terminal.ts';
import { when } from '../../words/time.ts';
import { answered, recorded, sending } from '../under-way.ts';

/** Asks for the consent to a plan that was shown with all that it objects, and signs it. */
export async function signAsked(
  session: Session,
  terminal: Terminal,
  plan: Plan,
  asked: { readonly question: string; readonly flags: ConsentFlags },
): Promise<void> {
  await confirm(plan.objections, terminal, asked.question, asked.flags);
  await signConsented(session, terminal, plan);
}

/** Signs a plan that somebody has consented to, with all that it objects, and says what came of it. */
export async function signConsented(
  session: Session,
  terminal: Terminal,
  plan: Plan,
): Promise<void> {
  const { node } = plan;
  await session.key.sign.announce?.({
    statements: plan.statements.map(({ type }) => ({ type, node })),
  });
  const decisions: Outcome[] = [];
  const { review } = plan;
  const tell = (): void => {
    terminal.document({
      decisions,
      ...(review && {
        bundle: review.bundle,
        ...(review.imageInForce && { imageInForce: review.imageInForce }),
        shown: review.diff,
      }),
    });
  };
  try {
    await signTelling(session, terminal, plan, decisions);
  } catch (error) {
    answered();
    if (decisions.length > 0) tell();
    throw error;
  }
  tell();
}

/**
 * Signs a plan whose objections were consented to, and says each outcome at once.
 * @param decisions takes them: also those before a failure
 * @throws as `sign`
 */
export function signTelling(
  session: Session,
  terminal: Terminal,
  plan: Plan,
  decisions: Outcome[],
): Promise<Outcome[]> {
  return sign(session, plan, {
    despite: plan.objections.map(({ code }) => code),
    onSending: sending,
    onOutcome: (outcome) => {
      recorded(outcome);
      decisions.push(outcome);
      printOutcome(terminal, outcome);
    },
  });
}

const DONE = {
  approve: 'approved',
  reject: 'rejected',
  reconfigure: 'asked to configure itself anew',
  revoke: 'revoked',
  rollback: 'rolled back',
} as const;

/** Says what was decided. */
export function printOutcome(terminal: Terminal, outcome: Outcome): void {
  const { node, type, seq, slot, expires, published, unremembered } = outcome;
  const until = expires === undefined ? '' : `, until ${when(expires)}`;
  terminal.print(`${terminal.style.green(DONE[type])} ${node} (seq ${seq}, slot ${slot}${until})`);
  if (!published) {
    terminal.warn(`recorded, but not shown to the node yet: coatcheck repair ${node} finishes it`);
  }
  if (unremembered !== undefined) {
    terminal.warn(
      `recorded, but this tool cannot remember that it was: ${escapeLine(unremembered.message)} [${unremembered.code}]`,
    );
  }
}
