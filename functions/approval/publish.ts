import { equalBytes, isZero } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { decodeFrame, encodeFrame } from '../../bundle/frame.ts';
import type { VerifiedFrame } from '../../bundle/frame.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { MAX_ENTRY_BYTES, verifyEntry } from '../../protocol/history.ts';
import type { HistoryEntry } from '../../protocol/history.ts';
import { approvedKey, digestHex, pendingKey, rejectedKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import type { ObjectStore } from '../../store/port.ts';
import { putForward, readWithin } from './objects.ts';

/** The record of one node of a site, on the store that holds it. */
export interface NodeRecord {
  /** With the rights of the admin credential (protocol/permissions.ts). */
  readonly store: ObjectStore;
  readonly site: Site;
  readonly node: NodeId;
}

/** Told of each object that is written. */
export type OnWritten = (key: ObjectKey) => void;

/** What `approved/<node>` shows; undefined if nothing is there, or nothing that verifies there. */
export async function readShown({
  store,
  site,
  node,
}: NodeRecord): Promise<VerifiedFrame | undefined> {
  const there = await readWithin(store, approvedKey(node), MAX_ENTRY_BYTES);
  return there?.bytes && verifyShown(there.bytes, site, node);
}

function verifyShown(bytes: Uint8Array, site: Site, node: NodeId): VerifiedFrame | undefined {
  const frame = verified(bytes, site, node);
  return frame?.statement.type === 'reject' ? undefined : frame;
}

function verified(bytes: Uint8Array, site: Site, node: NodeId): VerifiedFrame | undefined {
  try {
    return verifyEntry(bytes, site, node);
  } catch (error) {
    if (error instanceof CoatcheckError) return undefined;
    throw error;
  }
}

/** Whether a copy that is there is at least as new as ours, and lacks nothing that ours has. */
function isForward(there: VerifiedFrame, ours: VerifiedFrame): boolean {
  if (there.statement.seq > ours.statement.seq) return true;
  return (
    equalBytes(there.statementDigest, ours.statementDigest) &&
    (there.bundle !== undefined || ours.bundle === undefined)
  );
}

/**
 * Copies an entry that puts something in force to `approved/<node>`, unless a newer statement that
 * verifies is there: this copy only ever goes forward in seq.
 *
 * @returns what is shown afterwards: the entry's frame, or the newer one
 * @throws any code of the store
 */
export async function publishInForce(
  { store, site, node }: NodeRecord,
  entry: HistoryEntry,
  onWritten?: OnWritten,
): Promise<VerifiedFrame> {
  let shown = entry.frame;
  const key = approvedKey(node);
  const isWritten = await putForward(store, key, entry.bytes, MAX_ENTRY_BYTES, (bytes) => {
    const there = verifyShown(bytes, site, node);
    if (there === undefined || !isForward(there, entry.frame)) return false;
    shown = there;
    return true;
  });
  if (isWritten) onWritten?.(key);
  return shown;
}

/**
 * Writes a rejection to `rejected/<node>/<digest>`, with the refused proposal if it still waits and
 * is what it says.
 *
 * @throws any code of the store
 */
export async function publishRejection(
  { store, site, node }: NodeRecord,
  entry: HistoryEntry,
  onWritten?: OnWritten,
): Promise<void> {
  const digest = digestHex(entry.frame.statement.digest);
  const proposal = await readWithin(store, pendingKey(node, digest), site.maxBundleBytes);
  const bytes = withProposal(entry, proposal?.bytes, site, node);
  const ours = verifyEntry(bytes, site, node);
  const key = rejectedKey(node, digest);
  const isWritten = await putForward(store, key, bytes, MAX_ENTRY_BYTES, (present) => {
    const there = verified(present, site, node);
    return (
      there?.statement.type === 'reject' &&
      equalBytes(there.statement.digest, ours.statement.digest) &&
      isForward(there, ours)
    );
  });
  if (isWritten) onWritten?.(key);
}

function withProposal(
  entry: HistoryEntry,
  bundle: Uint8Array | undefined,
  site: Site,
  node: NodeId,
): Uint8Array {
  if (bundle === undefined) return entry.bytes;
  const { chain, statement } = decodeFrame(entry.bytes, { maxBytes: MAX_ENTRY_BYTES });
  const bytes = encodeFrame({ chain, statement, bundle });
  return verified(bytes, site, node) === undefined ? entry.bytes : bytes;
}

/** Takes the proposal that an entry decided out of `pending/`. @throws any code of the store */
export async function removeProposal(
  { store, node }: NodeRecord,
  { frame: { statement } }: HistoryEntry,
): Promise<void> {
  if (isZero(statement.digest)) return;
  await store.delete(pendingKey(node, digestHex(statement.digest)));
}
