import type { NodeId } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { loadFacts } from '../facts.ts';
import { waiting } from '../find.ts';
import { createFleetReader, doubtLess, newestSlots } from '../fleet.ts';
import type { Session } from '../session.ts';
import type { StatementView } from './statement.ts';
import { waitingView } from './status.ts';
import type { StatusView, WaitingView } from './status.ts';

/** A proposal that waits, in a line. What only its maker vouches for is a claim. */
export interface PendingView extends WaitingView {
  readonly node: NodeId;
  /** eight, as the console of the node shows them */
  readonly words: string;
}

/**
 * Everything that waits, by node and digest: one request for 100 proposals to list; of those that the cache does
 * not have, one for 100 and a GET each, 8 at a time. Where something was seen before, one more for each 1,000
 * decisions: a store that lists less of them is doubted ({@link Session.doubts}).
 */
export async function pendingViews(session: Session): Promise<readonly PendingView[]> {
  const proposals = await waiting(session);
  const facts = await loadFacts(session);
  // Where nothing was seen yet there is nothing to doubt.
  if (session.remembered.size > 0) await doubtLess(session, await newestSlots(session));
  await facts.read(facts.unread(proposals), () => undefined);
  await facts.keep(proposals, ['pending']);
  return proposals.map((one) => {
    const { node } = one;
    return { node, words: nodeWords(node), ...waitingView(one, facts.proposal(one)) };
  });
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

/** Every node that has anything in the store, by id: what a look at the fleet finds, without the reports. */
export async function nodeViews(session: Session): Promise<readonly NodeView[]> {
  return (await createFleetReader(session).look({ withoutReports: true })).map(nodeView);
}

function nodeView({ node, decision, bundle, rejected, waiting, problem }: StatusView): NodeView {
  return {
    node,
    ...(decision === undefined ? {} : { decision }),
    ...(bundle === undefined ? {} : { bundle }),
    ...(decision !== undefined || rejected === undefined ? {} : { rejected }),
    waiting: waiting.map(({ digest }) => digest),
    ...(problem === undefined ? {} : { problem }),
  };
}
