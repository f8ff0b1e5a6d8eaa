import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from './errors.ts';
import { statusOf } from './process-status.ts';

/**
 * Names of files that are of use to one process only: `<label>.<token>.<process>`, where the process
 * is its number, when it started, the namespace of the number, the boot of the machine, and the
 * machine. Being the name, it is there as soon as the file is, whole, and takes no room on a disk.
 */
const NAME =
  /^(?<label>.+?)\.(?<token>[0-9a-f]{16})\.(?<pid>\d+)\.(?<start>\d*)\.(?<pidNamespace>\d*)\.(?<boot>[0-9a-f-]*)\.(?<host>.*)$/;

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

/** A new name, of at most 190 bytes and the label, in use until {@link disown}. */
export function ownName(label: string): string {
  const token = randomBytes(8).toString('hex');
  inUse.add(token);
  const { pid, start, pidNamespace, boot, host } = thisProcess();
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
export function ownerOf(name: string): OwnerState {
  const owner = parse(name);
  if (owner === undefined) return 'unknown';
  const here = thisProcess();
  if (owner.boot !== here.boot) {
    // A sandbox or a container may keep the boot from one of them, both of which run.
    const areTold = owner.boot !== '' && here.boot !== '';
    return areTold && owner.host === here.host ? 'rebooted' : 'unknown';
  }
  if (owner.boot === '' && owner.host !== here.host) return 'unknown';
  if (owner.pidNamespace !== here.pidNamespace) return 'unknown';
  if (owner.pid === here.pid && owner.start === here.start) {
    return inUse.has(owner.token) ? 'alive' : 'dead';
  }
  return runs(owner) ? 'alive' : 'dead';
}

/** Whether it is of this machine, in whatever container, and since it was started last. */
export function isOfThisMachine(name: string): boolean {
  const [owner, here] = [parse(name), thisProcess()];
  return owner?.boot === here.boot && (here.boot !== '' || owner.host === here.host);
}

/** For people: `process 12 on host`. */
export function describeOwner(name: string): string {
  const owner = parse(name);
  return owner ? `process ${owner.pid} on ${owner.host}` : 'another process';
}

function parse(name: string): Owner | undefined {
  return NAME.exec(name)?.groups as Owner | undefined;
}

function runs({ pid, start }: Owner): boolean {
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
  // The number may belong to another process by now.
  const status = statusOf(pid);
  return status === undefined || (status.start === start && !status.hasEnded);
}

let current: Omit<Owner, 'token'> | undefined;

/** What makes process numbers comparable. */
function thisProcess(): Omit<Owner, 'token'> {
  current ??= {
    pid: String(process.pid),
    start: statusOf('self')?.start ?? '',
    pidNamespace: told(() => readlinkSync('/proc/self/ns/pid')).replace(/\D/g, ''),
    boot: told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')).trim(),
    host: encodeURIComponent(hostname()).slice(0, 100),
  };
  return current;
}

/** Empty where the system does not tell it. */
function told(ask: () => string): string {
  try {
    return ask();
  } catch {
    return '';
  }
}
