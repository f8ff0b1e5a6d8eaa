import type { NodeId } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { decidedDigests } from '../protocol/history.ts';
import type { History, HistoryEntry } from '../protocol/history.ts';
import { digestHex } from '../protocol/keys.ts';
import type { DigestHex } from '../protocol/keys.ts';
import type { Listed, Objects, ReadObject } from './objects.ts';
import { carriesBundle, decisionText } from './record.ts';
import type { NodeRecord } from './record.ts';
import type { Session } from './session.ts';

/** A proposal that waits. */
export interface Waiting extends Listed {
  readonly node: NodeId;
  readonly digest: DigestHex;
  /** where it was read already, with many others */
  readonly object?: ReadObject;
}

/** What waits for one node, or for all, in the order of the keys. */
export async function waiting(session: Pick<Objects, 'list'>, node?: NodeId): Promise<Waiting[]> {
  const found: Waiting[] = [];
  for await (const listed of session.list('pending', node)) {
    const { parsed } = listed;
    if (parsed.prefix !== 'pending') continue;
    found.push({ ...listed, node: parsed.node, digest: parsed.digest });
  }
  return found;
}

/** How a node stands: what is decided about it, and what waits. */
export interface Standing {
  readonly node: NodeId;
  readonly pending: readonly Waiting[];
  readonly history: NodeRecord;
}

/**
 * Looks at what waits first: what is decided in between is then in the history, not nowhere.
 * @param keeps as in {@link Session.history}
 */
export async function lookAt(
  session: Pick<Session, 'list' | 'history'>,
  node: NodeId,
  keeps?: (slot: number) => boolean,
): Promise<Standing> {
  const pending = await waiting(session, node);
  return { node, pending, history: await session.history(node, keeps) };
}

/**
 * Every node that has anything in the store, in order. What waits is listed first, as in
 * {@link lookAt}.
 * @param pending what waits, where the caller has just listed it
 */
export async function knownNodes(
  session: Pick<Objects, 'list'>,
  pending?: readonly Waiting[],
): Promise<NodeId[]> {
  const nodes = new Set((pending ?? (await waiting(session))).map(({ node }) => node));
  const list = async (prefix: 'approved' | 'history'): Promise<void> => {
    for await (const { parsed } of session.list(prefix)) {
      if ('node' in parsed) nodes.add(parsed.node);
    }
  };
  await Promise.all([list('history'), list('approved')]);
  return [...nodes].sort();
}

/**
 * The one of `candidates` that begins with `text`.
 * @throws not_found, usage
 */
export function onlyMatch<T extends string>(
  noun: string,
  text: string,
  candidates: readonly T[],
): T {
  // An empty variable in a script would otherwise name the only one there is.
  if (text === '') throw fail('usage', `an empty word names no ${noun}`);
  const [match, ...others] = candidates.filter((candidate) => candidate.startsWith(text));
  if (match === undefined) throw fail('not_found', `no ${noun} begins with ${text}`);
  if (others.length > 0) {
    throw fail('usage', `${others.length + 1} ${noun}s begin with ${text}: give more of it`);
  }
  return match;
}

/** Where a bundle of a node is. */
export type BundlePlace =
  | ({ readonly where: 'pending' } & Pick<Waiting, 'digest' | 'key' | 'object'>)
  | { readonly where: 'history'; readonly digest: DigestHex; readonly entry: HistoryEntry };

/** What waits for a decision: what is decided already lies there until it is removed. */
export function undecided({ pending, history }: Standing): readonly Waiting[] {
  const decided = decidedDigests(history);
  return pending.filter(({ digest }) => !decided.has(digest));
}

/**
 * The bundle that `text` (a digest or its beginning) names among what waits and what was decided;
 * without `text`, the only one that waits.
 * @throws not_found, usage if several fit, already_decided for one that the history names only, and for the only
 *   one that lies there
 */
export function findBundle(standing: Standing, text: string | undefined): BundlePlace {
  const { pending, history } = standing;
  if (text === undefined) {
    const [only, ...others] = undecided(standing);
    if (only === undefined) {
      const [decided] = pending;
      if (decided !== undefined) demandUndecided(history, decided.digest);
      throw fail('not_found', nothingWaits(standing));
    }
    if (others.length > 0) {
      throw fail('usage', `${others.length + 1} proposals wait for this node: name a digest`);
    }
    return placeOf(only);
  }
  const decided = new Map<DigestHex, HistoryEntry>();
  for (const entry of history.entries) {
    if (carriesBundle(entry)) decided.set(digestHex(entry.frame.statement.digest), entry);
  }
  const bundles = [...new Set([...pending.map((p) => p.digest), ...decided.keys()])];
  if (!bundles.some((digest) => digest.startsWith(text))) demandUndecided(history, text);
  const digest = onlyMatch('bundle of this node', text, bundles);
  const entry = decided.get(digest);
  if (entry !== undefined) return { where: 'history', digest, entry };
  return placeOf(pending.find((p) => p.digest === digest)!);
}

/** Where a proposal is that waits. */
export const placeOf = ({ digest, key, object }: Waiting): BundlePlace => ({
  ...{ where: 'pending', digest, key },
  ...(object === undefined ? {} : { object }),
});

function nothingWaits({ node, history: { inForce, head } }: Standing): string {
  if (inForce === undefined) {
    const newest = head === undefined ? '' : `; the newest decision is ${decisionText(head)}`;
    return `nothing waits for node ${node}, and nothing is in force${newest}`;
  }
  return `nothing waits for node ${node}; ${decisionText(inForce)} is in force`;
}

/**
 * @param text a digest or its beginning
 * @throws already_decided, naming the decision, if the history names a bundle that begins so
 */
export function demandUndecided(history: History, text: string): void {
  for (const [digest, entry] of decidedDigests(history)) {
    if (!digest.startsWith(text)) continue;
    const inForce = entry === history.inForce ? ', and in force' : '';
    throw fail(
      'already_decided',
      `proposal ${digest} is decided: ${decisionText(entry)}${inForce}`,
    );
  }
}
