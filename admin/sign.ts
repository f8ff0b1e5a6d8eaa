import { CoatcheckError, equalBytes, showPath, toHex } from '../bundle/index.ts';
import type { NodeId } from '../bundle/index.ts';
import { count } from '../protocol/count.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { begunBy } from './begun.ts';
import { decide } from './decide.ts';
import type { Outcome, Recorded } from './decide.ts';
import { endText, headToFollow } from './plan.ts';
import type { Plan, PlannedStatement, Predecessor } from './plan.ts';
import { pathsRefused, propose, sealAsOwn, sealSame, withdraw } from './propose.ts';
import type { OwnBundle } from './propose.ts';
import { decisionText } from './record.ts';
import type { Session } from './session.ts';
import type { Objection } from './warning.ts';

/** What whoever consents has said, and wants to hear. */
export interface Consent {
  /** The objections that were seen, and that stop nothing. */
  readonly despite?: readonly Objection['code'][];
  /** Told of each outcome once it is recorded: also where a later statement of the plan fails. */
  readonly onOutcome?: (outcome: Outcome) => void;
  /** Told before a statement is sent: from then until its outcome nobody knows whether it is decided. */
  readonly onSending?: () => void;
}

/**
 * Signs a plan, statement by statement, and has each recorded.
 *
 * A statement follows the decision that was looked at, so one that somebody made in between is never
 * overruled: the server refuses, and nothing is decided. Then look and plan again; nothing read
 * before is good any more. An outcome that is not known is asked for again with the same statement,
 * which the server finds recorded if it was. What was uploaded for a statement that was refused is
 * taken back.
 *
 * @returns one outcome a statement, in order
 * @throws undersigned where the keyset asks for more signatures: this administrator's is there, and of a plan
 *   of several statements the first only; cosigned where another has signed the same already. path_refused for files that the node would refuse; expired for an end that has passed; stale_base, not_shown or record_doubtful for an objection that the consent does not name, and
 *   stale_keyset for a plan under another keyset: nothing was signed. head_moved if somebody decided
 *   meanwhile, too_large, every refusal of the server, and what the client and the ports throw: the
 *   statement was not decided, and what was before it is in the message. store_unknown if whether it
 *   was is not known
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
  demandNoneEnded(session, plan);
  const outcomes: Outcome[] = [];
  let uploaded: Uint8Array | undefined;
  let { after } = plan;
  for (const wanted of plan.statements) {
    let own: OwnBundle | undefined;
    try {
      const begun = wanted.joins ?? (await begunBy(session, plan.node, after, wanted));
      const planned = begun === undefined ? wanted : { ...wanted, joins: begun };
      if (begun !== undefined) uploaded = begun.statement.digest;
      else if (planned.upload !== undefined) {
        own = await (planned.isSame ? sealSame : sealAsOwn)(session, planned.upload);
        uploaded = own.digest;
        await propose(session, own);
      }
      const recorded = await decideAfterOwn(session, plan.node, after, planned, {
        isFirst: outcomes.length === 0,
        ...(uploaded === undefined ? {} : { uploaded }),
        ...(consent.onSending && { onSending: consent.onSending }),
      });
      outcomes.push(recorded.outcome);
      consent.onOutcome?.(recorded.outcome);
      after = recorded.made;
    } catch (error) {
      if (hasCode(error, 'undersigned')) throw withRest(error, plan, wanted);
      const left = own && (await leftBehind(session, own, error));
      throw toldWhole(await toldWhose(session, plan, error), outcomes, left);
    }
  }
  return outcomes;
}

/** Between a plan and a signature there may be a person, and hours. @throws expired */
function demandNoneEnded({ client }: Session, { node, statements }: Plan): void {
  for (const { type, expires, keepsEnd } of statements) {
    if (keepsEnd === true || expires === undefined || expires > client.now()) continue;
    throw fail(
      'expired',
      `this ${type} of ${node} ended at ${endText(expires)}, and would stop the machine: nothing was signed. Say a later end`,
      { details: { node, expires } },
    );
  }
}

/**
 * What is left to do behind a statement that is not decided yet: nothing can follow it so far. What a transfer
 * leaves is planned again.
 */
function withRest(
  error: unknown,
  { action, statements }: Plan,
  planned: PlannedStatement,
): unknown {
  const next = statements[statements.indexOf(planned) + 1];
  if (next === undefined || action === 'transfer' || !(error instanceof CoatcheckError))
    return error;
  const what = next.digest === undefined ? '' : ` of ${toHex(next.digest)}`;
  return fail(
    'undersigned',
    `${error.message}. Once it is decided, what it replaces is still there: ${next.type}${what}`,
    { cause: error, details: error.details },
  );
}

/** What still waits of an upload, 64 hex digits: what may be decided yet must not be taken away. */
async function leftBehind(
  session: Session,
  own: OwnBundle,
  error: unknown,
): Promise<string | undefined> {
  const isOpen = error instanceof CoatcheckError && error.details['statement'] !== undefined;
  return !isOpen && (await withdraw(session, own)) ? undefined : toHex(own.digest);
}

/** The error of who came too late, with the decision that was made meanwhile, and whose it is. */
async function toldWhose(
  session: Session,
  { node, after }: Plan,
  error: unknown,
): Promise<unknown> {
  if (!hasCode(error, 'head_moved', 'already_decided')) return error;
  const { message, code, details } = error as CoatcheckError<ErrorCode>;
  if (details['by'] !== undefined) return error;
  try {
    const { head } = await session.history(node);
    if (head === undefined || equalBytes(head.frame.statementDigest, after.digest)) return error;
    return fail(code, `${message}. The newest decision is ${decisionText(head)}`, {
      ...{ cause: error, details },
    });
  } catch {
    // What was refused is said all the same.
    return error;
  }
}

/** The error with what was decided before it, and with what is left of it. */
function toldWhole(
  error: unknown,
  outcomes: readonly Outcome[],
  left: string | undefined,
): unknown {
  if (!(error instanceof CoatcheckError)) return error;
  if (outcomes.length === 0 && left === undefined) return error;
  const decided = outcomes.map(({ type, seq }) => `${type} (seq ${seq}) is decided; `);
  const waits =
    left === undefined
      ? ''
      : `; what was uploaded for it may still wait, as ${left}: your next decision about this node takes it back`;
  return fail(
    error.code as ErrorCode,
    `${decided.length > 0 ? `${decided.join('')}then: ` : ''}${error.message}${waits}`,
    {
      cause: error,
      details: { ...error.details, ...(left === undefined ? {} : { waits: left }) },
    },
  );
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
    const what = [
      ...open.paths.map(showPath),
      ...(open.code === 'cut' && open.settings > 0 ? [count(open.settings, 'setting')] : []),
    ].join(', ');
    throw fail('not_shown', `${what}: not shown whole, and nothing was signed`);
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
  sofar: {
    readonly isFirst: boolean;
    readonly uploaded?: Uint8Array;
    readonly onSending?: () => void;
  },
): Promise<Recorded> {
  try {
    return await decide(session, node, after, planned, sofar.uploaded, sofar.onSending);
  } catch (error) {
    if (sofar.isFirst || !hasCode(error, 'head_moved')) throw error;
    const now = headToFollow(await session.history(node));
    return await decide(session, node, now, planned, sofar.uploaded, sofar.onSending);
  }
}
