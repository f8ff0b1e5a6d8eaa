import { randomBytes } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { errnoOf } from './errno.ts';

/**
 * Names of files that are of use to one process only: `<label>.<token>.<process>`, where the process
 * is its number, when it started, the namespace of the number, the boot of the machine, and the
 * machine. Being the name, it is there as soon as the file is, whole, and takes no room on a disk.
 */
const NAME =
  /^(?<label>[^.]+)\.(?<token>[0-9a-f]{16})\.(?<pid>\d+)\.(?<start>\d*)\.(?<pidNamespace>\d*)\.(?<boot>[0-9a-f-]*)\.(?<host>.*)$/;

/** Where a system does not tell `start`, `pidNamespace` or `boot`, they are empty. */
interface Owner {
  readonly token: string;
  readonly pid: string;
  readonly start: string;
  readonly pidNamespace: string;
  readonly boot: string;
  readonly host: string;
}

/** Tokens of the names that this process uses. */
const inUse = new Set<string>();

/** A new name, of at most 255 bytes, in use until {@link disown}. @param label without a dot */
export async function ownName(label: string): Promise<string> {
  const token = randomBytes(8).toString('hex');
  inUse.add(token);
  const { pid, start, pidNamespace, boot, host } = await thisProcess();
  return [label, token, pid, start, pidNamespace, boot, host].join('.');
}

/** From now on the file of this name, if it is still there, is taken for a leftover. */
export function disown(name: string): void {
  const token = parse(name)?.token;
  if (token !== undefined) inUse.delete(token);
}

/**
 * What is known of the process whose file it is. `dead` and `rebooted` only if it surely does not run,
 * the latter because the machine was started again since; `unknown` for one of another machine or
 * process namespace, and for any name that is not ours.
 */
export type OwnerState = 'alive' | 'dead' | 'rebooted' | 'unknown';

/** Whether the process whose file has this name runs. */
export async function ownerOf(name: string): Promise<OwnerState> {
  const owner = parse(name);
  if (owner === undefined) return 'unknown';
  const here = await thisProcess();
  if (owner.boot !== here.boot) return owner.host === here.host ? 'rebooted' : 'unknown';
  if (owner.boot === '' && owner.host !== here.host) return 'unknown';
  if (owner.pidNamespace !== here.pidNamespace) return 'unknown';
  if (owner.pid === here.pid && owner.start === here.start) {
    return inUse.has(owner.token) ? 'alive' : 'dead';
  }
  return (await runs(owner)) ? 'alive' : 'dead';
}

/** For people: `process 12 on host`. */
export function describeOwner(name: string): string {
  const owner = parse(name);
  return owner ? `process ${owner.pid} on ${owner.host}` : 'another process';
}

function parse(name: string): Owner | undefined {
  return NAME.exec(name)?.groups as Owner | undefined;
}

async function runs({ pid, start }: Owner): Promise<boolean> {
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
  // The number may belong to another process by now.
  const status = await statusOf(pid);
  return status === undefined || (status.start === start && !status.isZombie);
}

/** proc(5): pid, (name), state, and 18 more before the start time; the name may hold anything. */
async function statusOf(pid: string): Promise<{ start: string; isZombie: boolean } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  if (text === '') return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { start: fields[19] ?? '', isZombie: fields[0] === 'Z' || fields[0] === 'X' };
}

let current: Promise<Omit<Owner, 'token'>> | undefined;

/** What makes process numbers comparable. */
function thisProcess(): Promise<Omit<Owner, 'token'>> {
  current ??= Promise.all([
    statusOf('self'),
    readlink('/proc/self/ns/pid').catch(() => ''),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
  ]).then(([status, pidNamespace, boot]) => ({
    pid: String(process.pid),
    start: status?.start ?? '',
    pidNamespace: pidNamespace.replace(/\D/g, ''),
    boot: boot.trim(),
    host: encodeURIComponent(hostname()).slice(0, 100),
  }));
  return current;
}
