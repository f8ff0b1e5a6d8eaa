import { failure, run } from '../../programs/run.ts';
import { readIfThere } from '../lease.ts';
import type { Ran } from '../../programs/run.ts';

/** Whether there is a program of that name, whatever it says of being asked. */
export async function isProgram(name: string, args: readonly string[]): Promise<boolean> {
  return (await run(name, args)).status !== 127;
}

/**
 * Ends the client that an earlier try left, known by its file: two would take turns with one interface,
 * and a server whose leases are of no use would have one more for each try.
 */
export function endEarlier(pidFile: string): void {
  const pid = Number(readIfThere(pidFile) ?? '');
  if (readIfThere(`/proc/${pid}/cmdline`)?.split('\0').includes(pidFile) !== true) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** A DHCP client tells its whole conversation: how it ended is the last line. */
export function clientFailed(program: string, args: readonly string[], ran: Ran): Error {
  const lines = `${ran.stdout.toString('utf8')}\n${ran.stderr}`.split('\n');
  const last = lines.findLast((line) => line.trim() !== '') ?? '';
  return failure('network_down', program, args, { ...ran, stderr: last.slice(0, 300) });
}
