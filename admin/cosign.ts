import { equalBytes, isZero, toHex } from '../bundle/index.ts';
import type { SignedStatement } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { digestHex } from '../protocol/keys.ts';
import { planSeen } from './approve.ts';
import { cosignedView, readCosigned } from './cosigned.ts';
import type { Cosigned, CosignedView } from './cosigned.ts';
import { placeOf } from './find.ts';
import type { BundlePlace, Standing } from './find.ts';
import { openInForce } from './in-force.ts';
import { openPlace } from './open.ts';
import { planReject } from './orders.ts';
import { endText, headToFollow, planAbout } from './plan.ts';
import type { Plan, PlannedStatement } from './plan.ts';
import { carriesBundle } from './record.ts';
import { reviewAgainst } from './review.ts';
import type { ReviewOptions } from './review.ts';
import type { Session } from './session.ts';
import { objectionsTo } from './unseen.ts';
import type { Unseen } from './unseen.ts';
import type { BundleFacts } from './views/bundle.ts';

/** A plan to sign what others have signed: that very statement, by this administrator's own look at it. */
export interface CosignPlan extends Plan {
  readonly cosigned: CosignedView;
  /** Who and what is refused; absent but for a refusal of what can be opened. */
  readonly refused?: BundleFacts;
}

/** What about a node lacks signatures, in force or void. @throws what the client throws */
export const lookAtCosigned = (
  session: Session,
  { node, history }: Pick<Standing, 'node' | 'history'>,
): Promise<Cosigned[]> =>
  readCosigned(session, node, { head: headToFollow(history).digest, end: endInForce(history) });

/**
 * Plans to add a signature to a decision that lacks some: the bundle that it names is opened and compared
 * here, whatever those say who signed it.
 * @throws expired for one whose end has passed, and head_moved for one that is void otherwise; record_doubtful where this program has seen a newer decision than
 *   it would be; not_found for a bundle that is gone, and as `openPlace`
 */
export async function planCosign(
  session: Session,
  standing: Standing,
  begun: Cosigned,
  wish: ReviewOptions & Unseen,
): Promise<CosignPlan> {
  const { node } = standing;
  const { statement } = begun.signed;
  if (begun.hasEnded) throw endedError(session, standing, begun);
  if (begun.isVoid) {
    throw fail('head_moved', 'this can be no decision any more: another one was made, or keyset');
  }
  const seen = session.seen(node)?.seq ?? 0;
  if (statement.seq <= seen) {
    throw fail(
      'record_doubtful',
      `this would be decision ${statement.seq} of ${node}, and this tool has seen ${seen}: whoever signed it sees less`,
    );
  }
  const plan = await reviewed(session, standing, begun.signed, wish);
  const [planned] = plan.statements;
  return {
    ...plan,
    statements: [
      {
        ...{ type: statement.type, digest: statement.digest, reason: statement.reason },
        ...(planned.from === undefined ? {} : { from: planned.from }),
        ...(planned.nodeBoxKey === undefined ? {} : { nodeBoxKey: planned.nodeBoxKey }),
        ...(statement.expires === undefined ? {} : { expires: statement.expires }),
        ...(statement.expires !== undefined && statement.expires === endInForce(standing.history)
          ? { keepsEnd: true as const }
          : {}),
        joins: begun.signed,
      },
    ],
    cosigned: cosignedView(session, begun),
  };
}

const endInForce = ({ inForce }: Standing['history']): number | undefined =>
  inForce?.frame.statement.expires;

/** What is refused of who would end with a signature what is in force, and how to have what was meant. */
function endedError(session: Session, standing: Standing, begun: Cosigned): Error {
  const { type, expires = 0, digest } = begun.signed.statement;
  const { node, history } = standing;
  const isInForce =
    history.inForce !== undefined && equalBytes(history.inForce.frame.statement.digest, digest);
  const again =
    type === 'approve' && isInForce
      ? `coatcheck renew ${node} --expires 90d, or "renew" on its page`
      : 'the same command or page again, with a later end';
  const { signedBy } = cosignedView(session, begun);
  return fail(
    'expired',
    `what ${signedBy.join(', ')} signed ended at ${endText(expires)}, and would stop the machine: nothing was signed. Each of you can make another: ${again}`,
    { details: { node, expires } },
  );
}

/** What would be shown if this administrator were the first to decide it. */
async function reviewed(
  session: Session,
  standing: Standing,
  { statement }: SignedStatement,
  wish: ReviewOptions & Unseen,
): Promise<Plan & Pick<CosignPlan, 'refused'>> {
  const { type, digest, reason, expires } = statement;
  switch (type) {
    case 'approve': {
      const place = bundlePlace(standing, digest);
      const said = { reason, expires: expires ?? ('never' as const) };
      return (await planSeen(session, standing, { ...wish, ...said, place })).plan;
    }
    case 'reject':
      return planReject(session, standing, { digest: toHex(digest), reason });
    case 'revoke':
      return ordered(session, standing, { type, digest, reason });
    case 'reconfigure': {
      const inForce = standing.history.inForce?.frame.bundle?.digest;
      const isInForce = isZero(digest) || (inForce !== undefined && equalBytes(inForce, digest));
      if (isInForce) return ordered(session, standing, { type, digest, reason });
      return seenFrom(session, standing, statement, wish);
    }
    case 'rollback':
      return seenFrom(session, standing, statement, wish);
  }
}

const ordered = (session: Session, standing: Standing, statement: PlannedStatement): Plan => ({
  ...planAbout(session, standing),
  action: statement.type,
  statements: [statement],
});

async function seenFrom(
  session: Session,
  standing: Standing,
  { type, digest, reason }: SignedStatement['statement'],
  wish: ReviewOptions & Unseen,
): Promise<Plan> {
  const place = bundlePlace(standing, digest);
  const opened = await openPlace(session, standing.node, place);
  const inForce = await openInForce(session, standing);
  const review = await reviewAgainst(session, standing, inForce, opened, wish);
  const from = place.where === 'history' ? { slot: place.entry.slot } : { pending: true as const };
  const common = planAbout(session, standing);
  return {
    ...common,
    action: type,
    statements: [{ type, digest, from, nodeBoxKey: opened.manifest.node.boxKey, reason }],
    review,
    objections: [...objectionsTo(review.diff, wish), ...common.objections],
  };
}

/** Where the bundle is that a statement names. @throws not_found */
function bundlePlace({ pending, history }: Standing, digest: Uint8Array): BundlePlace {
  const name = digestHex(digest);
  const waits = pending.find((one) => one.digest === name);
  if (waits !== undefined) return placeOf(waits);
  const entry = history.entries.findLast(
    (one) => carriesBundle(one) && equalBytes(one.frame.statement.digest, digest),
  );
  if (entry !== undefined) return { where: 'history', digest: name, entry };
  throw fail(
    'not_found',
    `the bundle ${name} that this is about is gone: whoever uploaded it begins anew, and a machine that waits uploads it again within the hour`,
  );
}
