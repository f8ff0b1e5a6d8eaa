import { find } from '../boot/boot.ts';
import { finish } from './finish.ts';
import { createPatience } from '../boot/patience.ts';
import { adjustClock, followDates } from '../network/clock/adjust.ts';
import { readCommandLine } from '../answers/cmdline/read.ts';
import type { Invocation } from '../boot/invocation.ts';
import { throwFailures } from './outcome.ts';
import { tellInstalled } from './tell.ts';
import { openTerminal } from '../answers/dialogue/terminal.ts';
import { agentFetch, lookupBy } from '../network/fetch.ts';
import { listInterfaces } from '../network/interfaces.ts';
import type { Lease } from '../network/lease.ts';
import { makeReady } from '../ready/ready.ts';
import { enterRescue } from '../systemd/rescue.ts';
import { isOwnRoot } from '../tree/folder.ts';
import { makeKnown } from './afterwards.ts';
import { draftOptions } from './drafts.ts';
import { givenNetwork, openNetwork } from '../network/network.ts';
import { openOrderedNode, reach, readCommandLineFile } from './reach.ts';
import { policyOf, unapprovedOption, watchOutage } from './unreachable.ts';

export interface StartFlags {
  /** File with the kernel's command line */
  readonly commandLine: string;
  /** Terminal to ask at; the agent's own where it is undefined, if that is one */
  readonly terminal?: string | undefined;
  /** Take the network as it is. */
  readonly noNetwork: boolean;
  readonly takeOver: boolean;
}

/**
 * From the kernel's command line to a machine that is ready: docs/node.md tells it stage by stage.
 * A machine that is not `stateless` is left alone.
 *
 * @throws bad_argument, device_missing, and as `openNode`, `find` and `finish`
 */
export async function start(invocation: Invocation, flags: StartFlags): Promise<void> {
  const { console, server } = invocation;
  const { orders, answers } = readCommandLine(readCommandLineFile(flags.commandLine));
  if (!orders.stateless) {
    console.result('the command line does not say stateless: nothing to do', {
      state: 'installed',
    });
    return;
  }
  if (orders.rescue) {
    console.result('rescue: no configuration is fetched', { state: 'rescue' });
    if (isOwnRoot(invocation.places.root)) await enterRescue();
    return;
  }

  const node = openOrderedNode(invocation, orders, flags);
  const { site, built } = node;
  await adjustClock({ console, built });
  const network = flags.noNetwork ? givenNetwork() : await openNetwork(orders);
  const { lease } = network;
  const lookup = lookupBy(lease);
  const fetch = followDates(agentFetch({ site, orders, lease }), { console, built, lookup });
  const { servers, source } = reach(node, orders, { server, network, fetch });
  const outage = watchOutage(source);
  const terminal = openTerminal(flags.terminal);
  const input = {
    ...{ node, answers, terminal },
    bootDevice: () => network.bootDevice(),
    facts: () => ({ interfaces: listInterfaces(), offered: offeredBy(lease) }),
  };
  const unapproved = unapprovedOption(policyOf(orders), input, outage);
  const found = await find(node, servers, outage.source, {
    ...draftOptions(input),
    ...(unapproved && { unapproved }),
    patience: createPatience(),
    token: orders.token,
    fresh: orders.newConfiguration,
  });
  terminal?.close();
  const finished = await network.undisturbed(() =>
    finish(node, servers, found, { ready: makeReady(node) }),
  );
  tellInstalled(console, found, finished);
  if ('unapproved' in found) {
    const patience = createPatience();
    const { token } = orders;
    await makeKnown(node, servers, outage.source, found.unapproved, { patience, token });
  }
  throwFailures(finished);
}

/** What the network said of this machine, as a dialogue offers it. */
function offeredBy({ addresses, gateway, dns, hostname }: Omit<Lease, 'interface'>) {
  const [ip, prefix] = (addresses.find((address) => !address.includes(':')) ?? '').split('/');
  return {
    hostname,
    gateway,
    ...(ip !== '' && prefix !== undefined && { ip, netmask: prefix }),
    ...(dns.length > 0 && { dns: dns.join(',') }),
  };
}
