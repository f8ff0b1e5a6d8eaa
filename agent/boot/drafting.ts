import { toHex } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { hasCode } from '../../protocol/errors.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { askWhileLooking } from './asking.ts';
import { isOrder } from './install.ts';
import { propose } from './propose.ts';
import { nothingAtAll, nothingYet, whyRefused, whyWaiting } from './reasons.ts';
import { tryAgain } from './servers.ts';
import type { Draft } from './snapshot.ts';
import type { Decision } from './source.ts';
import { sentBefore } from './sent-before.ts';
import type { SentBefore } from './sent-before.ts';
import type { RefusedState, SettledState, WaitingState } from './state.ts';
import { waitOn } from './step.ts';
import type { BootOptions, BootStep, Turn } from './step.ts';

/**
 * Makes the first draft of this boot and proposes it. Where that asks somebody, what stands from
 * earlier boots goes before.
 */
export async function draftFirst(
  turn: Turn,
  make: NonNullable<BootOptions['draft']>,
): Promise<BootStep> {
  const { node, options, inForce, settled } = turn;
  if (options.asks === true) {
    const standing = await whatStands(turn);
    if (standing instanceof CoatcheckError) return waitOn(turn, standing, settled);
    if (standing.state === 'waiting') {
      const seen = options.patience.elapsed();
      const waits: WaitingState = { name: 'waiting', digest: standing.digest, seen };
      return waitOn(turn, whyWaiting(node, waits), waits);
    }
    if (standing.state === 'refused') {
      const { digest, refusal } = standing;
      const stands: RefusedState = { name: 'refused', digest, refusal };
      if (!isAnswered(stands, inForce)) return await hearRefusal(turn, digest, refusal);
    }
  }
  const draft = await draftUnlessOvertaken(turn, (overtaken) => make(inForce, overtaken));
  const why = nothingYet(node);
  if (draft === 'overtaken') return waitOn(turn, why, settled, !options.patience.isOver());
  if (draft === undefined) return waitOn(turn, why, { name: 'stopped', from: settled });
  return await sendDraft(turn, draft, undefined);
}

/** What stands, or why that cannot be known yet. */
async function whatStands(turn: Turn): Promise<SentBefore | CoatcheckError> {
  try {
    return await sentBefore({ ...turn, token: turn.options.token });
  } catch (error) {
    return tryAgain(turn.servers, error);
  }
}

/** @returns undefined if whoever was asked stopped, or is gone */
async function draftUnlessOvertaken(
  { source, options, inForce }: Turn,
  make: (overtaken: AbortSignal) => Promise<Draft | undefined>,
): Promise<Draft | 'overtaken' | undefined> {
  const seq = inForce?.frame.statement.seq ?? 0;
  const isOvertaken = async (): Promise<boolean> => {
    const look = await source.inForce();
    return look.state === 'found' && look.decision.frame.statement.seq > seq;
  };
  try {
    return await askWhileLooking(make, isOvertaken, options.patience);
  } catch (error) {
    if (hasCode(error, 'interrupted')) return undefined;
    throw error;
  }
}

/** A refusal that was not known yet: whoever answers hears of it at once. */
export async function hearRefusal(
  turn: Turn,
  digest: DigestHex,
  refusal: Decision,
): Promise<BootStep> {
  const state: RefusedState = { name: 'refused', digest, refusal };
  const why = whyRefused(state);
  if (turn.options.asks !== true) return waitOn(turn, why, state);
  turn.node.console.note(`${why.message} [${why.code}]`);
  return await draftAgain(turn, state);
}

/** Somebody may answer a refusal with another draft. */
export async function draftAgain(turn: Turn, state: RefusedState): Promise<BootStep> {
  const { redraft, patience } = turn.options;
  const why = whyRefused(state);
  if (redraft === undefined) return waitOn(turn, why, state);
  const { digest, refusal } = state;
  const draft = await draftUnlessOvertaken(turn, (overtaken) => redraft(refusal, overtaken));
  if (draft === 'overtaken') return waitOn(turn, why, state, !patience.isOver());
  return draft === undefined ? waitOn(turn, why, state) : await sendDraft(turn, draft, digest);
}

/**
 * Proposes a draft.
 * @param after the refusal that it is another answer to
 */
export async function sendDraft(
  turn: Turn,
  draft: Draft,
  after: DigestHex | undefined,
): Promise<BootStep> {
  const { node, options, settled } = turn;
  const { asks, patience, token } = options;
  try {
    const proposal = await propose({ ...turn, token, after }, draft);
    if (proposal.state === 'unchanged') {
      // It is approved already: there is nothing to replace.
      const progress = { state: { name: 'undrafted' }, replaces: undefined } as const;
      return { why: nothingYet(node), progress, soon: true };
    }
    if (proposal.state === 'empty') return waitOn(turn, nothingAtAll(node), settled);
    if (proposal.state === 'rejected') {
      return await hearRefusal(turn, proposal.digest, proposal.rejection);
    }
    patience.restart();
    const waits: WaitingState = {
      ...{ name: 'waiting', digest: proposal.digest, seen: patience.elapsed() },
      ...(proposal.state !== 'waiting' && { sent: { proposal: proposal.sent, at: node.now() } }),
    };
    return waitOn(turn, whyWaiting(node, waits), waits, proposal.state === 'accepted');
  } catch (error) {
    const why = tryAgain(turn.servers, error);
    if (asks !== true) return waitOn(turn, why, settled);
    return waitOn(turn, why, { name: 'unsent', from: settled, draft, after });
  }
}

/** After the refusal, or after the approval of what waited, a new configuration was ordered. */
export function isAnswered(settled: SettledState, inForce: Decision | undefined): boolean {
  if (!isOrder(inForce)) return false;
  const { seq, digest } = inForce.frame.statement;
  // What an order replaces was decided: it waits no more, and nobody would be shown it again.
  if (settled.name === 'waiting') return toHex(digest) === settled.digest;
  return settled.name === 'refused' && seq > settled.refusal.frame.statement.seq;
}
