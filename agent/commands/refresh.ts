import { readCommandLine } from '../answers/cmdline/read.ts';
import { tellDecision } from '../boot/install.ts';
import { agentFetch } from '../network/fetch.ts';
import { givenNetwork } from '../network/network.ts';
import { throwFailures } from '../stages/outcome.ts';
import { openOrderedNode, reach, readCommandLineFile } from '../stages/reach.ts';
import { refresh } from '../stages/refresh.ts';
import { tellInstalled } from '../stages/tell.ts';
import { COMMAND_LINE, commandLineIn, TAKE_OVER, takeOverIn } from './options.ts';
import type { AgentCommand } from './options.ts';

const SAID = {
  unchanged: 'it is in force already',
  ordered: 'this machine makes a new configuration at its next boot',
  revoked: 'this machine runs on, and asks no more',
  poweroff: 'this machine goes off',
} as const;

/**
 * For the machine that `coatcheck-agent start` made ready, with the same key, memory and servers.
 *
 * Throws as `refresh`; step_failed where part of a new configuration did not take effect.
 */
export const refreshCommand: AgentCommand = {
  usage: 'refresh',
  about: 'fetch what is approved and apply it, on a machine that runs',
  options: [COMMAND_LINE, TAKE_OVER],
  async run(invocation, given) {
    const { console, server } = invocation;
    const { orders } = readCommandLine(readCommandLineFile(commandLineIn(given)));
    const node = openOrderedNode(invocation, orders, takeOverIn(given));
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
    const said = `${type}: ${tellDecision(decision.frame)}: ${SAID[state]}`;
    console.result(said, { state, type, seq });
  },
};
