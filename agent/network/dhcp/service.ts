import { existsSync } from 'node:fs';
import { failure, run } from '../../programs/run.ts';

/** Whether systemd runs here, sd_booted(3), and is to start this unit. */
export async function isEnabled(unit: string): Promise<boolean> {
  if (!existsSync('/run/systemd/system')) return false;
  return (await run('systemctl', ['is-enabled', '--quiet', unit])).status === 0;
}

/** @throws network_down with what systemctl said */
export async function startUnit(unit: string, signal?: AbortSignal): Promise<void> {
  const args = ['start', unit];
  const ran = await run('systemctl', args, { timeoutSeconds: 90, signal });
  if (ran.status !== 0) throw failure('network_down', 'systemctl', args, ran);
}
