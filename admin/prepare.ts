import { nodeIdOf, ZERO_DIGEST } from '../bundle/index.ts';
import type { FileEntry, Manifest, PublicKeys } from '../bundle/index.ts';
import { withSettings } from '../bundle/settings.ts';
import type { Settings } from '../bundle/settings.ts';
import { fail } from '../protocol/errors.ts';
import { BUILT_IN_PATHS, pathList } from '../protocol/paths.ts';
import type { Standing } from './find.ts';
import { checkReason, planAbout } from './plan.ts';
import type { Approving, Plan } from './plan.ts';
import { reviewAgainst } from './review.ts';
import type { Review, ReviewOptions } from './review.ts';
import type { Session } from './session.ts';
import { objectionsTo } from './unseen.ts';
import type { Unseen } from './unseen.ts';

/** What a machine is to have at its first boot. */
export interface Prepared {
  /** Of the machine: whoever has the other halves opens what is sealed to it. */
  readonly keys: PublicKeys;
  readonly files: readonly FileEntry[];
  readonly settings: Settings;
}

/**
 * Plans to put a configuration in force for a machine that was not configured yet: it applies it at its first boot, and
 * proposes nothing.
 * @throws in_force where something was decided for it; usage (the reason, keys of another node), bad_metadata
 */
export async function planPrepare(
  session: Session,
  standing: Standing,
  { keys, files, settings }: Prepared,
  wish: Approving & ReviewOptions & Unseen,
): Promise<Plan & { readonly review: Review }> {
  const { node, history, pending } = standing;
  if (nodeIdOf(keys) !== node) throw fail('usage', `these are the keys of ${nodeIdOf(keys)}`);
  if (history.inForce !== undefined) {
    const { type, seq } = history.inForce.frame.statement;
    throw fail(
      'in_force',
      `${type} (seq ${seq}) is in force for ${node}: coatcheck put, edit and set change that`,
    );
  }
  const { expires } = wish;
  // Only where it needs the site's own list: an image without that list takes the rest all the same.
  const isBuiltIn = files.every(({ path }) => BUILT_IN_PATHS.traitsOf(path) !== undefined);
  const { digest: paths } = pathList(session.site.paths);
  const manifest: Manifest = {
    ...{ node: keys, base: ZERO_DIGEST, files },
    metadata: {
      ...withSettings(settings, {}),
      madeBy: session.program,
      ...(!isBuiltIn && paths !== undefined && { paths }),
    },
  };
  const review = await reviewAgainst(session, standing, {}, { manifest }, wish);
  const common = planAbout(session, standing);
  return {
    ...common,
    action: 'prepare',
    statements: [
      {
        ...{ type: 'approve', upload: manifest, from: { pending: true } },
        reason: checkReason(wish.reason),
        ...(typeof expires === 'number' ? { expires } : {}),
      },
    ],
    review,
    warnings: pending.length > 0 ? [{ code: 'makes_stale', proposals: pending.length }] : [],
    objections: [...objectionsTo(review.diff, wish), ...common.objections],
  };
}
