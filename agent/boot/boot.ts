import { isOrder, obstacleTo } from './install.ts';
import type { Node } from './node.ts';
import { afterRefusal, draftAgain, draftFirst, isAnswered, proposeAnew } from './drafting.ts';
import { nothingYet, refused, waiting } from './reasons.ts';
import type { Servers } from './servers.ts';
import type { Source } from './source.ts';
import type { BootOptions, Context, Found, State, Step } from './step.ts';
import { createWaitNotes } from './wait-notes.ts';

export type { BootOptions, Found } from './step.ts';

/**
 * Fetches and verifies this machine's configuration: two requests where one is approved. Where none
 * is, proposes one and waits. Nothing is found but what verified, and a server that is absent,
 * silent or lying is waited for like an administrator (docs/adr/0052), unless `unapproved` says
 * otherwise.
 *
 * @throws once patience ends, why it still waited: nothing_approved, rejected, revoked, expired,
 *   rollback_refused, or what fetching failed with; at once what waiting cannot help, and what the
 *   options throw
 */
export async function find(
  node: Node,
  servers: Servers,
  source: Source,
  options: BootOptions,
): Promise<Found> {
  const context: Context = { node, servers, source, options };
  const note = createWaitNotes(node.console, node.identity.id, node.now);
  let state: State = { wait: undefined, replaces: options.fresh === true ? 'newest' : undefined };
  for (;;) {
    const step = await next(context, state);
    if ('found' in step) return step.found;
    state = step.state;
    if (step.soon === true) continue;
    if (options.patience.isOver()) throw step.why;
    const { pressed } = canAnswer(state) ? options : {};
    note(step.why, pressed && 'press Enter here to make another proposal');
    if (await options.patience.pause(pressed)) state = { ...state, stopped: false, again: true };
  }
}

/** Whether somebody at the console could do something about it. */
const canAnswer = ({ wait, stopped }: State): boolean =>
  stopped === true || wait?.refused !== undefined;

/** One look, and what follows from it. */
async function next(context: Context, state: State): Promise<Step> {
  const { node, source, options } = context;
  const { wait } = state;
  const look = await source.inForce(wait?.digest);
  if (look.state === 'failed') {
    const unapproved = await options.unapproved?.(look.error);
    if (typeof unapproved === 'object') return { found: { unapproved } };
    return { why: look.error, state, soon: unapproved === 'overtaken' };
  }
  const inForce = look.state === 'found' ? look.decision : undefined;
  const seq = inForce?.frame.statement.seq ?? 0;
  const replaces = state.replaces === 'newest' ? seq : state.replaces;
  const isOld = inForce !== undefined && replaces !== undefined && seq <= replaces;
  const obstacle = inForce && obstacleTo(node, inForce);
  if (inForce !== undefined && obstacle === undefined && !isOld) {
    return { found: { decision: inForce } };
  }
  if (obstacle !== undefined && !isOrder(inForce)) return { why: obstacle, state };

  // Nothing was ever decided, or a new configuration was ordered.
  const asked: State = { wait, replaces };
  const { unsent } = state;
  if (unsent !== undefined) {
    return await proposeAnew(context, asked, inForce, unsent.draft, unsent.after);
  }
  if (wait === undefined || isAnswered(wait.refused, inForce)) {
    if (options.draft === undefined) return { why: obstacle ?? nothingYet(node), state: asked };
    if (state.stopped === true)
      return { why: nothingYet(node), state: { ...asked, stopped: true } };
    return await draftFirst(context, asked, inForce, options.draft);
  }
  if (wait.refused !== undefined) {
    if (state.again !== true) return { why: refused(wait.digest, wait.refused), state: asked };
    return await draftAgain(context, asked, inForce, wait.digest, wait.refused);
  }
  const rejection = await source.rejection(wait.digest);
  if (rejection.state === 'failed') return { why: rejection.error, state: asked };
  if (rejection.state === 'nothing') return { why: waiting(node, wait), state: asked };
  return await afterRefusal(context, asked, inForce, wait.digest, rejection.decision);
}
