import { equalBytes } from '../bundle/index.ts';
import type { Manifest } from '../bundle/index.ts';
import type { HistoryEntry } from '../protocol/history.ts';
import { diffView } from './diff-view.ts';
import type { BundlePlace, Standing } from './find.ts';
import { baseManifest, openInForce } from './in-force.ts';
import type { InForce } from './in-force.ts';
import { openPlace } from './open.ts';
import type { OpenedBundle } from './open.ts';
import { checkReason, keptExpiry, planAbout } from './plan.ts';
import type { Approving, Plan, PlannedStatement } from './plan.ts';
import { pathsOf, reviewAgainst } from './review.ts';
import type { Review, ReviewOptions } from './review.ts';
import type { Session } from './session.ts';
import { objectionsTo } from './unseen.ts';
import type { Unseen } from './unseen.ts';
import type { DecisionName, Objection, PlanWarning } from './warning.ts';

/** What is approved, what is said with it, and how much of it the review shows. */
export interface ApproveWish extends Approving, ReviewOptions, Unseen {
  /** by `findBundle` */
  readonly place: BundlePlace;
}

/**
 * Puts in force what waits. Objects `stale_base` where what it was made against is no longer in
 * force. One that was decided is planned as {@link planRenew}.
 * @throws usage (the reason), and as `openPlace`
 */
export async function planApprove(
  session: Session,
  standing: Standing,
  wish: ApproveWish,
): Promise<Plan> {
  return (await planSeen(session, standing, wish)).plan;
}

/** A plan with a review, and the two bundles that it compares. */
export interface SeenPlan {
  readonly plan: Plan & { readonly review: Review };
  readonly opened: OpenedBundle;
  readonly inForce: InForce;
}

/** {@link planApprove}, with what was opened for it. @throws as that */
export async function planSeen(
  session: Session,
  standing: Standing,
  wish: ApproveWish,
): Promise<SeenPlan> {
  const { place } = wish;
  if (place.where === 'history') return renewSeen(session, standing, { ...wish, place });
  const opened = await openPlace(session, standing.node, place);
  const inForce = await openInForce(session, standing);
  const common = planAbout(session, standing);
  const review = await reviewAgainst(session, standing, inForce, opened, wish);
  const plan = {
    ...common,
    action: 'approve',
    statements: [approval(opened, wish, { pending: true })],
    review,
    warnings: endsRevoke(inForce.entry),
    objections: [
      ...(review.fresh ? [] : [await staleBase(session, standing, inForce, opened.manifest)]),
      ...objectionsTo(review.diff, wish),
      ...common.objections,
    ],
  } as const;
  return { plan, opened, inForce };
}

/**
 * Puts in force again the bundle of a decision: a new expiry for what is in force. Objects
 * `older_bundle` to any other: to go back is a rollback, and must not happen by a digest that was
 * mistyped. Without an expiry it keeps the one that it had.
 * @throws usage (the reason; an expiry that is over), and as `openPlace`
 */
export async function planRenew(
  session: Session,
  standing: Standing,
  wish: RenewWish,
): Promise<Plan> {
  return (await renewSeen(session, standing, wish)).plan;
}

type RenewWish = ApproveWish & { readonly place: BundlePlace & { readonly where: 'history' } };

async function renewSeen(session: Session, standing: Standing, wish: RenewWish): Promise<SeenPlan> {
  const { entry } = wish.place;
  const opened = await openPlace(session, standing.node, wish.place);
  const inForce = await openInForce(session, standing);
  const common = planAbout(session, standing);
  const current = inForce.entry?.frame;
  const renews =
    current?.bundle !== undefined &&
    equalBytes(entry.frame.statement.digest, current.statement.digest);
  const objection: Objection = {
    code: 'older_bundle',
    decision: { ...nameOf(entry), slot: entry.slot },
    ...(inForce.entry === undefined ? {} : { inForce: nameOf(inForce.entry) }),
  };
  const review = await reviewAgainst(session, standing, inForce, opened, wish);
  const kept = keptExpiry(
    standing.history,
    opened.sealed.digest,
    wish.expires,
    session.client.now(),
  );
  const until = { reason: wish.reason, expires: kept.expires ?? 'never' } as const;
  const plan = {
    ...common,
    action: 'renew',
    statements: [approval(opened, until, { slot: entry.slot })],
    review,
    warnings: [
      ...(renews ? endsReconfigure(inForce.entry) : endsRevoke(inForce.entry)),
      ...kept.warnings,
    ],
    objections: [
      ...(renews ? [] : [objection]),
      ...objectionsTo(review.diff, wish),
      ...common.objections,
    ],
  } as const;
  return { plan, opened, inForce };
}

function approval(
  { sealed, manifest }: OpenedBundle,
  { reason, expires }: Approving,
  from: PlannedStatement['from'] & object,
): PlannedStatement {
  return {
    ...{ type: 'approve', digest: sealed.digest, from, nodeBoxKey: manifest.node.boxKey },
    reason: checkReason(reason),
    ...(typeof expires === 'number' ? { expires } : {}),
  };
}

/** Says what changed in force since a proposal was made: approved as it is, it undoes that. */
async function staleBase(
  session: Session,
  standing: Standing,
  { entry, opened }: InForce,
  { base }: Pick<Manifest, 'base'>,
): Promise<Objection> {
  const before = await baseManifest(session, standing, base);
  const now = opened?.manifest;
  return {
    code: 'stale_base',
    ...(entry === undefined ? {} : { inForce: nameOf(entry) }),
    ...(before === undefined || now === undefined
      ? {}
      : { since: diffView(before, now, { showSecrets: false, stat: true, ...pathsOf(session) }) }),
  };
}

function endsRevoke(inForce: HistoryEntry | undefined): PlanWarning[] {
  const { type, seq, reason } = inForce?.frame.statement ?? {};
  if (type !== 'revoke' || seq === undefined || reason === undefined) return [];
  return [{ code: 'ends_revoke', seq, reason }];
}

/** Warns of what an approval takes back. */
export function endsReconfigure(inForce: HistoryEntry | undefined): PlanWarning[] {
  return inForce?.frame.statement.type === 'reconfigure' ? [{ code: 'ends_reconfigure' }] : [];
}

function nameOf({ frame }: HistoryEntry): DecisionName {
  const { seq, type } = frame.statement;
  return { seq, type };
}
