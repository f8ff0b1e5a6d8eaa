import type { CoatcheckError } from '../../bundle/errors.ts';
import { fail } from '../../protocol/errors.ts';
import { tellDecision } from './install.ts';
import { formatTime } from '../console/console.ts';
import type { Node } from './node.ts';
import type { RefusedState, WaitingState } from './state.ts';

/** Nothing was ever decided for this machine. Code nothing_approved. */
export function nothingYet({ identity }: Node): CoatcheckError {
  return fail('nothing_approved', `nothing is approved for machine ${identity.id} yet`);
}

/** Nothing was decided, and there is nothing to propose. Code nothing_approved. */
export function nothingAtAll({ identity, rootPath }: Node): CoatcheckError {
  const said = `nothing is approved for machine ${identity.id} yet, and ${rootPath} holds nothing to propose`;
  return fail('nothing_approved', said);
}

/** A proposal waits for an administrator. Code nothing_approved. */
export function whyWaiting({ identity }: Node, { digest, sent }: WaitingState): CoatcheckError {
  const when = sent === undefined ? 'sent before' : `sent ${formatTime(sent.at)}`;
  const said = `machine ${identity.id} waits for an administrator to approve ${digest}, ${when}`;
  return fail('nothing_approved', said, { details: { node: identity.id, digest } });
}

/** A proposal was refused, with the reason that its decision gives. Code rejected. */
export function whyRefused({ digest, refusal }: RefusedState): CoatcheckError {
  const said = `the proposal ${digest} was refused: ${tellDecision(refusal.frame)}`;
  return fail('rejected', said, { details: { digest } });
}
