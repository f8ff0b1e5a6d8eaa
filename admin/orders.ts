import { fromHex, ZERO_DIGEST } from '../bundle/index.ts';
import { codeOf, fail } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { HistoryEntry } from '../protocol/history.ts';
import { demandUndecided, onlyMatch, placeOf } from './find.ts';
import type { Standing } from './find.ts';
import { openInForce } from './in-force.ts';
import type { NodeHistory } from './in-force.ts';
import { openEntry, openPlace } from './open.ts';
import { checkReason, keptExpiry, planAbout } from './plan.ts';
import type { Approving, Plan, PlannedStatement, Saying } from './plan.ts';
import { reviewAgainst } from './review.ts';
import type { ReviewOptions } from './review.ts';
import type { Session } from './session.ts';
import { objectionsTo } from './unseen.ts';
import type { Unseen } from './unseen.ts';
import { bundleFacts } from './views/bundle.ts';
import type { BundleFacts } from './views/bundle.ts';

/** A plan to refuse a proposal. */
export interface RejectPlan extends Plan {
  /** of the proposal, 64 hex digits */
  readonly digest: string;
  /** Who and what is refused; absent where it is gone or cannot be opened. */
  readonly refused?: BundleFacts;
  /** why what waits cannot be opened: it may be refused all the same */
  readonly unreadable?: ErrorCode;
}

/**
 * Refuses what waits.
 * @param wish.digest the proposal's, or its beginning; whole for one that does not wait any more
 * @throws already_decided, not_found, usage if several begin so or for the reason
 */
export async function planReject(
  session: Session,
  standing: Standing,
  wish: Saying & { readonly digest: string },
): Promise<RejectPlan> {
  const { node, history, pending } = standing;
  const match = pending.find((proposal) => proposal.digest.startsWith(wish.digest));
  if (match === undefined) demandUndecided(history, wish.digest);
  const digest = /^[0-9a-f]{64}$/.test(wish.digest)
    ? wish.digest
    : onlyMatch(
        'proposal of this node',
        wish.digest,
        pending.map((proposal) => proposal.digest),
      );
  const reason = checkReason(wish.reason);
  return {
    ...planAbout(session, standing),
    action: 'reject',
    statements: [{ type: 'reject', digest: fromHex(digest), reason }],
    digest,
    ...(match === undefined ? {} : await refusedFacts()),
  };

  async function refusedFacts(): Promise<Pick<RejectPlan, 'refused' | 'unreadable'>> {
    try {
      const opened = await openPlace(session, node, placeOf(match!));
      return { refused: bundleFacts(node, opened, session) };
    } catch (error) {
      return { unreadable: codeOf(error) };
    }
  }
}

/**
 * Puts in force again what slot `slot` of the history did. A bundle that not all administrators of
 * today could open is sealed anew. Without an expiry it keeps the one that it had.
 * @throws not_found for a slot that holds no decision or no bundle; usage (the reason; an expiry that is
 *   over), and as `openPlace`
 */
export async function planRollback(
  session: Session,
  decided: NodeHistory,
  wish: Approving & ReviewOptions & Unseen & { readonly slot: number },
): Promise<Plan> {
  const { node, history } = decided;
  const entry = history.entries.find(({ slot }) => slot === wish.slot);
  if (entry === undefined) throw fail('not_found', `node ${node} has no slot ${wish.slot}`);
  const opened = await openEntry(session, node, entry);
  const inForce = await openInForce(session, decided);
  const { sealed, manifest } = opened;
  const base = inForce.entry?.frame.statementDigest ?? ZERO_DIGEST;
  const bundle: Pick<PlannedStatement, 'digest' | 'upload' | 'from'> = sealedToNewest(
    session,
    entry,
  )
    ? { digest: sealed.digest, from: { slot: entry.slot } }
    : { upload: { ...manifest, base }, from: { pending: true } };
  const common = planAbout(session, decided);
  const review = await reviewAgainst(session, decided, inForce, opened, wish);
  const kept = keptExpiry(history, sealed.digest, wish.expires, session.client.now());
  return {
    ...common,
    action: 'rollback',
    statements: [
      {
        ...{ type: 'rollback', ...bundle, nodeBoxKey: manifest.node.boxKey },
        reason: checkReason(wish.reason),
        ...(kept.expires === undefined ? {} : { expires: kept.expires }),
      },
    ],
    review,
    warnings: kept.warnings,
    objections: [...objectionsTo(review.diff, wish), ...common.objections],
  };
}

/** Whether all administrators of today could open the bundle of an entry, and nobody else. */
function sealedToNewest({ keyset }: Pick<Session, 'keyset'>, { frame }: HistoryEntry): boolean {
  return frame.keyset.version === keyset.version;
}

/** Has the node make a new proposal at its next boot. @throws usage (the reason) */
export function planReconfigure(session: Session, decided: NodeHistory, wish: Saying): Plan {
  const digest = decided.history.inForce?.frame.bundle?.digest ?? ZERO_DIGEST;
  return order(session, decided, { type: 'reconfigure', digest, reason: wish.reason });
}

/** Has the node apply nothing any more. @throws usage (the reason) */
export function planRevoke(session: Session, decided: NodeHistory, wish: Saying): Plan {
  return order(session, decided, { type: 'revoke', digest: ZERO_DIGEST, reason: wish.reason });
}

function order(
  session: Session,
  decided: NodeHistory,
  statement: PlannedStatement & { readonly type: 'reconfigure' | 'revoke' },
): Plan {
  checkReason(statement.reason);
  return { ...planAbout(session, decided), action: statement.type, statements: [statement] };
}
