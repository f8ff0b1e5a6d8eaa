import { randomUUID } from 'node:crypto';
import { link, readFile, readlink, rm, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../protocol/errors.ts';
import { errnoOf } from './errno.ts';

/** Who holds a lock. `boot` and `pidNamespace` are empty where the system does not tell them. */
interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  readonly boot: string;
  readonly pidNamespace: string;
}

const WAIT_MILLISECONDS = 10_000;

/** Tokens of the locks that this process holds or is asking for. */
const ours = new Set<string>();

/** The end of the queue for each lock within this process: racers here wait without polling. */
const queues = new Map<string, Promise<void>>();

/**
 * Runs `action` while no other process of this machine runs one under the same `path`. The lock is
 * a file made by link(2). One that a dead process left behind is broken; one of a live process is
 * waited for.
 * @throws store_unavailable after 10 seconds
 */
export async function withFileLock<T>(path: string, action: () => Promise<T>): Promise<T> {
  const before = queues.get(path) ?? Promise.resolve();
  const result = before.then(async () => {
    const release = await acquire(path);
    try {
      return await action();
    } finally {
      await release();
    }
  });
  const done = result.then(
    () => undefined,
    () => undefined,
  );
  queues.set(path, done);
  try {
    return await result;
  } finally {
    if (queues.get(path) === done) queues.delete(path);
  }
}

async function acquire(path: string): Promise<() => Promise<void>> {
  const me: Holder = { token: randomUUID(), pid: process.pid, ...(await thisMachine()) };
  // Linked only when complete, so a lock file never shows half a holder while the machine runs.
  const draft = `${path}.${me.token}.draft`;
  const deadline = Date.now() + WAIT_MILLISECONDS;
  ours.add(me.token);
  try {
    await writeFile(draft, JSON.stringify(me), { flag: 'wx', mode: 0o600 });
    for (let delay = 1; ; delay = Math.min(delay * 2, 50)) {
      if (await tryLink(draft, path)) {
        return async () => {
          // Were the unlink to fail, the token is already a dead one, and the lock can be broken.
          ours.delete(me.token);
          await rm(path, { force: true });
        };
      }
      const holder = await readHolder(path);
      if (holder !== undefined && isDead(holder, me)) await breakLock(path, holder);
      else if (Date.now() > deadline) throw heldTooLong(path, holder);
      else await sleep(delay * (0.5 + Math.random()));
    }
  } catch (error) {
    ours.delete(me.token);
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Removes a dead holder's lock. Whoever removes it holds the lock *on that token* and has looked
 * again, so a second breaker that comes late cannot remove the lock of the next holder.
 */
async function breakLock(path: string, dead: Holder): Promise<void> {
  const release = await acquire(`${path}.${dead.token}`);
  try {
    if ((await readHolder(path))?.token === dead.token) await unlink(path);
  } finally {
    await release();
  }
}

async function tryLink(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined if the lock is free by now. */
async function readHolder(path: string): Promise<Holder | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as Holder;
  } catch {
    // Only a power cut leaves a lock without its text: nobody can hold it.
    return { token: 'torn', pid: 0, host: '', boot: '', pidNamespace: '' };
  }
}

/** True only if the holder cannot be running: a lock is never taken from a live process. */
function isDead(holder: Holder, me: Holder): boolean {
  if (holder.token === 'torn') return true;
  if (holder.host !== me.host) return false;
  if (holder.boot !== me.boot) return true;
  if (holder.pidNamespace !== me.pidNamespace) return false;
  if (holder.pid === me.pid) return !ours.has(holder.token);
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return errnoOf(error) === 'ESRCH';
  }
}

function heldTooLong(path: string, holder: Holder | undefined): Error {
  const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
  return fail(
    'store_unavailable',
    `${who} has held ${path} for 10 seconds; if it is not running any more, remove that file`,
  );
}

type Machine = Pick<Holder, 'host' | 'boot' | 'pidNamespace'>;
let machine: Promise<Machine> | undefined;

/** What makes process numbers comparable. Linux tells boot and namespace; elsewhere they are empty. */
function thisMachine(): Promise<Machine> {
  machine ??= Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ]).then(([boot, pidNamespace]) => ({ host: hostname(), boot: boot.trim(), pidNamespace }));
  return machine;
}
