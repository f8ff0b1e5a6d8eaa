import { execFile } from 'node:child_process';
import { fail } from '../protocol/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

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
export function serviceManager(env: Environment): ServiceManager {
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

/** Where the descriptors begin that systemd hands over. */
const FIRST_DESCRIPTOR = 3;

/**
 * The socket that systemd listens on for this process, and keeps while there is none (sd_listen_fds(3)).
 * @param env where `LISTEN_PID` names the process that is meant, and `LISTEN_FDS` how many there are
 * @returns its descriptor; undefined where none is handed over
 * @throws usage for several
 */
export function handedSocket(env: Environment, pid: number = process.pid): number | undefined {
  const { LISTEN_PID: meant, LISTEN_FDS: count } = env;
  if (meant !== String(pid) || count === undefined) return undefined;
  if (count === '1') return FIRST_DESCRIPTOR;
  const said = `systemd hands over ${count} sockets`;
  throw fail('usage', `${said}: one ListenStream= in the socket unit is what serve takes`);
}
