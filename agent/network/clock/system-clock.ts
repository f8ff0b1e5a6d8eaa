import { run } from '../../programs/run.ts';
import { saidBy } from '../../systemd/systemctl.ts';

/** The clock of the machine. */
export interface SystemClock {
  /** Unix seconds */
  now(): number;
  /** Whether something keeps it by a source that it trusts (NTP, PTP): then it is not ours to set. */
  isKept(): Promise<boolean>;
  /** @returns why it cannot be set, or undefined if it was */
  set(unixSeconds: number): Promise<string | undefined>;
}

/** The clock of this machine, which whoever is root can set. */
export const systemClock: SystemClock = {
  now: () => Math.floor(Date.now() / 1000),
  async isKept() {
    // What adjtimex(2) says, whoever tells the kernel: chronyd, timesyncd, ntpd.
    const args = ['show', '--property=NTPSynchronized', '--value'];
    const { status, stdout } = await run('timedatectl', args, { timeoutSeconds: 10 });
    return status === 0 && stdout.toString('utf8').trim() === 'yes';
  },
  async set(unixSeconds) {
    const ran = await run('date', ['-s', `@${unixSeconds}`]);
    return ran.status === 0 ? undefined : saidBy(ran);
  },
};
