import { isZero, showPath } from '../bundle/index.ts';
import { showSetting } from '../bundle/settings.ts';
import type { Manifest } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import type { ApproveWish } from './approve.ts';
import type { Standing } from './find.ts';
import { baseManifest, openInForce } from './in-force.ts';
import type { InForce } from './in-force.ts';
import { openPlace } from './open.ts';
import type { OpenedBundle } from './open.ts';
import { checkReason, planAbout } from './plan.ts';
import type { Plan } from './plan.ts';
import { rebase } from './rebase.ts';
import { REBASED } from './record.ts';
import { reviewAgainst } from './review.ts';
import type { Session } from './session.ts';
import { objectionsTo } from './unseen.ts';

/**
 * Applies what a proposal changed, files and settings, to what is in force, seals that anew, approves
 * it, and refuses the original, which would wait for ever and keep the node from proposing.
 * Where it was made against what is in force, or nothing is, its own files are sealed anew: for a proposal
 * that was sealed to the administrators of before, which no server lets anybody approve as it is.
 * @throws stale_base if there is nothing to rebase on; if both sides changed the same, with the names
 *   as `conflicts` in the details (as `Rebased` has them); usage (the reason), and as `openPlace`
 */
export async function planRebase(
  session: Session,
  standing: Standing,
  wish: ApproveWish,
): Promise<Plan> {
  const opened = await openPlace(session, standing.node, wish.place);
  const inForce = await openInForce(session, standing);
  const manifest = await rebased(session, standing, inForce, opened);
  const { reason, expires } = wish;
  const common = planAbout(session, standing);
  const review = await reviewAgainst(session, standing, inForce, { ...opened, manifest }, wish);
  return {
    ...common,
    action: 'rebase',
    statements: [
      {
        ...{ type: 'approve', upload: manifest, from: { pending: true } },
        reason: checkReason(reason),
        ...(typeof expires === 'number' ? { expires } : {}),
      },
      {
        ...{ type: 'reject', digest: opened.sealed.digest },
        ...{ reason: REBASED, reasonNamesUpload: true },
      },
    ],
    review,
    objections: [...objectionsTo(review.diff, wish), ...common.objections],
  };
}

async function rebased(
  session: Session,
  standing: Standing,
  { entry, opened }: InForce,
  { sealed, manifest: mine }: OpenedBundle,
): Promise<Manifest> {
  if (entry === undefined && isZero(mine.base)) return mine;
  const base = await baseManifest(session, standing, mine.base);
  if (entry === undefined || opened === undefined || base === undefined) {
    throw fail('stale_base', 'there is nothing to rebase on');
  }
  // No machine says which images are revoked: that it does not is no change of its.
  const { generation } = base.metadata;
  const isSilent = sealed.kind === 'node' && generation !== undefined;
  const changed = isSilent ? { ...mine, metadata: { ...mine.metadata, generation } } : mine;
  const { files, metadata, conflicts } = rebase(base, opened.manifest, changed);
  if (conflicts.length > 0) {
    const names = conflicts.map(showConflict).join(', ');
    throw fail('stale_base', `both sides changed ${names}`, { details: { conflicts: names } });
  }
  return { ...mine, base: entry.frame.statementDigest, files, metadata };
}

const showConflict = (name: string): string =>
  name.startsWith('setting ') ? `setting ${showSetting(name.slice(8))}` : showPath(name);
