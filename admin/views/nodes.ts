import { MAX_SEALED_BYTES, toHex } from '../../bundle/index.ts';
import type { NodeId } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import { codeOf } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES, verifyEntry } from '../../protocol/history.ts';
import { waiting } from '../find.ts';
import type { Waiting } from '../find.ts';
import type { ReadObject } from '../objects.ts';
import { openProposal } from '../open.ts';
import type { Session } from '../session.ts';
import { statementView } from './statement.ts';
import type { StatementView } from './statement.ts';

/** A proposal that waits, in a line. What only its maker vouches for is a claim. */
export interface PendingView {
  readonly node: NodeId;
  /** eight, as the console of the node shows them */
  readonly words: string;
  /** of the proposal, 64 hex digits */
  readonly digest: string;
  /** bytes, sealed */
  readonly size: number;
  /** since when it waits, unix seconds by the store */
  readonly modified: number;
  readonly madeBy?: 'node' | 'admin';
  /** claimed */
  readonly hostname?: string;
  /** claimed */
  readonly keySource?: string;
  /** why it cannot be opened: then the three above are absent */
  readonly problem?: ErrorCode;
}

/**
 * Everything that waits, by node and digest, each line as soon as it is known: one request for 100
 * proposals to list, one for 100 to read, one GET for each, 8 at a time.
 */
export async function* pendingViews(session: Session): AsyncGenerator<PendingView> {
  const proposals = await waiting(session);
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

/** A node in a line: the decision that it is shown, or why that does not verify. */
export interface NodeView {
  readonly node: NodeId;
  readonly decision?: StatementView;
  /** digest of the bundle in force, 64 hex digits; absent where there is none */
  readonly bundle?: string;
  /** why what the node is shown cannot be read or does not verify */
  readonly problem?: ErrorCode;
}

/**
 * Every node that something is in force for, by id, each line as soon as it is known: one request for
 * 1,000 nodes to list, one for 100 to read, one GET for each, 8 at a time.
 */
export async function* nodeViews(session: Session): AsyncGenerator<NodeView> {
  const nodes = new Map<string, NodeId>();
  for await (const { key, parsed } of session.list('approved')) {
    if (parsed.prefix === 'approved') nodes.set(key, parsed.node);
  }
  yield* session.readEach([...nodes.keys()], MAX_ENTRY_BYTES, (object) =>
    nodeView(session, nodes.get(object.key)!, object),
  );
}

function nodeView(session: Session, node: NodeId, { bytes, error }: ReadObject): NodeView {
  if (error !== undefined) return { node, problem: codeOf(error) };
  if (bytes === undefined) return { node, problem: 'not_found' };
  try {
    const frame = verifyEntry(bytes, session.site, node);
    return {
      node,
      decision: statementView(frame),
      ...(frame.bundle === undefined ? {} : { bundle: toHex(frame.bundle.digest) }),
    };
  } catch (problem) {
    return { node, problem: codeOf(problem) };
  }
}
