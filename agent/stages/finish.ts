import { CoatcheckError } from '../../bundle/errors.ts';
import { codeOf } from '../../protocol/errors.ts';
import { install, installUnapproved } from '../boot/install.ts';
import type { Installed } from '../boot/install.ts';
import { tellOutcome } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { Node } from '../boot/node.ts';
import { NOT_ASKED } from '../ready/ready.ts';
import type { MakeReady } from '../ready/ready.ts';
import { activate } from '../systemd/activate.ts';
import { notify } from '../systemd/notify.ts';
import type { Found } from '../boot/boot.ts';
import { sendReport } from '../boot/report.ts';
import type { Servers } from '../boot/servers.ts';

export interface Finished extends Outcome {
  /** Whether the administrators were told. */
  readonly reported: boolean;
}

/**
 * Applies what was found, makes it take effect, tells the service manager, makes the machine
 * available, and reports all of that, in this order. What is ordered after the agent's unit starts
 * before the machine is made available: whoever is told that it is there finds its services. What
 * nobody approved is not reported.
 *
 * @throws as `install` and `installUnapproved`, after a report that says so; as `activate`. What
 *   failed later is in the answer.
 */
export async function finish(
  node: Node,
  servers: Servers,
  found: Found,
  { ready: makeReady }: { ready?: MakeReady } = {},
): Promise<Finished> {
  const report = async (result: string): Promise<boolean> =>
    'decision' in found && (await sendReport(node, servers, found.decision, result));
  let installed: Installed;
  try {
    installed = put(node, found);
  } catch (error) {
    await report(`not applied: ${codeOf(error)}`);
    throw error;
  }
  const { applied, manifest, statement, seq } = installed;
  const { rootPath } = node;
  try {
    const settle = await activate({
      ...{ rootPath, manifest, statement },
      stillAnswers: () => servers.ask((client) => client.health()),
    });
    await notify('ready', `decision ${seq} is in place`);
    const activation = await settle();
    const isApproved = 'decision' in found;
    const ready =
      (await makeReady?.({ statement, seq, isApproved, failed: activation.failed })) ?? NOT_ASKED;
    const outcome = { applied, activation, ready };
    const result = tellOutcome(outcome);
    const reported = await report(result);
    await notify('status', `decision ${seq} ${result}`);
    return { ...outcome, reported };
  } catch (error) {
    if (error instanceof CoatcheckError) await report(`applied, not in effect: ${codeOf(error)}`);
    throw error;
  }
}

function put(node: Node, found: Found): Installed {
  if ('decision' in found) return install(node, found.decision);
  node.console.note('UNAPPROVED: what is applied now was decided by nobody but this machine');
  return installUnapproved(node, found.unapproved);
}
