import { rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { later } from '../files/calls.ts';
import { errnoOf } from '../files/errors.ts';
import { linkingAnchor, withLock } from '../files/lock.ts';
import { discard } from '../files/own-file.ts';
import { describeOwner, isOfThisMachine, ownerOf, ownName } from '../files/own-name.ts';
import { fail } from '../protocol/errors.ts';

/** What the names of claims begin with, in the folder of the locks. */
const LABEL = 'machine';

/** The folders that this process has claimed. */
const claimed = new Set<string>();

/**
 * Takes a store for this machine, whose processes may share it, until this process ends. The claim of a process
 * that does not live, or of this machine before it was started again, counts for nothing; that of another machine
 * is never taken over: what it has sent may still be on its way (docs/adr/0313).
 * @param locks the folder of the store's locks
 * @returns the claim of another machine, where that has it; its path
 * @throws in_use while another process does this, for long; what the system says
 */
export async function claim(locks: string): Promise<string | undefined> {
  if (claimed.has(locks)) return undefined;
  try {
    return await withLock({ folder: locks, label: 'claiming', anchored: true }, async () => {
      for (const name of await readdir(locks)) {
        if (!name.startsWith(`${LABEL}.`)) continue;
        const path = join(locks, name);
        if (['dead', 'rebooted'].includes(ownerOf(name))) await discard(path);
        else if (!isOfThisMachine(name)) return path;
      }
      const own = join(locks, ownName(LABEL));
      await later(linkingAnchor(locks, own));
      claimed.add(locks);
      process.once('exit', () => rmSync(own, { force: true }));
      return undefined;
    });
  } catch (error) {
    // Nothing can be written from here.
    if (errnoOf(error) === 'EROFS') return undefined;
    throw error;
  }
}

/** @param path of the other machine's claim */
export const claimedElsewhere = (path: string, folder: string): Error =>
  fail(
    'in_use',
    `${describeOwner(basename(path))} uses ${folder}, which is for one machine at a time: on its file system each sees ` +
      `late what others wrote. Stop it there first, or, if that machine is off for good, remove ${path}`,
  );
