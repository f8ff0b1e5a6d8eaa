import { draftAgain, draftFirst, hearRefusal, isAnswered, sendDraft } from './drafting.ts';
import { isOrder, obstacleTo } from './install.ts';
import type { Node } from './node.ts';
import { nothingYet, whyRefused, whyWaiting } from './reasons.ts';
import { wipedTeller } from './report.ts';
import type { Servers } from './servers.ts';
import type { Source } from './source.ts';
import { askWhetherItWaits, mayBeGone } from './standing.ts';
import { canAnswer, digestOf, pressed, settledOf } from './state.ts';
import type { Progress } from './state.ts';
import { waitOn } from './step.ts';
import type { Boot, BootOptions, Found, BootStep, Turn } from './step.ts';
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
  const boot: Boot = { node, servers, source, options };
  const tellWiped = wipedTeller(node, servers);
  const note = createWaitNotes(node.console, node.identity.id, node.now);
  let progress: Progress = {
    state: { name: 'undrafted' },
    replaces: options.fresh === true ? 'newest' : undefined,
  };
  for (;;) {
    const step = await next(boot, progress);
    if ('found' in step) return step.found;
    progress = step.progress;
    if (step.soon === true) continue;
    if (step.untaken !== undefined) await tellWiped(step.untaken);
    if (options.patience.isOver()) throw step.why;
    const key = canAnswer(progress.state) ? options.pressed : undefined;
    note(step.why, key && 'press Enter here to make another proposal');
    if (await options.patience.pause(key)) {
      progress = { ...progress, state: pressed(progress.state) };
    }
  }
}

/** One look, and what follows from it. */
export async function next(boot: Boot, progress: Progress): Promise<BootStep> {
  const { node, source, options } = boot;
  const { state } = progress;
  const look = await source.inForce(digestOf(state));
  if (look.state === 'failed') {
    const unapproved = await options.unapproved?.(look.error);
    if (typeof unapproved === 'object') return { found: { unapproved } };
    return { why: look.error, progress, soon: unapproved === 'overtaken' };
  }
  const inForce = look.state === 'found' ? look.decision : undefined;
  const seq = inForce?.frame.statement.seq ?? 0;
  const replaces = progress.replaces === 'newest' ? seq : progress.replaces;
  const isOld = inForce !== undefined && replaces !== undefined && seq <= replaces;
  const obstacle = inForce && obstacleTo(node, inForce);
  if (inForce !== undefined && obstacle === undefined && !isOld) {
    return { found: { decision: inForce } };
  }
  if (obstacle !== undefined && !isOrder(inForce)) {
    return { why: obstacle, progress, untaken: inForce! };
  }

  // Nothing was ever decided, or a new configuration was ordered.
  const settled = settledOf(state);
  const turn: Turn = { ...boot, inForce, settled, replaces };
  if (state.name === 'unsent') return await sendDraft(turn, state.draft, state.after);
  if (settled.name === 'undrafted' || isAnswered(settled, inForce)) {
    if (options.draft === undefined) return waitOn(turn, obstacle ?? nothingYet(node), settled);
    if (state.name === 'stopped') return waitOn(turn, nothingYet(node), state);
    return await draftFirst(turn, options.draft);
  }
  if (settled.name === 'refused') {
    if (state.name === 'again') return await draftAgain(turn, settled);
    return waitOn(turn, whyRefused(settled), settled);
  }
  const rejection = await source.rejection(settled.digest);
  if (rejection.state === 'failed') return waitOn(turn, rejection.error, settled);
  if (rejection.state === 'found')
    return await hearRefusal(turn, settled.digest, rejection.decision);
  if (mayBeGone(options.patience, settled)) return await askWhetherItWaits(turn, settled);
  return waitOn(turn, whyWaiting(node, settled), settled);
}
