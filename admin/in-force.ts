import { equalBytes, isZero } from '../bundle/index.ts';
import type { Manifest } from '../bundle/index.ts';
import { sameSettings } from '../bundle/settings.ts';
import { codeOf } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { HistoryEntry } from '../protocol/history.ts';
import { approvedTpm } from './attested.ts';
import type { ApprovedTpm } from './attested.ts';
import { sameFiles } from './changes.ts';
import type { Standing } from './find.ts';
import { isUnreadable, openEntry } from './open.ts';
import type { OpenedBundle } from './open.ts';
import { carriesBundle } from './record.ts';
import type { Session } from './session.ts';

/** A node and its record: a {@link Standing} is one. */
export type NodeHistory = Pick<Standing, 'node' | 'history'>;

/**
 * What is in force for a node: nothing yet, a decision without a bundle, or one with it. One whose
 * bundle cannot be opened here counts as one without, and says why.
 */
export interface InForce {
  readonly entry?: HistoryEntry;
  readonly opened?: OpenedBundle;
  readonly unreadable?: ErrorCode;
}

/** The TPM that administrators approved with what is in force; undefined where they approved none. */
export const approvedWith = ({ entry, opened }: InForce): ApprovedTpm | undefined =>
  entry === undefined || entry.frame.self
    ? undefined
    : opened && approvedTpm(opened.manifest.metadata, entry.frame.statementDigest);

/** Opens what is in force. @throws what the client and the ports throw */
export async function openInForce(
  session: Session,
  { node, history }: NodeHistory,
): Promise<InForce> {
  const entry = history.inForce;
  if (entry === undefined) return {};
  if (entry.frame.bundle === undefined) return { entry };
  try {
    return { entry, opened: await openEntry(session, node, entry) };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return { entry, unreadable: codeOf(error) };
  }
}

/**
 * What the decision named `base` had put in force; undefined if it is not there, has no bundle, or
 * cannot be opened here.
 * @param base statement digest, 32 bytes
 * @throws what the client and the ports throw
 */
export async function baseManifest(
  session: Session,
  { node, history }: NodeHistory,
  base: Uint8Array,
): Promise<Manifest | undefined> {
  const entry = history.entries.find(({ frame }) => equalBytes(frame.statementDigest, base));
  if (entry === undefined || !carriesBundle(entry)) return undefined;
  try {
    return (await openEntry(session, node, entry)).manifest;
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return undefined;
  }
}

/**
 * Whether a proposal was made against what is in force: its `base` names that decision, or one that
 * put the same files and settings in force (a renewal or a re-seal), or that a revoke ended.
 */
export async function isFresh(
  session: Session,
  decided: NodeHistory,
  inForce: InForce,
  { base }: Pick<Manifest, 'base'>,
): Promise<boolean> {
  if (inForce.entry === undefined) return isZero(base);
  if (equalBytes(base, inForce.entry.frame.statementDigest)) return true;
  const isRevoked = inForce.entry.frame.statement.type === 'revoke';
  // A revoke puts no files in force that a proposal could undo: those before it count.
  const before = decided.history.entries.findLast(carriesBundle);
  if (isRevoked && before === undefined) return isZero(base);
  const old = await baseManifest(session, decided, base);
  if (old === undefined) return false;
  const now =
    isRevoked && before !== undefined
      ? await baseManifest(session, decided, before.frame.statementDigest)
      : inForce.opened?.manifest;
  return (
    now !== undefined && sameFiles(old.files, now.files) && sameSettings(old.metadata, now.metadata)
  );
}
