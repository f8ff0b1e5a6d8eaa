import { CoatcheckError } from '../../bundle/errors.ts';
import { codeOf, ERRORS, EXIT } from '../../protocol/errors.ts';
import type { Invocation } from '../boot/invocation.ts';
import { makeReady } from '../ready/ready.ts';
import { endsHere, readCommandLineFile } from './1-command-line.ts';
import { openMachine } from './2-machine.ts';
import { haveNetwork } from './3-network.ts';
import { contact } from './4-server.ts';
import { prepareDrafts } from './5-configuration.ts';
import { waitForDecision } from './6-waiting.ts';
import { applyFound } from './7-applying.ts';
import { becomeReady } from './8-ready.ts';
import { endBoundKey } from './bound-key.ts';
import { makeKnown } from './make-known.ts';
import { throwFailures } from './effect.ts';
import type { Finished } from './effect.ts';
import { tellInPlace, tellInstalled } from './tell.ts';
import type { Told } from './tell.ts';

/** The options of `coatcheck-agent start`. */
export interface StartOptions {
  /** File with the kernel's command line */
  readonly commandLine: string;
  /** Terminal to ask at; the agent's own where it is undefined, if that is one */
  readonly terminal: string | undefined;
  /** Take the network as it is. */
  readonly noNetwork: boolean;
  readonly takeOver: boolean;
}

/**
 * From the kernel's command line to a machine that is ready: docs/node.md tells it stage by stage.
 * A machine that is not `stateless` is left alone.
 *
 * @throws what its stages do; step_failed where part of the configuration did not take effect
 */
export async function start(invocation: Invocation, options: StartOptions): Promise<void> {
  const { console, server } = invocation;
  const { terminal, noNetwork } = options;

  const commandLine = readCommandLineFile(options.commandLine, invocation.places.root);
  const { orders } = commandLine;
  if (await endsHere(invocation, commandLine)) return;
  const node = await openMachine(invocation, orders, options);
  let told: Told | undefined;
  let finished: Finished;
  try {
    const network = await haveNetwork(commandLine, {
      asItIs: noNetwork,
      note: (line) => console.note(line),
    });
    const reached = contact(node, orders, { server, network, isBoot: true });
    const { servers, outage } = reached;
    const drafting = prepareDrafts(node, commandLine, { network, outage, terminal });
    const found = await waitForDecision(node, reached, drafting, orders);
    finished = await network.undisturbed(async () => {
      const inPlace = await applyFound(node, servers, found);
      told = tellInPlace(console, found, inPlace);
      return await becomeReady(inPlace, makeReady(node));
    });

    tellInstalled(console, found, finished, told);
    if ('unapproved' in found) await makeKnown(node, reached, found.unapproved, orders);
  } catch (error) {
    // What the configuration starts runs on. Where this start is tried again it needs the key.
    if (told !== undefined || isFinal(error)) await endBoundKey(node);
    throw error;
  }
  await endBoundKey(node);
  throwFailures(finished);
}

/** Exit codes after which nothing starts the agent again (units/coatcheck-agent.service). */
const FINAL: readonly number[] = [EXIT.usage, EXIT.failed];
const isFinal = (error: unknown): boolean =>
  error instanceof CoatcheckError && FINAL.includes(ERRORS[codeOf(error)].exit);
