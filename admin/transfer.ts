import { fromHex, ZERO_DIGEST } from '../bundle/index.ts';
import type { FileEntry, Manifest, NodeId } from '../bundle/index.ts';
import { settingsOf, withSettings } from '../bundle/settings.ts';
import { fail } from '../protocol/errors.ts';
import { predecessorOf } from '../protocol/succession.ts';
import type { Predecessor } from '../protocol/succession.ts';
import { sameFiles } from './changes.ts';
import { placeOf } from './find.ts';
import type { Standing, Waiting } from './find.ts';
import { openInForce } from './in-force.ts';
import type { InForce } from './in-force.ts';
import { isUnreadable, openPlace } from './open.ts';
import { planRevoke } from './orders.ts';
import { keptExpiry, planAbout } from './plan.ts';
import type { Plan, PlannedStatement } from './plan.ts';
import { reviewAgainst } from './review.ts';
import type { ReviewOptions } from './review.ts';
import type { Session } from './session.ts';
import { machinePaths } from './traits.ts';
import { objectionsTo } from './unseen.ts';
import type { Unseen } from './unseen.ts';

/** What moves a configuration to a machine's new key. */
export interface TransferPlans {
  /** About the new key: approve what the old one has in force, refuse what it proposed itself. Absent where that is done. */
  readonly give?: Plan;
  /** About the old key: revoke it. Absent where that is done. */
  readonly take?: Plan;
  /** Paths of the files with secrets that are sealed to the new key. */
  readonly secrets: readonly string[];
}

/** The reasons by which a transfer that was cut short is known. */
const fromReason = (old: NodeId): string => `from ${old}`;
/** Whose configuration a decision gave to its node, if it is one of a transfer. */
export const transferredFrom = (reason: string): NodeId | undefined =>
  /^from ([a-z2-7]{32})$/.exec(reason)?.[1] as NodeId | undefined;
const toReason = (node: NodeId): string => `moved to ${node}`;
/** To whom a revoked node's configuration went, if a transfer revoked it. */
export const transferredTo = (reason: string): NodeId | undefined =>
  /^moved to ([a-z2-7]{32})$/.exec(reason)?.[1] as NodeId | undefined;

/**
 * Plans to give what is in force for one node to another, and to revoke the first. Planned again after it was cut
 * short anywhere it has what is left.
 * @param wish how much the review shows, and what is taken unseen
 * @throws usage for one node twice; not_found where nothing is in force for the first, or where the keys of the
 *   second are not known: it has neither proposed nor been configured; as `openPlace`
 */
export async function planTransfer(
  session: Session,
  old: Standing,
  fresh: Standing,
  wish: ReviewOptions & Unseen,
): Promise<TransferPlans> {
  if (old.node === fresh.node) throw fail('usage', 'a node is not transferred to itself');
  const [before, now] = [await openInForce(session, old), await openInForce(session, fresh)];
  const last = before.entry?.frame.statement;
  if (last?.type === 'revoke' && last.reason === toReason(fresh.node) && isFrom(now, old.node)) {
    return { secrets: [] };
  }
  const { opened } = before;
  if (opened === undefined) {
    const why = last === undefined ? 'nothing is in force' : `${last.type} is in force`;
    throw fail(
      before.unreadable ?? 'not_found',
      `${why} for ${old.node}, and no configuration that could be given to ${fresh.node}`,
    );
  }
  const proposed = await ownProposals(session, fresh);
  // Its keys are in what it made itself, and in what was approved for it.
  const own = proposed[0]?.manifest ?? now.opened?.manifest;
  if (own === undefined) {
    throw fail(
      'not_found',
      `the keys of ${fresh.node} are not known: boot it once, so that it proposes, and call this again`,
    );
  }
  const manifest = manifestFor(own, opened.manifest, now);
  const revoke = planRevoke(session, old, { reason: toReason(fresh.node) });
  const isGiven =
    isFrom(now, old.node) && sameFiles(now.opened!.manifest.files, opened.manifest.files);
  if (isGiven && proposed.length === 0) return { take: revoke, secrets: [] };

  const refuse = proposed.map(({ digest }): PlannedStatement => ({
    ...{ type: 'reject', digest: fromHex(digest) },
    reason: `configured as ${old.node}`,
  }));
  const kept = keptExpiry(old.history, opened.sealed.digest, undefined, session.client.now());
  const approve: PlannedStatement = {
    ...{ type: 'approve', upload: manifest, from: { pending: true }, reason: fromReason(old.node) },
    ...(kept.expires === undefined ? {} : { expires: kept.expires }),
  };
  const review = await reviewAgainst(session, fresh, now, { manifest }, wish);
  const common = planAbout(session, fresh);
  const [first, ...others] = isGiven ? refuse : [approve, ...refuse];
  const give: Plan = {
    ...common,
    action: 'transfer',
    statements: [first!, ...others],
    ...(isGiven ? {} : { review }),
    warnings: kept.warnings,
    objections: [...(isGiven ? [] : objectionsTo(review.diff, wish)), ...common.objections],
  };
  const secrets = isGiven ? [] : secretsOf(session, manifest);
  return { give, take: revoke, secrets };
}

const isFrom = ({ entry, opened }: InForce, old: NodeId): boolean =>
  opened !== undefined && entry?.frame.statement.reason === fromReason(old);

/** What the new key's own machine proposed, and waits. */
async function ownProposals(
  session: Session,
  { node, pending }: Standing,
): Promise<{ readonly digest: string; readonly manifest: Manifest }[]> {
  const own: { digest: string; manifest: Manifest }[] = [];
  for (const waiting of pending) {
    const opened = await opening(session, node, waiting);
    if (opened?.sealed.kind === 'node') {
      own.push({ digest: waiting.digest, manifest: opened.manifest });
    }
  }
  return own;
}

/**
 * Which machines a node says that it was: in what it proposed itself, and in what a transfer gave it.
 * @throws what the client and the ports throw
 */
export async function claimsOfOwn(session: Session, standing: Standing): Promise<Predecessor[]> {
  const { opened } = await openInForce(session, standing);
  const proposed = await ownProposals(session, standing);
  return [...proposed, ...(opened === undefined ? [] : [opened])].flatMap(({ manifest }) => {
    const { succeeds } = manifest.metadata;
    if (succeeds === undefined) return [];
    return [predecessorOf(session.site.id, standing.node, succeeds)];
  });
}

async function opening(session: Session, node: NodeId, waiting: Waiting) {
  try {
    return await openPlace(session, node, placeOf(waiting));
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return undefined;
  }
}

/** What the old key has, for the machine that the new one is of: its keys, its image, its list of paths. */
function manifestFor(own: Manifest, before: Manifest, now: InForce): Manifest {
  const isSameImage =
    own.metadata.baseline !== undefined && own.metadata.baseline === before.metadata.baseline;
  const { left } = before.metadata;
  const { madeAt: _, left: __, ...circumstances } = own.metadata;
  const metadata = withSettings(settingsOf(before.metadata), circumstances);
  return {
    ...{ node: own.node, files: before.files },
    base: now.entry?.frame.statementDigest ?? ZERO_DIGEST,
    metadata: { ...metadata, ...(isSameImage && left !== undefined && { left }) },
  };
}

function secretsOf({ site }: Session, manifest: Manifest): string[] {
  const { traitsFor } = machinePaths(site.paths, manifest);
  const isSecret = ({ path }: FileEntry): boolean => traitsFor(path).secret;
  return manifest.files.filter(isSecret).map(({ path }) => path);
}
