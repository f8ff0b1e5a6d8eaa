import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';

/** What the schedule of a site sends, in place of a request (infra/waiting.ts). */
export function isCount(event: unknown): boolean {
  return (event as { coatcheck?: unknown } | null)?.coatcheck === 'count';
}

/**
 * How many proposals wait in the whole site, and for how long the oldest does; what was decided a moment ago
 * is counted until it is taken away.
 * @param now Unix time, seconds
 */
export async function countWaiting(
  store: Pick<ObjectStore, 'list'>,
  now: number,
): Promise<{ waiting: number; oldestSeconds: number }> {
  let waiting = 0;
  let oldest = now;
  for await (const { modified } of listAll(store, 'pending/')) {
    waiting++;
    oldest = Math.min(oldest, Math.floor(modified.getTime() / 1000));
  }
  return { waiting, oldestSeconds: now - oldest };
}
