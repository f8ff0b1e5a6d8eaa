import { MAX_SEALED_BYTES, toHex } from '../../bundle/index.ts';
import type { NodeId } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import { codeOf } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES, verifyEntry } from '../../protocol/history.ts';
import { approvedKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { waiting } from '../find.ts';
import type { Waiting } from '../find.ts';
import type { ReadObject } from '../objects.ts';
import { openProposal } from '../open.ts';
import type { Session } from '../session.ts';
import { statementView } from './statement.ts';
import type { StatementView } from './statement.ts';
import type { WaitingView } from './status.ts';

/** A proposal that waits, in a line. What only its maker vouches for is a claim. */
export interface PendingView extends WaitingView {
  readonly node: NodeId;
  /** eight, as the console of the node shows them */
  readonly words: string;
}

/**
 * Everything that waits, by node and digest, each line as soon as it is known: one request for 100
 * proposals to list, one for 100 to read, one GET for each, 8 at a time. Where the store lists less than
 * was seen before, one more for each 1,000 decisions, and that is doubted ({@link Session.doubts}).
 */
export async function* pendingViews(session: Session): AsyncGenerator<PendingView> {
  const proposals = await waiting(session);
  // Where nothing was seen yet there is nothing to doubt.
  if (session.remembered.size > 0) await doubtLess(session, await newestSlots(session));
  const keys = proposals.map(({ key }) => key);
  yield* session.readEach(keys, MAX_SEALED_BYTES, (object, i) =>
    pendingView(session, proposals[i]!, object),
  );
}

async function pendingView(
  session: Session,
  { node, digest, size, modified }: Waiting,
  { bytes, error }: ReadObject,
): Promise<PendingView> {
  const line = { node, words: nodeWords(node), digest, size, modified };
  try {
    if (error !== undefined) throw error;
    const { sealed, manifest } = await openProposal(session, node, digest, bytes);
    const { hostname, keySource } = manifest.metadata;
    return {
      ...line,
      madeBy: sealed.kind === 'admin' ? 'admin' : 'node',
      ...(hostname === undefined ? {} : { hostname }),
      ...(keySource === undefined ? {} : { keySource }),
    };
  } catch (problem) {
    return { ...line, problem: codeOf(problem) };
  }
}

/** A node in a line: the decision that it is shown, or why that does not verify, and what waits. */
export interface NodeView {
  readonly node: NodeId;
  readonly decision?: StatementView;
  /** digest of the bundle in force, 64 hex digits; absent where there is none */
  readonly bundle?: string;
  /** The newest decision, where nothing is in force and it is a refusal. */
  readonly rejected?: StatementView;
  /** Digests of the proposals that wait, 64 hex digits. */
  readonly waiting: readonly string[];
  /** why what the node is shown cannot be read or does not verify */
  readonly problem?: ErrorCode;
}

/**
 * Every node that has anything in the store, by id, each line as soon as it is known: one request for
 * 1,000 nodes to list, 1,000 decisions, or 100 proposals, one for 100 nodes to read, one GET for each,
 * 8 at a time. The record of a node is read where nothing is in force for it, and where the store shows
 * less than was seen: that is doubted then ({@link Session.doubts}).
 */
export async function* nodeViews(session: Session): AsyncGenerator<NodeView> {
  const proposals = await waiting(session);
  const [approved, slots] = await Promise.all([approvedNodes(session), newestSlots(session)]);
  const digests = new Map<NodeId, string[]>();
  for (const { node, digest } of proposals) {
    digests.set(node, [...(digests.get(node) ?? []), digest]);
  }
  const keys = new Map([...approved].map((node) => [approvedKey(node), node]));
  const others = [...new Set([...slots.keys(), ...digests.keys()])].filter(
    (node) => !approved.has(node),
  );
  const views = session.readEach([...keys.keys()], MAX_ENTRY_BYTES, (object) =>
    nodeView(session, keys.get(object.key as ObjectKey)!, object),
  );
  const queue = others.sort();
  for await (const view of views) {
    while (queue.length > 0 && queue[0]! < view.node) yield await withoutApproval(queue.shift()!);
    yield withWaiting(view);
  }
  for (const node of queue) yield await withoutApproval(node);
  await doubtLess(session, slots);

  function withWaiting(view: Omit<NodeView, 'waiting'>): NodeView {
    return { ...view, waiting: digests.get(view.node) ?? [] };
  }
  async function withoutApproval(node: NodeId): Promise<NodeView> {
    if (!slots.has(node)) return withWaiting({ node });
    const { inForce, head } = await session.history(node);
    const now = session.client.now();
    if (inForce !== undefined) {
      // Recorded, and shown to nobody yet: a repair does that.
      return withWaiting({
        node,
        decision: statementView(inForce.frame, now),
        problem: 'not_found',
      });
    }
    const isRefusal = head?.frame.statement.type === 'reject';
    return withWaiting({
      node,
      ...(isRefusal ? { rejected: statementView(head.frame, now) } : {}),
    });
  }
}

async function approvedNodes(session: Session): Promise<Set<NodeId>> {
  const nodes = new Set<NodeId>();
  for await (const { parsed } of session.list('approved')) {
    if (parsed.prefix === 'approved') nodes.add(parsed.node);
  }
  return nodes;
}

/** The highest slot of each node's history, as the store lists it now. */
async function newestSlots(session: Session): Promise<Map<NodeId, number>> {
  const slots = new Map<NodeId, number>();
  for await (const { parsed } of session.list('history')) {
    if (parsed.prefix !== 'history') continue;
    slots.set(parsed.node, Math.max(parsed.slot, slots.get(parsed.node) ?? 0));
  }
  return slots;
}

/**
 * Has it doubted where the store lists less of a node's history than this program has seen: that
 * record is read.
 */
async function doubtLess(session: Session, slots: ReadonlyMap<NodeId, number>): Promise<void> {
  for (const [node, { slot }] of session.remembered) {
    const isDoubted = session.doubts.some((doubt) => 'node' in doubt && doubt.node === node);
    if ((slots.get(node) ?? 0) < slot && !isDoubted) await session.history(node);
  }
}

function nodeView(
  session: Session,
  node: NodeId,
  { bytes, error }: ReadObject,
): Omit<NodeView, 'waiting'> {
  if (error !== undefined) return { node, problem: codeOf(error) };
  if (bytes === undefined) return { node, problem: 'not_found' };
  try {
    const frame = verifyEntry(bytes, session.site, node);
    return {
      node,
      decision: statementView(frame, session.client.now()),
      ...(frame.bundle === undefined ? {} : { bundle: toHex(frame.bundle.digest) }),
    };
  } catch (problem) {
    return { node, problem: codeOf(problem) };
  }
}
