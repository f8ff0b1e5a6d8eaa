import type { DiffView } from '../../admin/diff-view.ts';
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
  const despite = plan.objections.map(({ code }) => code);
  printOutcomes(terminal, await sign(session, plan, { despite }), plan.review?.diff);
}

const DONE = {
  approve: 'approved',
  reject: 'rejected',
  reconfigure: 'asked to configure itself anew',
  revoke: 'revoked',
  rollback: 'rolled back',
} as const;

/** The result of a command that decided something. @param shown what the administrator was shown */
function printOutcomes(terminal: Terminal, decisions: readonly Outcome[], shown?: DiffView): void {
  const { style } = terminal;
  for (const { node, type, seq, slot, published } of decisions) {
    terminal.print(`${style.green(DONE[type])} ${node} (seq ${seq}, slot ${slot})`);
    if (!published) {
      terminal.warn(
        `recorded, but not shown to the node yet: coatcheck repair ${node} finishes it`,
      );
    }
  }
  terminal.document({ decisions, ...(shown === undefined ? {} : { shown }) });
}
