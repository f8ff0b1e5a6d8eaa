import type { NodeId } from '../bundle/index.ts';
import { quote } from '../bundle/errors.ts';
import { nodeWords } from '../bundle/words.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { isNodeId } from '../protocol/keys.ts';
import { isFilter, matchesFilter, matchesGlob, parseFilter } from './filter.ts';
import { createFleetReader } from './fleet.ts';
import { knownNodes } from './find.ts';
import type { Session } from './session.ts';
import { claimsOf, nameKey } from './views/status.ts';
import type { StatusView } from './views/status.ts';

/**
 * What nodes are selected for. `show`: nothing is signed, and a claimed name counts as one. `decide`: a
 * decision that puts nothing new in force. `approve`: one that does.
 *
 * A node about which nothing is in force is somebody whom nobody knows yet, and only its key tells it
 * from another that says the same: where something is decided, it is named by its id, at least
 * {@link MIN_FIRST_CHARACTERS} characters of it, or by its eight words; for an approval by nothing
 * else (docs/adr/0222).
 */
export type Purpose = 'show' | 'decide' | 'approve';

/** How much of its id names a node about which nothing is in force, where something is decided. */
export const MIN_FIRST_CHARACTERS = 16;

/** Which nodes somebody means. */
export interface Wanted {
  /**
   * Each the id of a node, a beginning that no other has, its eight words, the name in force, a glob
   * over names in force, or a filter. Those that name nodes add up; filters narrow that down.
   */
  readonly nodes?: readonly string[];
  /** A filter (`parseFilter`). */
  readonly where?: string | undefined;
}

/** What was selected, by id. */
export interface Selection {
  readonly views: readonly StatusView[];
  /** What a filter would have selected for an approval, and nothing but an id or words may. */
  readonly leftOut: readonly StatusView[];
}

/**
 * The nodes that are meant. A filter and a glob may mean none; whatever else is given means one.
 * @param now unix seconds
 * @throws usage where a text means several nodes (they are named), or is not enough for a decision, for
 *   a malformed filter, and for a decision about nothing; not_found
 */
export function selectNodes(
  views: readonly StatusView[],
  { nodes = [], where }: Wanted,
  purpose: Purpose,
  now: number,
): Selection {
  const filters = [...nodes.filter(isFilter), ...(where === undefined ? [] : [where])].map(
    parseFilter,
  );
  const names = nodes.filter((text) => !isFilter(text));
  if (purpose !== 'show') {
    if (names.length === 0 && filters.length === 0) {
      throw fail('usage', 'which node? Give its id, its words, its name in force, or a filter');
    }
    if (filters.some(({ terms }) => terms.some(({ field }) => field === 'claim'))) {
      throw fail('usage', 'a claimed name selects what is shown, and never what is decided about');
    }
  }
  const named = new Set(names.flatMap((text) => namedBy(text, views, purpose)));
  const meant = names.length > 0 ? views.filter((view) => named.has(view)) : views;
  const found = meant.filter((view) => filters.every((one) => matchesFilter(one, view, now)));
  // One that was named by its key, and that the filters let through, is meant.
  const isOpen = (view: StatusView): boolean =>
    purpose !== 'approve' || named.has(view) || !isFirst(view);
  return { views: found.filter(isOpen), leftOut: found.filter((view) => !isOpen(view)) };
}

/**
 * The nodes that the filters would let through if the name that a node claims were in force: where nothing is
 * selected they tell why.
 * @param now unix seconds
 */
export function claimingNodes(
  views: readonly StatusView[],
  { nodes = [], where }: Wanted,
  now: number,
): readonly StatusView[] {
  const filters = [...nodes.filter(isFilter), ...(where === undefined ? [] : [where])].map(
    parseFilter,
  );
  const names = nodes.filter((text) => !isFilter(text));
  const named = new Set(names.flatMap((text) => namedBy(text, views, 'show')));
  return views.filter(
    (view) =>
      (names.length === 0 || named.has(view)) &&
      claimsOf(view).some((name) =>
        filters.every((one) => matchesFilter(one, { ...view, name }, now)),
      ),
  );
}

/** Whether nothing is in force for a node: only its id and its words tell it from another. */
export const isFirst = ({ decision }: Pick<StatusView, 'decision'>): boolean =>
  decision === undefined;

/** @throws as {@link selectNodes} */
function namedBy(text: string, views: readonly StatusView[], purpose: Purpose): StatusView[] {
  // An empty variable in a script would otherwise name the only one there is.
  if (text === '') throw fail('usage', 'an empty word names no node');
  if (/[*?]/.test(text)) {
    return views.filter((view) => namesOf(view, purpose).some((name) => matchesGlob(text, name)));
  }
  if (/ /.test(text)) return [withWords(text, views)];
  const byId = views.filter(({ node }) => node.startsWith(text));
  const byName = views.filter((view) =>
    namesOf(view, purpose).some((name) => nameKey(name) === nameKey(text)),
  );
  const [match, ...others] = new Set([...byId, ...byName]);
  if (match === undefined) throw nothingNamed(text, views, purpose);
  if (others.length > 0) throw fail('usage', several(text, [match, ...others]));
  const isShort = text.length < MIN_FIRST_CHARACTERS && isFirst(match);
  if (purpose !== 'show' && isShort) {
    throw fail(
      'usage',
      `nothing is in force for ${match.node}: compare its words with those on its console, and name it by them, or by ${MIN_FIRST_CHARACTERS} characters of its id or more`,
    );
  }
  return [match];
}

/** By which names a node is meant: to be shown also by those that it claims. */
export function namesOf(view: StatusView, purpose: Purpose): readonly string[] {
  const { name } = view;
  return [...(name === undefined ? [] : [name]), ...(purpose === 'show' ? claimsOf(view) : [])];
}

function nothingNamed(text: string, views: readonly StatusView[], purpose: Purpose): Error {
  const claims = views.filter((view) => claimsOf(view).some((c) => nameKey(c) === nameKey(text)));
  if (purpose !== 'show' && claims.length > 0) {
    return fail(
      'not_found',
      `${quote(text)} is in force for no node; what waits claims it, and a claim names nobody: ${listed(claims)}`,
    );
  }
  return fail('not_found', `no node begins with ${text}, and none has that name`);
}

const several = (text: string, views: readonly StatusView[]): string =>
  `${views.length} nodes are meant by ${quote(text)}: ${listed(views)}`;

/** So many candidates are named. */
const MAX_NAMED = 8;

/** Nodes in a sentence, ids in full: a line of it is what to give instead. Whoever prints it escapes it. */
export function listed(views: readonly StatusView[]): string {
  const named = views.slice(0, MAX_NAMED).map((view) => {
    const [claim] = claimsOf(view);
    const name = view.name ?? (claim === undefined ? undefined : `claims ${quote(claim)}`);
    const about = [...(name === undefined ? [] : [name]), view.states.join(' ')].join(', ');
    return `${view.node} (${about})`;
  });
  const more = views.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** @throws not_found; usage for two nodes with the same words, of which one was made to be so */
function withWords<T extends { readonly node: NodeId }>(words: string, nodes: readonly T[]): T {
  const [match, other] = nodes.filter(({ node }) => nodeWords(node) === words);
  if (match === undefined) throw fail('not_found', `no node has the words ${words}`);
  if (other === undefined) return match;
  throw fail('usage', `two nodes have these words, ${match.node} and ${other.node}: one is forged`);
}

/**
 * The one node that `text` names. A whole id, words, and 16 characters of an id or more need a
 * listing at most; for anything else what is in force is read, but for what the cache has.
 * @throws as {@link selectNodes}; usage also where a glob or a filter means several
 */
export async function findNode(
  session: Session,
  text: string,
  purpose: Purpose = 'show',
): Promise<NodeId> {
  if (isNodeId(text)) return text;
  const byKey = /^[a-z]+( [a-z]+)+$|^[a-z2-7]{16,31}$/.test(text);
  if (byKey) {
    const nodes = (await knownNodes(session)).map((node) => ({ node }));
    if (text.includes(' ')) return withWords(text, nodes).node;
    const [match, other] = nodes.filter(({ node }) => node.startsWith(text));
    if (match !== undefined && other === undefined) return match.node;
  }
  if (text === '') throw fail('usage', 'an empty word names no node');
  const all = await createFleetReader(session).look({ withoutReports: true });
  const { views, leftOut } = selectNodes(all, { nodes: [text] }, purpose, session.client.now());
  const [match, ...others] = views;
  if (others.length > 0) throw fail('usage', several(text, views));
  if (match !== undefined) return match.node;
  const [closed] = leftOut;
  if (closed === undefined) throw fail('not_found', `no node is as ${quote(text)} says`);
  throw fail(
    'usage',
    `nothing is in force for ${closed.node}, and no filter selects such a node for approval: name it by its id or its words`,
  );
}

/**
 * {@link findNode}, where a text may as well name something else than a node.
 * @returns undefined if it names none
 * @throws usage if several are meant, or it is not enough for a decision
 */
export async function findNodeIfAny(
  session: Session,
  text: string,
  purpose?: Purpose,
): Promise<NodeId | undefined> {
  try {
    return await findNode(session, text, purpose);
  } catch (error) {
    if (hasCode(error, 'not_found')) return undefined;
    throw error;
  }
}
