import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, run } from '../programs/run.ts';

const ISOLATE = ['--no-block', 'isolate', 'rescue.target'];
const TERMINATED = 128 + constants.signals.SIGTERM;
/** Within which the manager should have ended the agent. */
const END_SECONDS = 10;

/**
 * Asks the service manager for a shell on the console and nothing else (systemd.special(7)), and
 * waits to be ended: the agent is none of what a rescue needs.
 * @throws step_failed
 */
export async function enterRescue(): Promise<void> {
  const ran = await run('systemctl', ISOLATE);
  // The manager ends all of a unit: the program that asked it to may be hit first.
  if (ran.status !== 0 && ran.status !== TERMINATED) {
    throw failure('step_failed', 'systemctl', ISOLATE, ran);
  }
  await sleep(END_SECONDS * 1000);
}
