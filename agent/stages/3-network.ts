import type { CommandLine } from '../answers/cmdline/read.ts';
import { givenNetwork, openNetwork } from '../network/network.ts';
import type { Network } from '../network/network.ts';

/**
 * Stage 3 of docs/node.md: the network of the boot interface, brought up unless it is or shall be
 * taken as it is. One that does not come up is no error yet: `check` tells of it.
 * @throws bad_argument, network_down as `openNetwork`
 */
export async function haveNetwork(
  { orders, answers }: Pick<CommandLine, 'orders' | 'answers'>,
  { asItIs, note }: { readonly asItIs: boolean; readonly note: (line: string) => void },
): Promise<Network> {
  if (asItIs) return givenNetwork();
  note('network: looking for an interface with link');
  const network = await openNetwork(orders, { answers, note });
  const { addresses, gateway } = network.lease;
  if (addresses.length > 0) {
    note(`network: ${addresses.join(' ')}, gateway ${gateway ?? 'none'}`);
  }
  return network;
}
