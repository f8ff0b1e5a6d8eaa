import { tellDecision } from '../boot/install.ts';
import { refresh } from '../stages/refresh.ts';
import { readCommandLine } from '../answers/cmdline/read.ts';
import type { Context } from './commands.ts';
import { throwFailures } from '../stages/outcome.ts';
import { tellInstalled } from '../stages/tell.ts';
import { agentFetch } from '../network/fetch.ts';
import { givenNetwork } from '../network/network.ts';
import { openOrderedNode, reach, readCommandLineFile } from '../stages/reach.ts';

const SAID = {
  unchanged: 'it is in force already',
  ordered: 'this machine makes a new configuration at its next boot',
  revoked: 'this machine runs on, and asks no more',
  poweroff: 'this machine goes off',
} as const;

export interface RefreshFlags {
  /** File with the kernel's command line */
  readonly commandLine: string;
  readonly takeOver: boolean;
}

/**
 * `coatcheck-agent refresh`: for the machine that `coatcheck-agent start` made ready, with the same
 * key, memory and servers.
 * @throws as `refresh`; step_failed where part of a new configuration did not take effect
 */
export async function refreshNow(context: Context, flags: RefreshFlags): Promise<void> {
  const { console, server } = context;
  const { orders } = readCommandLine(readCommandLineFile(flags.commandLine));
  const node = openOrderedNode(context, orders, flags);
  const network = givenNetwork();
  const fetch = agentFetch({ site: node.site, orders, lease: network.lease });
  const { servers, source } = reach(node, orders, { server, network, fetch });
  const refreshed = await refresh(node, servers, source);
  const { state, decision } = refreshed;
  if (state === 'applied') {
    tellInstalled(console, { decision }, refreshed.finished);
    throwFailures(refreshed.finished);
    return;
  }
  const { type, seq } = decision.frame.statement;
  console.result(`${type}: ${tellDecision(decision.frame)}: ${SAID[state]}`, { state, type, seq });
}
