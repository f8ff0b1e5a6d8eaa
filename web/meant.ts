import type { LeftOut } from '../admin/many.ts';
import { selectNodes } from '../admin/select.ts';
import type { Purpose } from '../admin/select.ts';
import type { NodeId } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { isNodeId } from '../protocol/keys.ts';
import type { Picture } from './desk.ts';

/** So many nodes one screen is about: each is read for it. */
const MAX_NODES = 1000;

/** A search as words of which each names nodes: eight words of a machine are one. */
export function wordsOf(query: string): string[] {
  const words = query
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '');
  const isMachine = words.length === 8 && words.every((word) => /^[a-z]{3,8}$/.test(word));
  return isMachine ? [words.join(' ')] : words;
}

/**
 * The nodes that somebody decides about.
 * @param query what `selectNodes` takes, between spaces
 * @throws usage where it names none, too many, or more than a decision may; not_found
 */
export function nodesMeant(
  { nodes: views, at }: Picture,
  query: string,
  purpose: Exclude<Purpose, 'show'>,
): { readonly nodes: readonly NodeId[]; readonly leftOut: readonly LeftOut[] } {
  const words = wordsOf(query);
  // Named by its id, a node needs no look at all of them.
  if (words.length > 0 && words.every(isNodeId)) return { nodes: words, leftOut: [] };
  if (at === undefined)
    throw fail('usage', 'the nodes are still being read: load this again in a moment');
  const now = Math.floor(Date.now() / 1000);
  const found = selectNodes(views, { nodes: words }, purpose, now);
  if (found.views.length > MAX_NODES) {
    throw fail(
      'usage',
      `${found.views.length} nodes are meant, and a page takes ${MAX_NODES} at once: narrow it down, or do it in a terminal`,
    );
  }
  return {
    nodes: found.views.map(({ node }) => node),
    leftOut: found.leftOut.map(({ node }) => ({ node, why: { code: 'first' } })),
  };
}
