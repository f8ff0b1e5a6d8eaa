import type { Manifest, NodeId } from '../bundle/index.ts';
import { sameSettings } from '../bundle/settings.ts';
import { fail } from '../protocol/errors.ts';
import type { HistoryEntry } from '../protocol/history.ts';
import type { Change, Configuration } from './alter.ts';
import { endsReconfigure, planSeen } from './approve.ts';
import { sameFiles } from './changes.ts';
import type { Standing } from './find.ts';
import type { Planned } from './groups.ts';
import { withActivation } from './endorsed.ts';
import type { Knowing } from './endorsed.ts';
import { approvedWith, openInForce } from './in-force.ts';
import type { InForce } from './in-force.ts';
import { readResult } from './machine-says.ts';
import { Left, placeInForce, planMany, planOne, withShape } from './many.ts';
import type { LeftOut, ManyPlans, ManyWish, Target, Telling } from './many.ts';
import type { OpenedBundle } from './open.ts';
import { checkReason, keptExpiry, planAbout } from './plan.ts';
import type { PlannedStatement } from './plan.ts';
import { reviewAgainst } from './review.ts';
import type { Session } from './session.ts';
import { objectionsTo } from './unseen.ts';
import { lastReport } from './views/report.ts';

/** A node, and what is in force for it, open. */
export interface Current {
  readonly node: NodeId;
  /** the host name in force */
  readonly name?: string;
  readonly manifest: Manifest;
  readonly standing: Standing;
  readonly inForce: InForce & { readonly entry: HistoryEntry; readonly opened: OpenedBundle };
}

/**
 * Reads and opens what is in force for many nodes, each now. A node is left out for which nothing is in force, or
 * nothing that can be opened here.
 * @throws where server or store do not answer
 */
export function readCurrent(
  session: Session,
  targets: readonly Target[],
  telling: Telling = {},
): Promise<ManyPlans<Current>> {
  return planMany(session, targets, telling, (standing) => currentOf(session, standing));
}

async function currentOf(session: Session, standing: Standing): Promise<Current> {
  const { node } = standing;
  const { entry, opened, unreadable } = await openInForce(session, standing);
  if (unreadable !== undefined) {
    throw fail(unreadable, 'what is in force for it cannot be opened with this key');
  }
  if (entry === undefined || opened === undefined) {
    const why =
      entry === undefined
        ? 'nothing is in force for it'
        : `${entry.frame.statement.type} is in force for it, without a configuration`;
    throw fail('not_found', `${why}: what waits is approved, and nothing is there to be changed`);
  }
  const name = opened.manifest.metadata.hostname;
  return {
    ...{ node, standing, manifest: opened.manifest, inForce: { entry, opened } },
    ...(name !== undefined && { name }),
  };
}

/**
 * Plans the same change of what is in force for each node. What comes of it is sealed by {@link sign}, to the node
 * and to every administrator, and approved. Without an expiry it keeps the one that it had. A node of which it
 * changes nothing is left out (`same`).
 * @param change throws what makes it leave out that node
 * @throws usage (the reason)
 */
export async function planChanges(
  session: Session,
  nodes: readonly Current[],
  change: Change,
  wish: ManyWish,
): Promise<ManyPlans<Planned>> {
  const reason = checkReason(wish.reason);
  const planned: Planned[] = [];
  const leftOut: LeftOut[] = [];
  for (const one of nodes) {
    const plan = await planOne(one.node, () =>
      planChange(session, one, change, { ...wish, reason }),
    );
    if ('why' in plan) leftOut.push({ ...(one.name !== undefined && { name: one.name }), ...plan });
    else planned.push(plan.planned);
  }
  return { planned, leftOut };
}

/**
 * Plans a new expiry for what is in force for each node. A machine whose memory was wiped takes no bundle from before: of
 * what is in force for it one is sealed that names the code of its last report.
 * @param wish.knowing what the TPMs of these nodes are to be known by; one that is not known leaves its node out
 * @throws usage (the reason), and where server or store do not answer
 */
export function planRenewMany(
  session: Session,
  targets: readonly Target[],
  { knowing, ...wish }: ManyWish & { readonly knowing?: Knowing },
  telling: Telling = {},
): Promise<ManyPlans<Planned>> {
  return planMany(session, targets, telling, async (standing) => {
    const place = placeInForce(standing);
    const isWiped = (await wipedCode(session, standing.node, undefined)) !== undefined;
    if (isWiped || knowing !== undefined) {
      const current = await currentOf(session, standing);
      const { manifest } = current;
      const changed = knowing === undefined ? manifest : knownBy(session, knowing, current);
      const reason = checkReason(wish.reason);
      if (isWiped || changed !== manifest)
        return planBundle(session, current, changed, { ...wish, reason });
    }
    return withShape(await planSeen(session, standing, { ...wish, place }));
  });
}

/** What is in force, with what says that the machine's TPM is known; the same where nothing new is to say. */
function knownBy({ keyset }: Session, knowing: Knowing, { manifest, inForce }: Current): Manifest {
  const approved = approvedWith(inForce);
  if (approved === undefined) {
    const why =
      'nobody approved a TPM of it: nothing vouches in what it proposed, or it approved that itself';
    throw fail('not_found', why);
  }
  const { voucher } = approved;
  const metadata = withActivation(manifest.metadata, voucher, knowing, keyset.threshold);
  return metadata === manifest.metadata ? manifest : { ...manifest, metadata };
}

/** The code of a machine whose memory was wiped, by its last report. @param opened as for `lastReport` */
async function wipedCode(
  session: Session,
  node: NodeId,
  opened: OpenedBundle | undefined,
): Promise<string | undefined> {
  const report = await lastReport(session, node, opened);
  return report !== undefined && 'result' in report ? readResult(report.result).wiped : undefined;
}

async function planChange(
  session: Session,
  current: Current,
  change: Change,
  wish: ManyWish,
): Promise<Planned> {
  const { name, manifest: before } = current;
  const changed = change(before);
  if (sameFiles(before.files, changed.files) && sameSettings(before.metadata, changed.metadata)) {
    throw new Left({ code: 'same' }, name);
  }
  return await planBundle(session, current, changed, wish);
}

/** Plans to put a bundle in force that is made here. */
async function planBundle(
  session: Session,
  { node, manifest: before, standing, inForce }: Current,
  changed: Configuration,
  wish: ManyWish,
): Promise<Planned> {
  const { entry, opened } = inForce;
  const { madeAt: _, ...metadata } = changed.metadata;
  const fresh = await wipedCode(session, node, opened);
  const manifest: Manifest = {
    ...{ node: before.node, base: entry.frame.statementDigest, files: changed.files },
    metadata: { ...metadata, madeBy: session.program, ...(fresh !== undefined && { fresh }) },
  };
  const now = session.client.now();
  const kept = keptExpiry(standing.history, opened.sealed.digest, wish.expires, now);
  const review = await reviewAgainst(session, standing, inForce, { manifest }, wish);
  const common = planAbout(session, standing);
  const waiting = standing.pending.length;
  const statement: PlannedStatement = {
    ...{ type: 'approve', upload: manifest, from: { pending: true }, reason: wish.reason },
    ...(kept.expires === undefined ? {} : { expires: kept.expires }),
  };
  const plan = {
    ...common,
    action: 'change',
    statements: [statement],
    review,
    warnings: [
      ...endsReconfigure(entry),
      ...(waiting > 0 ? [{ code: 'makes_stale', proposals: waiting } as const] : []),
      ...kept.warnings,
    ],
    objections: [...objectionsTo(review.diff, wish), ...common.objections],
  } as const;
  return withShape({ plan, opened: { manifest }, inForce });
}
