import type { Orders } from '../answers/cmdline/orders.ts';
import { givenNetwork, openNetwork } from '../network/network.ts';
import type { Network } from '../network/network.ts';

/**
 * Stage 3 of docs/node.md: the network of the boot interface, brought up unless it is or shall be
 * taken as it is. One that does not come up is no error yet: `check` tells of it.
 * @throws bad_argument, network_down as `openNetwork`
 */
export async function haveNetwork(
  orders: Pick<Orders, 'bootInterface' | 'bootInterfaceRequired'>,
  { asItIs }: { readonly asItIs: boolean },
): Promise<Network> {
  return asItIs ? givenNetwork() : await openNetwork(orders);
}
