import type { Plan } from '../../admin/plan.ts';
import type { Session } from '../../admin/session.ts';
import { sign } from '../../admin/sign.ts';
import type { Outcome } from '../../admin/decide.ts';
import { confirm } from '../confirm.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Terminal } from '../terminal.ts';

/** Asks for the consent to a plan that was shown with all that it objects, and signs it. */
export async function signAsked(
  session: Session,
  terminal: Terminal,
  plan: Plan,
  asked: { readonly question: string; readonly flags: ConsentFlags },
): Promise<void> {
  await confirm(plan.objections, terminal, asked.question, asked.flags);
  const decisions = await sign(session, plan, {
    despite: plan.objections.map(({ code }) => code),
    onOutcome: (outcome) => {
      printOutcome(terminal, outcome);
    },
  });
  const shown = plan.review?.diff;
  terminal.document({ decisions, ...(shown === undefined ? {} : { shown }) });
}

const DONE = {
  approve: 'approved',
  reject: 'rejected',
  reconfigure: 'asked to configure itself anew',
  revoke: 'revoked',
  rollback: 'rolled back',
} as const;

function printOutcome(terminal: Terminal, { node, type, seq, slot, published }: Outcome): void {
  terminal.print(`${terminal.style.green(DONE[type])} ${node} (seq ${seq}, slot ${slot})`);
  if (!published) {
    terminal.warn(`recorded, but not shown to the node yet: coatcheck repair ${node} finishes it`);
  }
}
