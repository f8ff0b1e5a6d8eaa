import * as fs from 'node:fs';
import type { Systemctl } from './systemctl.ts';

const ROW = /^\s*\d+\s+(\S+)\s+\S+\s+(waiting|running)/;
const REASON = / job \d+ \((\S+)\/[a-z-]+\)/;

/**
 * The units whose turn comes only once the unit in which this process runs has started. Whoever
 * waits for one of them before that waits for itself.
 */
export async function unitsBehindUs(systemctl: Systemctl): Promise<ReadonlySet<string>> {
  const us = unitOf(fs.readFileSync('/proc/self/cgroup', 'utf8'));
  if (us === undefined) return new Set();
  const { stdout } = await systemctl.ask('list-jobs', '--before', '--full', '--no-legend');
  return unitsBehind(us, stdout.toString('utf8'));
}

/** The service of which a /proc/<pid>/cgroup speaks (cgroups(7)): the innermost, in a container. */
export function unitOf(cgroups: string): string | undefined {
  return /^.*\/([^/\n]+\.service)(?:\/.*)?$/m.exec(cgroups)?.[1];
}

/**
 * The units whose jobs wait for that of `unit`, be it through those of others.
 * @param said what `systemctl list-jobs --before` says: below each job those that it waits for. It
 *   calls them `blocking` before version 256, and `waiting for` since (and in some older ones).
 */
export function unitsBehind(unit: string, said: string): ReadonlySet<string> {
  const reasons: [waiting: string, reason: string][] = [];
  let waiting: string | undefined;
  for (const line of said.split('\n')) {
    const [, of, state] = ROW.exec(line) ?? [];
    if (of !== undefined) waiting = state === 'waiting' ? of : undefined;
    const reason = REASON.exec(line)?.[1];
    if (waiting !== undefined && reason !== undefined) reasons.push([waiting, reason]);
  }
  const behind = new Set([unit]);
  for (let size = 0; size < behind.size;) {
    size = behind.size;
    for (const [of, reason] of reasons) if (behind.has(reason)) behind.add(of);
  }
  behind.delete(unit);
  return behind;
}
