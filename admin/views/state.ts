import { toHex } from '../../bundle/index.ts';
import type { NodeId } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import { codeOf, fail } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { findBundle, onlyMatch, waiting } from '../find.ts';
import type { BundlePlace, Standing } from '../find.ts';
import { isUnreadable, openPlace } from '../open.ts';
import type { OpenedBundle } from '../open.ts';
import { findNode, findNodeIfAny } from '../select.ts';
import type { Session } from '../session.ts';
import { bundleView } from './bundle.ts';
import type { BundleView } from './bundle.ts';
import { attestedBundle } from '../attested.ts';
import type { AttestedView } from '../attested.ts';
import { approvedWith, openInForce } from '../in-force.ts';
import { lastReport } from './report.ts';
import type { ReportView } from './report.ts';
import { recordedView } from './statement.ts';
import type { RecordedView } from './statement.ts';

/** How a node stands: what is in force or waits, what is in it, and the last report. */
export interface StateView {
  readonly node: NodeId;
  /** eight, as the console of the node shows them */
  readonly words: string;
  /** where the bundle that is shown comes from */
  readonly where: 'pending' | 'history' | 'nowhere';
  /** What is in force, or the decision that brought the bundle that was asked for. */
  readonly decision?: RecordedView;
  /** absent where there is none, or where it cannot be opened */
  readonly bundle?: BundleView;
  /** what the TPM of the machine that made that bundle vouches for; absent where nothing vouches */
  readonly attested?: AttestedView;
  readonly report?: ReportView;
  /** The newest decision, where it is a refusal: it stands beside what is in force, or alone. */
  readonly rejected?: RecordedView;
  /** Digests of the proposals that wait, 64 hex digits: also where something is in force. */
  readonly waiting: readonly string[];
}

/** A state, and what it was made from. */
export interface NodeState {
  readonly view: StateView;
  readonly opened?: OpenedBundle;
  /** why the bundle of a decision cannot be opened; its decision and report are there all the same */
  readonly unreadable?: ErrorCode;
}

/**
 * Looks into one bundle of a node: the one that `digest` names, or that in force, or the only one
 * that waits.
 * @throws not_found if nothing is known about the node, and as `findBundle`; for a proposal also as
 *   {@link openPlace}
 */
export async function nodeState(
  session: Session,
  standing: Standing,
  digest?: string,
): Promise<NodeState> {
  const { node, history } = standing;
  const place = placeOf(standing, digest);
  const { opened, unreadable } =
    place === undefined ? {} : await openIfPossible(session, node, place);
  const approved = approvedWith(await openInForce(session, standing));
  const attested = opened && (await attestedBundle(session.site, node, opened, approved));
  const report = await lastReport(session, node, opened, approved);
  const entry = place?.where === 'history' ? place.entry : history.inForce;
  const now = session.client.now();
  const { head } = history;
  const isRefusal = head?.frame.statement.type === 'reject' && head !== entry;
  const view: StateView = {
    node,
    words: nodeWords(node),
    where: place?.where ?? 'nowhere',
    ...(place?.where === 'pending' || entry === undefined
      ? {}
      : { decision: recordedView(entry, now) }),
    ...(opened === undefined ? {} : { bundle: bundleView(opened, session.site.paths) }),
    ...(attested === undefined ? {} : { attested }),
    ...(report === undefined ? {} : { report }),
    ...(isRefusal ? { rejected: recordedView(head, now) } : {}),
    waiting: standing.pending.map((proposal) => proposal.digest),
  };
  return {
    view,
    ...(opened === undefined ? {} : { opened }),
    ...(unreadable === undefined ? {} : { unreadable }),
  };
}

/** A bundle that is not sealed to this administrator has a decision and a report all the same. */
async function openIfPossible(
  session: Session,
  node: NodeId,
  place: BundlePlace,
): Promise<Pick<NodeState, 'opened' | 'unreadable'>> {
  try {
    return { opened: await openPlace(session, node, place) };
  } catch (error) {
    if (place.where === 'pending' || !isUnreadable(error)) throw error;
    return { unreadable: codeOf(error) };
  }
}

function placeOf(standing: Standing, digest: string | undefined): BundlePlace | undefined {
  const { node, history, pending } = standing;
  if (digest !== undefined) return findBundle(standing, digest);
  const bundle = history.inForce?.frame.bundle;
  if (bundle !== undefined) return findBundle(standing, toHex(bundle.digest));
  if (pending.length === 1) return findBundle(standing, undefined);
  if (history.head === undefined && pending.length === 0) {
    throw fail('not_found', `nothing is known about node ${node}`);
  }
  return undefined;
}

/**
 * A node as {@link findNode} finds it, or a digest of something that waits or its beginning.
 * @throws not_found, usage if several are meant
 */
export async function findNodeOrProposal(
  session: Session,
  text: string,
): Promise<{ readonly node: NodeId; readonly digest?: string }> {
  const proposals = /^[0-9a-f]{1,64}$/.test(text) ? await waiting(session) : [];
  const matches = proposals.filter(({ digest }) => digest.startsWith(text));
  if (matches.length === 0) return { node: await findNode(session, text) };
  const node = await findNodeIfAny(session, text);
  const digests = matches.map(({ digest }) => digest);
  if (node !== undefined) {
    throw fail('usage', `${text} names node ${node}, and ${digests.join(', ')}: give more of it`);
  }
  const match: string = onlyMatch<string>('waiting proposal', text, digests);
  return matches.find(({ digest }) => digest === match)!;
}
