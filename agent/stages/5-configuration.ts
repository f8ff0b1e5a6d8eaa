import type { CommandLine } from '../answers/cmdline/read.ts';
import { openTerminal } from '../answers/dialogue/terminal.ts';
import type { Facts } from '../answers/dialogue/dialogue.ts';
import type { Node } from '../boot/node.ts';
import type { Outage } from '../boot/outage.ts';
import type { BootOptions } from '../boot/step.ts';
import { notingOnce } from '../console/console.ts';
import { listInterfaces } from '../network/interfaces.ts';
import type { Network } from '../network/network.ts';
import { draftOptions } from './drafts.ts';
import type { DraftInput } from './drafts.ts';
import { policyOf, unapprovedOption } from './unreachable.ts';

/** How a boot comes to a configuration where none is approved. */
export interface Drafting {
  readonly options: Pick<BootOptions, 'draft' | 'redraft' | 'asks' | 'pressed' | 'unapproved'>;
  /** Gives the terminal back: nobody is asked any more. */
  close(): void;
}

/**
 * Stage 5 of docs/node.md: of the command line, or by the answers of a person. It is made ready here;
 * a draft is made once stage 6 finds that nothing is approved, or that no server answers.
 * @param options.terminal to ask at; the agent's own where it is undefined, if that is one
 * @throws bad_argument as `policyOf`; as `openTerminal`
 */
export function prepareDrafts(
  node: Node,
  { orders, answers }: CommandLine,
  options: {
    readonly network: Network;
    readonly outage: Outage;
    readonly terminal: string | undefined;
  },
): Drafting {
  const { network, outage } = options;
  const terminal = openTerminal(options.terminal);
  const input: DraftInput = {
    ...{ node, answers, terminal },
    bootDevice: () => network.bootDevice(),
    note: notingOnce(node.console),
    facts: () => ({ interfaces: listInterfaces(), offered: offeredBy(network) }),
  };
  const unapproved = unapprovedOption(policyOf(orders), input, outage);
  return {
    options: { ...draftOptions(input), ...(unapproved && { unapproved }) },
    close: () => terminal?.close(),
  };
}

/** What the network said of this machine, as a dialogue offers it. */
function offeredBy({ lease }: Network): Facts['offered'] {
  const { addresses, gateway, dns, hostname } = lease;
  const [ip, prefix] = (addresses.find((address) => !address.includes(':')) ?? '').split('/');
  return {
    hostname,
    gateway,
    ...(ip !== '' && prefix !== undefined && { ip, netmask: prefix }),
    ...(dns.length > 0 && { dns: dns.join(',') }),
  };
}
