import { readMarker } from '../apply/marker.ts';
import { tellBlank } from '../identity/memory/open-memory.ts';
import { fail } from '../../protocol/errors.ts';
import { withRoot } from '../tree/folder.ts';
import type { Invocation } from './invocation.ts';
import { openNode } from './node.ts';
import type { Node } from './node.ts';

/**
 * The machine, if its root is its own or nobody's: under a wrong key, or in a wrong root, nothing
 * else would be noticed. Says of a memory that should remember something that it does not.
 * @param options.takeOver although the root holds another machine's configuration
 * @throws not_this_node; and as `openNode`
 */
export function openOwnNode(
  { places, console, now }: Pick<Invocation, 'places' | 'console' | 'now'>,
  { takeOver }: { readonly takeOver: boolean },
): Node {
  const node = openNode(places, console, now);
  const blank = tellBlank(node.memory);
  if (blank !== undefined) console.note(blank);
  const marker = withRoot(places.root, readMarker);
  const isOwn = marker === undefined || marker.node === node.identity.id;
  if (isOwn || takeOver) return node;
  const { node: other, seq } = marker;
  throw fail(
    'not_this_node',
    `${places.root} holds decision ${seq} about machine ${other}, and the key here is that of ${node.identity.id}: wrong key, or wrong root? --take-over goes on`,
  );
}
