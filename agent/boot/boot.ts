import { CoatcheckError } from '../../bundle/errors.ts';
import { isOrder, obstacleTo, tellDecision } from '../apply/install.ts';
import type { Draft } from '../apply/snapshot.ts';
import { formatTime } from '../console/console.ts';
import type { Node } from '../node.ts';
import { codeOf, ERRORS, fail, hasCode } from '../../protocol/errors.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { propose } from './propose.ts';
import type { Servers } from './servers.ts';
import type { Decision, Source } from './source.ts';
import type { Patience } from './wait.ts';
import { createWaitNotes } from './waiting.ts';

export interface BootOptions {
  readonly patience: Patience;
  readonly token?: string | undefined;
  /**
   * Makes what this machine proposes, where nothing is approved or a new configuration was ordered.
   * Where it is absent, nothing is proposed.
   */
  readonly draft?: (inForce: Decision | undefined) => Promise<Draft>;
  /** Asked once about each refusal: another draft, or undefined to wait for an administrator. */
  readonly redraft?: (refusal: Decision) => Promise<Draft | undefined>;
  /** Propose although something is approved; that is applied only if it is just what is proposed. */
  readonly fresh?: boolean;
  /** Asked at each failure to look: something to apply that nobody approved, or undefined to wait. */
  readonly unapproved?: (why: CoatcheckError) => Promise<Draft | undefined>;
}

/** What a boot ended with: a decision to apply, or a draft that nobody approved. */
export type Found = { readonly decision: Decision } | { readonly unapproved: Draft };

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
  const note = createWaitNotes(node.console, node.now);
  let state: State = { wait: undefined, replaces: options.fresh === true ? 'newest' : undefined };
  for (;;) {
    const step = await next(context, state);
    if ('found' in step) return step.found;
    state = step.state;
    if (step.soon === true) continue;
    if (options.patience.isOver()) throw step.why;
    note(step.why);
    await options.patience.pause();
  }
}

interface Context {
  readonly node: Node;
  readonly servers: Servers;
  readonly source: Source;
  readonly options: BootOptions;
}

interface State {
  readonly wait: Wait | undefined;
  /** The seq of the decision that this boot shall replace, where it shall: not to be applied. */
  readonly replaces: number | 'newest' | undefined;
}

/** A proposal that this machine waits for. */
interface Wait {
  readonly digest: DigestHex;
  /** Where it was sent by this boot: unix seconds */
  readonly since?: number;
  /** The decision that refused it */
  readonly refused?: Decision;
}

type Step =
  | { readonly found: Found }
  | { readonly why: CoatcheckError; readonly state: State; readonly soon?: boolean };

/** One look, and what follows from it. */
async function next(context: Context, state: State): Promise<Step> {
  const { node, source, options } = context;
  const { wait } = state;
  const look = await source.inForce(wait?.digest);
  if (look.state === 'failed') {
    const unapproved = await options.unapproved?.(look.error);
    return unapproved ? { found: { unapproved } } : { why: look.error, state };
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
  if (wait === undefined || isAnswered(wait, inForce)) {
    if (options.draft === undefined) return { why: obstacle ?? nothingYet(node), state: asked };
    return await proposeAnew(context, asked, inForce, await options.draft(inForce));
  }
  if (wait.refused !== undefined) return { why: refused(wait.digest, wait.refused), state: asked };
  const rejection = await source.rejection(wait.digest);
  if (rejection.state === 'failed') return { why: rejection.error, state: asked };
  if (rejection.state === 'nothing') return { why: waiting(node, wait), state: asked };
  return await afterRefusal(context, asked, inForce, wait.digest, rejection.decision);
}

/** After the refusal, a new configuration was ordered. */
function isAnswered({ refused }: Wait, inForce: Decision | undefined): boolean {
  return (
    refused !== undefined &&
    isOrder(inForce) &&
    inForce.frame.statement.seq > refused.frame.statement.seq
  );
}

async function afterRefusal(
  context: Context,
  state: State,
  inForce: Decision | undefined,
  digest: DigestHex,
  refusal: Decision,
): Promise<Step> {
  const why = refused(digest, refusal);
  const { redraft } = context.options;
  if (redraft !== undefined) {
    context.node.console.note(`${why.message} [${why.code}]`);
    const draft = await redraft(refusal);
    if (draft !== undefined) return await proposeAnew(context, state, inForce, draft, digest);
  }
  return { why, state: { ...state, wait: { digest, refused: refusal } } };
}

/** @param after a refusal that is known, and that this draft is another answer to */
async function proposeAnew(
  context: Context,
  state: State,
  inForce: Decision | undefined,
  draft: Draft,
  after?: DigestHex,
): Promise<Step> {
  const { node, options } = context;
  try {
    const proposal = await propose({ ...context, inForce, token: options.token, after }, draft);
    if (proposal.state === 'unchanged') {
      // It is approved already: there is nothing to replace.
      return { why: nothingYet(node), state: { wait: undefined, replaces: undefined }, soon: true };
    }
    if (proposal.state === 'empty') return { why: nothingAtAll(node), state };
    if (proposal.state === 'rejected') {
      return await afterRefusal(context, state, inForce, proposal.digest, proposal.rejection);
    }
    const sent = proposal.state !== 'waiting';
    const wait = { digest: proposal.digest, ...(sent && { since: node.now() }) };
    const soon = proposal.state === 'accepted';
    return { why: waiting(node, wait), state: { ...state, wait }, soon };
  } catch (error) {
    // Decided while it was being sent: the next look shows it.
    const stop = ERRORS[codeOf(error)].node === 'stop' && !hasCode(error, 'already_decided');
    if (stop || !isOurs(error)) throw error;
    return { why: error, state };
  }
}

function nothingYet({ identity }: Node): CoatcheckError {
  return fail('nothing_approved', `nothing is approved for machine ${identity.id} yet`);
}

function nothingAtAll({ identity, rootPath }: Node): CoatcheckError {
  const said = `nothing is approved for machine ${identity.id} yet, and ${rootPath} holds nothing to propose`;
  return fail('nothing_approved', said);
}

function waiting({ identity }: Node, { digest, since }: Wait): CoatcheckError {
  const when = since === undefined ? 'sent before' : `sent ${formatTime(since)}`;
  const said = `machine ${identity.id} waits for an administrator to approve ${digest}, ${when}`;
  return fail('nothing_approved', said, { details: { node: identity.id, digest } });
}

function refused(digest: DigestHex, { frame }: Decision): CoatcheckError {
  const said = `the proposal ${digest} was refused: ${tellDecision(frame)}`;
  return fail('rejected', said, { details: { digest } });
}

const isOurs = (error: unknown): error is CoatcheckError => error instanceof CoatcheckError;
