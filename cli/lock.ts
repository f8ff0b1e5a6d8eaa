import { randomBytes } from 'node:crypto';
import { open, readdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError } from './files.ts';
import { onInterrupt } from './interrupt.ts';

/** Far longer than anybody holds one: whoever does was killed, or his machine was. */
const STALE_MILLISECONDS = 10_000;

/**
 * Runs `act` while no other command does so for the same file, on any system and file system.
 *
 * Each puts an empty file of a random name beside it, then looks who else has: of two, the later one
 * sees the other. The first in the order of names stays and waits, the others step back and try
 * again. One that is watched for ten seconds was left behind, and is removed.
 */
export async function withLock<T>(
  path: string,
  act: () => Promise<T>,
  staleMilliseconds = STALE_MILLISECONDS,
): Promise<T> {
  const watched = new Map<string, number>();
  for (;;) {
    const own = `${path}.${randomBytes(6).toString('hex')}.lock`;
    const forget = onInterrupt(own);
    try {
      await announce(own);
      for (;;) {
        const others = await othersAt(path, own);
        if (others.length === 0) return await act();
        for (const other of others) await removeStale(other, watched, staleMilliseconds);
        if (others.some((other) => other < own)) break;
        await sleep(5);
      }
    } finally {
      await unlink(own).catch(() => undefined);
      forget();
    }
    await sleep(Math.random() * 50);
  }
}

async function announce(own: string): Promise<void> {
  try {
    await (await open(own, 'wx', 0o600)).close();
  } catch (error) {
    throw fileError(error, own);
  }
}

async function othersAt(path: string, own: string): Promise<string[]> {
  const folder = dirname(path);
  const start = `${basename(path)}.`;
  const names = (await readdir(folder)).filter(
    (name) => name.startsWith(start) && name.endsWith('.lock'),
  );
  return names.map((name) => join(folder, name)).filter((other) => other !== own);
}

async function removeStale(
  other: string,
  watched: Map<string, number>,
  staleMilliseconds: number,
): Promise<void> {
  const now = performance.now();
  const since = watched.get(other);
  if (since === undefined) watched.set(other, now);
  else if (now - since > staleMilliseconds) await unlink(other).catch(() => undefined);
}
