import { execFile } from 'node:child_process';

/** What started this process, if that asked to be told how it stands (sd_notify(3)). */
export interface ServiceManager {
  /** It serves now, and goes on: a manager that watches is told so twice in each of its spans. */
  ready(status: string): Promise<void>;
  /** It ends. */
  stopping(): Promise<void>;
}

/**
 * By `systemd-notify`, since Node has no datagram socket of the kind; without `NOTIFY_SOCKET` nobody is told.
 * @param env where `WATCHDOG_USEC`, microseconds, is the span of a manager that watches
 */
export function serviceManager(env: Readonly<Record<string, string | undefined>>): ServiceManager {
  if (env['NOTIFY_SOCKET'] === undefined) {
    return { ready: () => Promise.resolve(), stopping: () => Promise.resolve() };
  }
  // What it does not hear it is not told twice: to serve is worth more than to tell of it.
  const tell = (...args: string[]): Promise<void> =>
    new Promise((resolve) => {
      execFile('systemd-notify', args, { env }, () => {
        resolve();
      });
    });
  const span = Number(env['WATCHDOG_USEC'] ?? 0) / 1000;
  let timer: NodeJS.Timeout | undefined;
  return {
    ready: async (status) => {
      await tell('--ready', `--status=${status}`);
      if (span > 0) timer = setInterval(() => void tell('WATCHDOG=1'), span / 2);
    },
    stopping: async () => {
      clearInterval(timer);
      await tell('STOPPING=1');
    },
  };
}
