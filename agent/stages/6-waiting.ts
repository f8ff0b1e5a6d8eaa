import type { Orders } from '../answers/cmdline/orders.ts';
import { find } from '../boot/boot.ts';
import type { Found } from '../boot/boot.ts';
import type { Node } from '../boot/node.ts';
import { createPatience } from '../boot/patience.ts';
import type { Contact } from './4-server.ts';
import type { Drafting } from './5-configuration.ts';

/**
 * Stage 6 of docs/node.md: what is in force; where nothing is, a configuration is proposed and its
 * approval waited for, however long that takes.
 * @throws as `find`
 */
export async function waitForDecision(
  node: Node,
  { servers, source }: Contact,
  drafting: Drafting,
  { token, newConfiguration }: Pick<Orders, 'token' | 'newConfiguration'>,
): Promise<Found> {
  const found = await find(node, servers, source, {
    ...drafting.options,
    ...{ patience: createPatience(), token, fresh: newConfiguration },
  });
  drafting.close();
  return found;
}
