import { CoatcheckError } from '../../bundle/errors.ts';
import { hearRefusal, isAnswered } from './drafting.ts';
import type { Patience } from './patience.ts';
import { send } from './propose.ts';
import { whyWaiting } from './reasons.ts';
import { sentBefore } from './sent-before.ts';
import type { RefusedState, WaitingState } from './state.ts';
import { waitOn } from './step.ts';
import type { BootStep, Turn } from './step.ts';

/** For how long a proposal is taken to wait after it was last seen. */
const STANDS_MILLISECONDS = 3_600_000;

/** Whether nobody has asked for so long that it may have come to its end meanwhile (docs/adr/0177). */
export const mayBeGone = (patience: Patience, { seen }: WaitingState): boolean =>
  patience.elapsed() - seen >= STANDS_MILLISECONDS;

/**
 * Asks whether the proposal that is waited for still waits. Where it is gone, the same bytes are sent
 * again: whoever wrote down their digest finds them. Those of an earlier boot are known to nobody any
 * more, and another draft is made. Whatever goes wrong, the wait goes on, and the next look asks again.
 */
export async function askWhetherItWaits(turn: Turn, state: WaitingState): Promise<BootStep> {
  try {
    return await (state.sent === undefined
      ? standsFromBefore(turn, state)
      : sendAgain(turn, state, state.sent));
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    turn.servers.passOver();
    return waitOn(turn, error as CoatcheckError, state);
  }
}

async function sendAgain(
  turn: Turn,
  state: WaitingState,
  { proposal, at }: NonNullable<WaitingState['sent']>,
): Promise<BootStep> {
  const { node, options } = turn;
  const context = { ...turn, token: options.token, after: proposal.after };
  const now = await send(context, proposal.draft, proposal.sealed);
  if (now.state === 'rejected') return await hearRefusal(turn, now.digest, now.rejection);
  const isNew = 'isNew' in now && now.isNew;
  const sent = { proposal, at: isNew ? node.now() : at };
  const waits: WaitingState = { ...state, seen: options.patience.elapsed(), sent };
  return waitOn(turn, whyWaiting(node, waits), waits, now.state === 'accepted');
}

async function standsFromBefore(turn: Turn, state: WaitingState): Promise<BootStep> {
  const { node, options, inForce } = turn;
  const standing = await sentBefore({ ...turn, token: options.token });
  if (standing.state === 'free') {
    return waitOn(turn, whyWaiting(node, state), { name: 'undrafted' }, true);
  }
  const { digest } = standing;
  if (standing.state === 'refused') {
    const refused: RefusedState = { name: 'refused', digest, refusal: standing.refusal };
    if (isAnswered(refused, inForce)) return waitOn(turn, whyWaiting(node, state), refused, true);
    return await hearRefusal(turn, digest, standing.refusal);
  }
  const waits: WaitingState = { name: 'waiting', digest, seen: options.patience.elapsed() };
  return waitOn(turn, whyWaiting(node, waits), waits);
}
