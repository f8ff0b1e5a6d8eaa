import type { Orders } from '../answers/cmdline/orders.ts';
import type { Invocation } from '../boot/invocation.ts';
import type { Node } from '../boot/node.ts';
import { openOwnNode } from '../boot/own-node.ts';
import { adjustClock } from '../network/clock/adjust.ts';
import { readImage } from '../tree/image.ts';

/**
 * Stage 2 of docs/node.md: the machine, with its key and memory, on a clock that says at least the
 * image's date.
 * @throws as {@link openOrderedNode}
 */
export async function openMachine(
  invocation: Invocation,
  orders: Pick<Orders, 'key' | 'memory'>,
  options: { readonly takeOver: boolean },
): Promise<Node> {
  const node = openOrderedNode(invocation, orders, options);
  const { fault } = readImage(node.rootPath);
  if (fault !== undefined) {
    node.console.note(
      `${fault}: this image does not say when it was made, so no clock is set by that, nor by a server that speaks TLS`,
    );
  }
  await adjustClock({ console: node.console, built: node.built });
  return node;
}

/**
 * The machine, by the agent's options, and where they say nothing by the kernel's command line. The
 * clock is left alone.
 * @throws as `openOwnNode`
 */
export function openOrderedNode(
  invocation: Invocation,
  orders: Pick<Orders, 'key' | 'memory'>,
  options: { readonly takeOver: boolean },
): Node {
  const { places } = invocation;
  const { key = orders.key, memory = orders.memory } = places;
  return openOwnNode({ ...invocation, places: { ...places, key, memory } }, options);
}
