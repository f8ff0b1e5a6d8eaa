import { fail, hasCode } from '../protocol/errors.ts';
import { showPath } from '../bundle/index.ts';
import type { NodeId } from '../bundle/index.ts';
import { decide } from './decide.ts';
import type { Outcome, Recorded } from './decide.ts';
import { headToFollow } from './plan.ts';
import type { Plan, PlannedStatement, Predecessor } from './plan.ts';
import { pathsRefused, propose } from './propose.ts';
import type { Session } from './session.ts';
import type { Objection } from './warning.ts';

/** What whoever consents has said, and wants to hear. */
export interface Consent {
  /** The objections that were seen, and that stop nothing. */
  readonly despite?: readonly Objection['code'][];
  /** Told of each outcome once it is recorded: also where a later statement of the plan fails. */
  readonly onOutcome?: (outcome: Outcome) => void;
}

/**
 * Signs a plan, statement by statement, and has each recorded.
 *
 * A statement follows the decision that was looked at, so one that somebody made in between is never
 * overruled: the server refuses, and nothing is decided. Then look and plan again; nothing read
 * before is good any more. An outcome that is not known is asked for again with the same statement,
 * which the server finds recorded if it was.
 *
 * @returns one outcome a statement, in order
 * @throws path_refused for files that the node would refuse; stale_base, not_shown or record_doubtful for an objection that the consent does not name, and
 *   stale_keyset for a plan under another keyset: nothing was signed. head_moved if somebody decided
 *   meanwhile, too_large, every refusal of the server, and what the client and the ports throw
 */
export async function sign(
  session: Session,
  plan: Plan,
  consent: Consent = {},
): Promise<Outcome[]> {
  demandConsent(plan, consent);
  if (plan.keysetVersion !== session.keyset.version) {
    const { version } = session.keyset;
    throw fail('stale_keyset', `the newest keyset is ${version}: plan again`, {
      details: { version },
    });
  }
  const outcomes: Outcome[] = [];
  let uploaded: Uint8Array | undefined;
  let { after } = plan;
  for (const planned of plan.statements) {
    if (planned.upload !== undefined) uploaded = await propose(session, planned.upload);
    const recorded = await decideAfterOwn(session, plan.node, after, planned, {
      isFirst: outcomes.length === 0,
      ...(uploaded === undefined ? {} : { uploaded }),
    });
    outcomes.push(recorded.outcome);
    consent.onOutcome?.(recorded.outcome);
    after = recorded.made;
  }
  return outcomes;
}

function demandConsent({ objections }: Plan, { despite = [] }: Consent): void {
  const refused = objections.find((objection) => objection.code === 'refused_paths');
  if (refused !== undefined) throw pathsRefused(refused);
  const open = objections.find(({ code }) => !despite.includes(code));
  if (open === undefined) return;
  if (open.code === 'record_doubtful') {
    throw fail('record_doubtful', 'the store contradicts what was seen before: nothing was signed');
  }
  if (open.code === 'withheld' || open.code === 'cut') {
    const paths = open.paths.map(showPath).join(', ');
    throw fail('not_shown', `${paths}: not shown whole, and nothing was signed`);
  }
  const what =
    open.code === 'older_bundle' ? 'the bundle is' : 'the proposal was made against what is';
  throw fail('stale_base', `${what} no longer in force: nothing was signed`);
}

/**
 * The statements after the first follow our own, which was just recorded. Who decided since saw that
 * one, and does not speak against them: they follow that decision instead.
 */
async function decideAfterOwn(
  session: Session,
  node: NodeId,
  after: Predecessor,
  planned: PlannedStatement,
  sofar: { readonly isFirst: boolean; readonly uploaded?: Uint8Array },
): Promise<Recorded> {
  try {
    return await decide(session, node, after, planned, sofar.uploaded);
  } catch (error) {
    if (sofar.isFirst || !hasCode(error, 'head_moved')) throw error;
    const now = headToFollow(await session.history(node));
    return await decide(session, node, now, planned, sofar.uploaded);
  }
}
