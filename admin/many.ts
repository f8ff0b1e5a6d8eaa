import type { NodeId } from '../bundle/index.ts';
import { CoatcheckError } from '../bundle/index.ts';
import { carriesBundle } from './record.ts';
import { codeOf, fail, hasCode, mayPass } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { digestHex } from '../protocol/keys.ts';
import { planSeen } from './approve.ts';
import type { ApproveWish, SeenPlan } from './approve.ts';
import type { Outcome } from './decide.ts';
import { findBundle, undecided } from './find.ts';
import type { BundlePlace, Standing, Waiting } from './find.ts';
import { shapeOf } from './groups.ts';
import type { Planned } from './groups.ts';
import { openInForce } from './in-force.ts';
import { lookAtMany } from './look-at-many.ts';
import type { OpenedBundle } from './open.ts';
import type { Plan } from './plan.ts';
import type { RecordWarning, Objection } from './warning.ts';
import type { Session } from './session.ts';
import { sign } from './sign.ts';
import type { Consent } from './sign.ts';
import { takeBackOwn } from './take-back.ts';

/** One of the nodes that are meant. */
export interface Target {
  readonly node: NodeId;
  /** of the bundle that is meant, or its beginning */
  readonly digest?: string;
  /** Named by itself, by its id or its words, and not by a filter or a name. */
  readonly named: boolean;
}

/** A node about which nothing is signed, and why. */
export interface LeftOut {
  readonly node: NodeId;
  /** the host name in force */
  readonly name?: string;
  /**
   * `error`: it cannot be planned. `objections`: what only a decision about it alone can name. `first`:
   * nothing was in force yet, and it was not named by itself. `done`: nothing waits, and something is in
   * force: so it is where a run that was interrupted got to. `same`: the change that is meant changes nothing
   * of it.
   */
  readonly why:
    | { readonly code: 'error'; readonly error: CoatcheckError<ErrorCode> }
    | { readonly code: 'objections'; readonly objections: readonly Objection[] }
    | { readonly code: 'first' }
    | { readonly code: 'done'; readonly seq: number; readonly type: string }
    | { readonly code: 'same' }
    | NotMoved;
}

/**
 * Why a machine does not get what `old` has, although it says that it was that. `unproven`: the key of `old` did not sign
 * that. `rivals`: other machines say so as well, with such a signature, or it says so of several. `moved`: another has it
 * already. `no_old`: no configuration is in force for `old`. `own`: it has something else in force.
 */
export type NotMoved = { readonly old: NodeId } & (
  | { readonly code: 'unproven' | 'no_old' }
  | { readonly code: 'rivals'; readonly nodes: readonly NodeId[] }
  | { readonly code: 'moved'; readonly to: NodeId }
  | { readonly code: 'own'; readonly seq: number; readonly type: string }
);

/** What would be signed about many nodes. */
export interface ManyPlans<P> {
  readonly planned: readonly P[];
  readonly leftOut: readonly LeftOut[];
}

/** What is told while many nodes are looked at. */
export interface Telling {
  /** of the record of a node */
  readonly onWarning?: (node: NodeId, warning: RecordWarning) => void;
  /** What was taken back of what this administrator had uploaded, as `takeBackOwn` has it. */
  readonly onTakenBack?: (node: NodeId, taken: Waiting) => void;
  /** Nothing is taken back: for who looks, and may not decide at all. */
  readonly looksOnly?: boolean;
}

/** Why a node is left out, thrown by what plans it. */
export class Left extends Error {
  readonly why: LeftOut['why'];
  readonly hostname: string | undefined;
  constructor(why: LeftOut['why'], hostname?: string) {
    super(why.code);
    this.why = why;
    this.hostname = hostname;
  }
}

/**
 * Plans about each of many nodes; nothing is signed, and one that cannot be planned keeps none of the
 * others. What this administrator had uploaded for a decision that no record names is taken back.
 * @param planOf throws what makes it leave out that node
 * @throws where server or store do not answer, and what is no error of ours
 */
export async function planMany<P>(
  session: Session,
  targets: readonly Target[],
  telling: Telling,
  planOf: (standing: Standing, target: Target) => P | Promise<P>,
): Promise<ManyPlans<P>> {
  const byNode = new Map(targets.map((target) => [target.node, target]));
  const planned: P[] = [];
  const leftOut: LeftOut[] = [];
  for await (const found of lookAtMany(session, [...byNode.keys()])) {
    const { node } = found;
    const target = byNode.get(node)!;
    for (const warning of found.history.warnings) telling.onWarning?.(node, warning);
    const { standing, takenBack } = telling.looksOnly
      ? { standing: found, takenBack: [] }
      : await takeBackOwn(session, found, target.digest);
    for (const taken of takenBack) telling.onTakenBack?.(node, taken);
    const one = await planOne(node, () => planOf(standing, target));
    if ('why' in one) leftOut.push(one);
    else planned.push(one.planned);
  }
  return { planned, leftOut };
}

/**
 * Plans about one node of many.
 * @param planOf throws what makes it leave out that node: {@link Left}, or an error about it
 * @throws what is about every node, and what is no error of ours
 */
export async function planOne<P>(
  node: NodeId,
  planOf: () => P | Promise<P>,
): Promise<{ readonly planned: P } | LeftOut> {
  try {
    return { planned: await planOf() };
  } catch (error) {
    if (error instanceof Left) {
      const { why, hostname } = error;
      return { node, ...(hostname !== undefined && { name: hostname }), why };
    }
    if (!(error instanceof CoatcheckError) || isOfAll(error)) throw error;
    return { node, why: { code: 'error', error: error as CoatcheckError<ErrorCode> } };
  }
}

/** Whether an error is none about one node: the next would meet it too. */
const isOfAll = (error: unknown): boolean =>
  !(error instanceof CoatcheckError) ||
  mayPass(codeOf(error)) ||
  hasCode(error, 'stale_keyset', 'not_an_admin', 'wrong_site', 'internal', 'interrupted');

/** What is approved of many nodes: as of one, without a place. */
export type ManyWish = Omit<ApproveWish, 'place' | 'budget'>;

/**
 * Plans to put in force what waits for each node. A first proposal is left out where its node was not named
 * by itself: what a machine claims to be chooses nothing.
 * @throws usage (the reason), and where server or store do not answer
 */
export function planApproveMany(
  session: Session,
  targets: readonly Target[],
  wish: ManyWish,
  telling: Telling = {},
): Promise<ManyPlans<Planned>> {
  return planMany(session, targets, telling, async (standing, target) => {
    const { inForce } = standing.history;
    if (inForce === undefined && !target.named) throw new Left({ code: 'first' });
    const isDone = target.digest === undefined && undecided(standing).length === 0;
    if (isDone && inForce !== undefined) {
      const { seq, type } = inForce.frame.statement;
      throw new Left({ code: 'done', seq, type });
    }
    const place = findBundle(standing, target.digest);
    return withShape(await planSeen(session, standing, { ...wish, place }));
  });
}

/** The bundle in force. @throws not_found where there is none */
export function placeInForce({ node, history }: Standing): BundlePlace & { where: 'history' } {
  const { inForce: entry } = history;
  if (entry === undefined || !carriesBundle(entry)) {
    throw fail('not_found', `nothing is in force for node ${node} that could be renewed`);
  }
  return { where: 'history', digest: digestHex(entry.frame.statement.digest), entry };
}

/**
 * A plan as one of many.
 * @throws {@link Left} for what objects to it alone
 */
export function withShape({
  plan,
  opened,
  inForce,
}: Pick<SeenPlan, 'plan' | 'inForce'> & {
  readonly opened: Pick<OpenedBundle, 'manifest'>;
}): Planned {
  const before = inForce.opened?.manifest;
  const name = before?.metadata.hostname;
  const own = plan.objections.filter(({ code }) => code !== 'record_doubtful' && code !== 'cut');
  if (own.length > 0) throw new Left({ code: 'objections', objections: own }, name);
  return {
    plan,
    ...(name !== undefined && { name }),
    shape: shapeOf(plan, before, opened.manifest),
  };
}

/** A plan that changes no file, and what it is about. */
export interface Ordered {
  readonly plan: Plan;
  /** the host name in force */
  readonly name?: string;
  /** how the node stood */
  readonly standing: Standing;
}

/**
 * Plans the same order about each node: a reconfigure, a revoke, a rejection.
 * @param order throws what makes it leave out that node
 * @throws where server or store do not answer
 */
export function planOrders(
  session: Session,
  targets: readonly Target[],
  order: (standing: Standing, target: Target) => Plan | Promise<Plan>,
  telling: Telling = {},
): Promise<ManyPlans<Ordered>> {
  return planMany(session, targets, telling, async (standing, target) => {
    const plan = await order(standing, target);
    const { opened } = await openInForce(session, standing);
    const name = opened?.manifest.metadata.hostname;
    return { plan, standing, ...(name !== undefined && { name }) };
  });
}

/** What became of one plan of many. */
export type Signed<P> =
  | { readonly planned: P; readonly outcomes: readonly Outcome[] }
  | { readonly planned: P; readonly error: unknown };

/**
 * Signs one plan after another, as `sign` does, and what is to follow one that was signed. One that is refused keeps none of the others from being
 * signed; where server, store or keyset fail, nothing more is tried, and the error is the last that is
 * given.
 * @param isStopped asked before each signature: what was not begun is not signed
 */
export async function* signMany<P extends { readonly plan: Plan; readonly then?: Plan }>(
  session: Session,
  plans: readonly P[],
  consent: Consent,
  isStopped: () => boolean = () => false,
): AsyncGenerator<Signed<P>> {
  for (const planned of plans) {
    if (isStopped()) return;
    try {
      const outcomes = await sign(session, planned.plan, consent);
      const { then } = planned;
      const more = then === undefined ? [] : await sign(session, then, consent);
      yield { planned, outcomes: [...outcomes, ...more] };
    } catch (error) {
      yield { planned, error };
      if (isOfAll(error)) return;
    }
  }
}
