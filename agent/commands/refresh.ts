import { tellDecision } from '../boot/install.ts';
import { givenNetwork } from '../network/network.ts';
import { readCommandLineFile } from '../stages/1-command-line.ts';
import { openOrderedNode } from '../stages/2-machine.ts';
import { contact } from '../stages/4-server.ts';
import { throwFailures } from '../stages/effect.ts';
import { refresh } from '../stages/refresh.ts';
import { tellInstalled } from '../stages/tell.ts';
import { agentCommand, COMMAND_LINE, TAKE_OVER } from './options.ts';

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
export const refreshCommand = agentCommand({
  usage: 'refresh',
  about: 'fetch what is approved and apply it, on a machine that runs',
  options: [COMMAND_LINE, TAKE_OVER],
  async run(invocation, _, { commandLine, takeOver }) {
    const { console, server } = invocation;
    const { orders } = readCommandLineFile(commandLine, invocation.places.root);
    const node = openOrderedNode(invocation, orders, { takeOver });
    const network = givenNetwork();
    const { servers, source } = contact(node, orders, { server, network, isBoot: false });
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
});
