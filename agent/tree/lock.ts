import * as fs from 'node:fs';
import { fail } from '../../protocol/errors.ts';
import { listIn, removeIn } from './files.ts';
import { at, below } from './folder.ts';
import type { Folder } from './folder.ts';
import { naming } from './system-error.ts';

/** `.lock-<boot>-<pid>-<start>`: the process, in its name, so that no lock is ever half-written. */
const LOCK = /^\.lock-[0-9a-f]*-([0-9]+)-[0-9]+$/;
const WAIT_SECONDS = 10;

/**
 * Runs `act` while no other process does so on the same folder; waits for it, for ten seconds. The
 * lock of a process that was killed counts for nothing.
 *
 * Each process says that it is there, then looks who else is: of two, the later one sees the other.
 * Where both see each other both step back, and try again after a random pause. Nobody ever takes a
 * lock over, so nobody can take over the wrong one. Node has no `flock`.
 *
 * @throws in_use
 */
export function withLock<T>(folder: Folder, act: () => T): T {
  const own = lockOf('self')!;
  const end = performance.now() + WAIT_SECONDS * 1000;
  try {
    for (;;) {
      announce(folder, own);
      if (!isContended(folder, own)) return act();
      removeIn(folder, own);
      if (performance.now() > end) {
        throw fail('in_use', `another coatcheck-agent works in ${folder.path}: try again later`);
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10 + Math.random() * 90);
    }
  } finally {
    removeIn(folder, own);
  }
}

function announce(folder: Folder, own: string): void {
  const { O_CREAT, O_NOFOLLOW, O_WRONLY } = fs.constants;
  const flags = O_WRONLY | O_CREAT | O_NOFOLLOW;
  fs.closeSync(naming(below(folder, own), () => fs.openSync(at(folder, own), flags, 0o600)));
}

/** Whether a process that lives has a lock here; clears up behind those that do not. */
function isContended(folder: Folder, own: string): boolean {
  let contended = false;
  for (const name of listIn(folder)) {
    const pid = LOCK.exec(name)?.[1];
    if (pid === undefined || name === own) continue;
    if (lockOf(pid) === name) contended = true;
    else removeIn(folder, name);
  }
  return contended;
}

/**
 * The name of a process's lock: with when it started (clock ticks since the system did) and which
 * start of the system that was, since numbers of processes are used again. Undefined if it is dead.
 */
function lockOf(pid: string): string | undefined {
  let stat: string;
  try {
    stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // proc(5): pid, (name), state, and 18 more before the start time; the name may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
  return `.lock-${boot}-${Number.parseInt(stat)}-${fields[19]!}`;
}
