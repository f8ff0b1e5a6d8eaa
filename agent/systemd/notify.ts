import { escapeLine } from '../../protocol/escape.ts';
import { run } from '../programs/run.ts';

/**
 * Tells the service manager how far this process is (sd_notify(3)), if it asked to be told: by
 * `systemd-notify`, since Node has no datagram socket of the kind. What it does not hear it will
 * not be told twice: a node runs all the same.
 * @param state `ready`, or only a line of status
 */
export async function notify(state: 'ready' | 'status', status: string): Promise<void> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return;
  const ready = state === 'ready' ? ['--ready'] : [];
  await run('systemd-notify', [...ready, `--status=${escapeLine(status)}`]);
}
