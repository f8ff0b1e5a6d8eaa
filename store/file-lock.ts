import { link, open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../protocol/errors.ts';
import { discard, FILE_MODE } from './durable-file.ts';
import { errnoOf } from './errno.ts';
import { describeOwner, disown, ownerOf, ownName } from './own-name.ts';

const WAIT_MILLISECONDS = 10_000;

/** What every lock of a folder is one more name of: an empty file. */
export const ANCHOR = 'anchor';

/** The end of the queue for each lock within this process: racers here wait without polling. */
const queues = new Map<string, Promise<void>>();

/**
 * Runs `action` while no other process of this machine runs one under the same `path`. A lock of a
 * dead process counts for nothing; one of a live process is waited for. Needs no room on the disk,
 * not even an inode: whoever wants to free some needs a lock for it.
 * @param path its last part without a dot
 * @throws store_unavailable after 10 seconds
 */
export async function withFileLock<T>(path: string, action: () => Promise<T>): Promise<T> {
  const before = queues.get(path) ?? Promise.resolve();
  const result = before.then(async () => {
    const own = await acquire(path);
    try {
      return await action();
    } finally {
      await discard(own);
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

/** Makes sure of what locks are made of, as long as there is room for it. */
export async function makeAnchor(folder: string): Promise<void> {
  const anchor = await open(join(folder, ANCHOR), 'a', FILE_MODE);
  await anchor.close();
}

/**
 * Puts a name of our own beside the others', then looks who else is there: of two, the later one
 * sees the other. The first in the order of names, which is random, stays and waits for those that
 * saw nobody; the others step back.
 * @returns the path of the lock: it is released by {@link discard}
 */
async function acquire(path: string): Promise<string> {
  const [folder, label] = [dirname(path), basename(path)];
  const deadline = performance.now() + WAIT_MILLISECONDS;
  let own: string | undefined;
  try {
    for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
      own ??= await announce(folder, label, deadline);
      if (own !== undefined) {
        const name = own;
        const others = await othersAt(folder, `${label}.`, name);
        if (others.length === 0) return join(folder, name);
        if (performance.now() > deadline) throw heldTooLong(folder, others[0]!);
        if (others.some((other) => other < name)) {
          own = undefined;
          await discard(join(folder, name));
        }
      }
      await sleep(pause * (0.5 + Math.random()));
    }
  } catch (error) {
    if (own !== undefined) await discard(join(folder, own));
    throw error;
  }
}

/** Puts a name of our own at a lock; undefined if other names leave no room for it now. */
async function announce(
  folder: string,
  label: string,
  deadline: number,
): Promise<string | undefined> {
  const name = await ownName(label);
  try {
    await linkAnchor(folder, name);
    return name;
  } catch (error) {
    disown(name);
    // On a full disk there is room for the few names that fit into the folder's own block.
    const isFull = ['ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '');
    if (!isFull || performance.now() > deadline || (await readdir(folder)).length < 2) throw error;
    await othersAt(folder, '', ANCHOR);
    return undefined;
  }
}

async function linkAnchor(folder: string, name: string): Promise<void> {
  const anchor = join(folder, ANCHOR);
  try {
    await link(anchor, join(folder, name));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await makeAnchor(folder);
    await link(anchor, join(folder, name));
  }
}

/** The other names with this prefix; removes those of processes that do not live. */
async function othersAt(folder: string, prefix: string, own: string): Promise<string[]> {
  const others: string[] = [];
  for (const name of await readdir(folder)) {
    if (name === own || !name.startsWith(prefix)) continue;
    const owner = await ownerOf(name);
    if (owner === 'dead' || owner === 'rebooted') await discard(join(folder, name));
    else others.push(name);
  }
  return others;
}

function heldTooLong(folder: string, name: string): Error {
  return fail(
    'store_unavailable',
    `${describeOwner(name)} has held a lock for 10 seconds: ` +
      `if it is not running any more, remove ${join(folder, name)}`,
  );
}
