import { CoatcheckError } from '../../bundle/errors.ts';
import { hasCode } from '../../protocol/errors.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { isOrder } from './install.ts';
import type { Draft } from './snapshot.ts';
import { askWhileLooking } from './asking.ts';
import { propose } from './propose.ts';
import { nothingAtAll, nothingYet, refused, waiting } from './reasons.ts';
import { tryAgain } from './servers.ts';
import type { Decision } from './source.ts';
import { standingOf } from './standing.ts';
import type { Standing } from './standing.ts';
import type { BootOptions, Context, State, Step } from './step.ts';

/**
 * Makes the first draft of this boot and proposes it. Where that asks somebody, what stands from
 * earlier boots goes before.
 */
export async function draftFirst(
  context: Context,
  state: State,
  inForce: Decision | undefined,
  make: NonNullable<BootOptions['draft']>,
): Promise<Step> {
  const { node, options } = context;
  const { patience } = options;
  if (options.asks === true) {
    const standing = await whatStands(context, inForce);
    if (standing instanceof CoatcheckError) return { why: standing, state };
    if (standing.state === 'waiting') {
      const wait = { digest: standing.digest };
      return { why: waiting(node, wait), state: { ...state, wait } };
    }
    if (standing.state === 'refused' && !isAnswered(standing.refusal, inForce)) {
      return await afterRefusal(context, state, inForce, standing.digest, standing.refusal);
    }
  }
  const draft = await ask(context, inForce, (overtaken) => make(inForce, overtaken));
  if (draft === 'overtaken') return { why: nothingYet(node), state, soon: !patience.isOver() };
  if (draft === undefined) return { why: nothingYet(node), state: { ...state, stopped: true } };
  return await proposeAnew(context, state, inForce, draft, undefined);
}

/** What stands, or why that cannot be known yet. */
async function whatStands(
  context: Context,
  inForce: Decision | undefined,
): Promise<Standing | CoatcheckError> {
  try {
    return await standingOf({ ...context, inForce, token: context.options.token });
  } catch (error) {
    return tryAgain(context.servers, error);
  }
}

/** @returns undefined if whoever was asked stopped, or is gone */
async function ask(
  { source, options }: Context,
  inForce: Decision | undefined,
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
export async function afterRefusal(
  context: Context,
  state: State,
  inForce: Decision | undefined,
  digest: DigestHex,
  refusal: Decision,
): Promise<Step> {
  const why = refused(digest, refusal);
  if (context.options.asks === true) {
    context.node.console.note(`${why.message} [${why.code}]`);
    return await draftAgain(context, state, inForce, digest, refusal);
  }
  return { why, state: { ...state, wait: { digest, refused: refusal } } };
}

/** Somebody may answer a refusal with another draft. */
export async function draftAgain(
  context: Context,
  state: State,
  inForce: Decision | undefined,
  digest: DigestHex,
  refusal: Decision,
): Promise<Step> {
  const { redraft, patience } = context.options;
  const stays = {
    why: refused(digest, refusal),
    state: { ...state, wait: { digest, refused: refusal } },
  };
  if (redraft === undefined) return stays;
  const draft = await ask(context, inForce, (overtaken) => redraft(refusal, overtaken));
  if (draft === 'overtaken') return { ...stays, soon: !patience.isOver() };
  return draft === undefined ? stays : await proposeAnew(context, state, inForce, draft, digest);
}

/**
 * Proposes a draft.
 * @param after the refusal that it is another answer to
 */
export async function proposeAnew(
  context: Context,
  state: State,
  inForce: Decision | undefined,
  draft: Draft,
  after: DigestHex | undefined,
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
    options.patience.restart();
    const sent = proposal.state !== 'waiting';
    const wait = { digest: proposal.digest, ...(sent && { since: node.now() }) };
    const soon = proposal.state === 'accepted';
    return { why: waiting(node, wait), state: { ...state, wait }, soon };
  } catch (error) {
    return {
      why: tryAgain(context.servers, error),
      state: options.asks === true ? { ...state, unsent: { draft, after } } : state,
    };
  }
}

/** After the refusal, a new configuration was ordered. */
export function isAnswered(refusal: Decision | undefined, inForce: Decision | undefined): boolean {
  return (
    refusal !== undefined &&
    isOrder(inForce) &&
    inForce.frame.statement.seq > refusal.frame.statement.seq
  );
}
