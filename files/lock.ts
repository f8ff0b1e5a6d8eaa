import { constants } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fail } from '../protocol/errors.ts';
import { call, later, pause } from './calls.ts';
import type { Steps } from './calls.ts';
import { errnoOf, fileError } from './errors.ts';
import { discarding } from './own-file.ts';
import { describeOwner, disown, ownerOf, ownName } from './own-name.ts';
import { notFinished } from './unfinished.ts';

const WAIT_MILLISECONDS = 10_000;

/** What each anchored lock of a folder is one more name of: an empty file. */
export const ANCHOR = 'anchor';

/** What is locked, and how. */
export interface LockPlace {
  /** Where the locks are: a path of this process */
  readonly folder: string;
  /** What the names of its locks begin with */
  readonly label: string;
  /**
   * A lock is one more name of {@link ANCHOR} and needs no room on the disk, not even an inode:
   * whoever wants to free some needs a lock for it. The file system must have hard links. Otherwise
   * it is an empty file, and nothing is left in the folder.
   */
  readonly anchored?: boolean;
  /**
   * After how long the lock of a process of which nobody here can tell whether it lives, on another
   * machine or in another container, counts for nothing: never, unless it is given.
   */
  readonly strangersMilliseconds?: number;
  /** How long the others are waited for; default 10 s */
  readonly waitMilliseconds?: number;
  /** The folder as messages name it, where `folder` is no name for people */
  readonly folderName?: string;
}

/** The end of the queue for each lock within this process: racers here wait without polling. */
const queues = new Map<string, Promise<void>>();

/**
 * Runs `act` while no other process of this machine runs one for the same place, and no other
 * `withLock` of this process. A lock of a dead process counts for nothing; one of a live process is
 * waited for, and never taken over.
 * @throws in_use once it was waited for long enough; what the system says
 */
export async function withLock<T>(place: LockPlace, act: () => Promise<T>): Promise<T> {
  const id = join(place.folder, place.label);
  const before = queues.get(id) ?? Promise.resolve();
  const result = before.then(async () => {
    const release = await later(acquiring(place));
    try {
      return await act();
    } finally {
      await later(release());
    }
  });
  const done = result.then(
    () => undefined,
    () => undefined,
  );
  queues.set(id, done);
  try {
    return await result;
  } finally {
    if (queues.get(id) === done) queues.delete(id);
  }
}

/** Far longer than anybody holds one: whoever does was killed, or his machine was. */
const STRANGERS_MILLISECONDS = 10_000;

/**
 * Runs `act` while no other process does so for the same file, which a person named, on any file
 * system. The lock is beside it, and gone afterwards. One of another machine or container that is
 * watched for ten seconds was left behind.
 * @throws in_use; file_missing, file_denied, disk_full where no lock can be made
 */
export async function withLockBeside<T>(
  path: string,
  act: () => Promise<T>,
  strangersMilliseconds = STRANGERS_MILLISECONDS,
): Promise<T> {
  const place = { folder: dirname(path), label: `${basename(path)}.lock`, strangersMilliseconds };
  try {
    return await withLock(place, act);
  } catch (error) {
    throw fileError(error, path);
  }
}

/**
 * Takes a lock, until what this gives is done or the process ends.
 *
 * Puts a name of our own beside the others', then looks who else is there: of two, the later one
 * sees the other. The first in the order of names, which is random, stays and waits for those that
 * saw nobody; the others step back, and try again. A name says whose it is, and is never used twice:
 * nobody can remove the wrong one.
 * @throws as {@link withLock}
 */
export function* acquiring(place: LockPlace): Steps<() => Steps<void>> {
  const { folder, waitMilliseconds = WAIT_MILLISECONDS } = place;
  const deadline = performance.now() + waitMilliseconds;
  const strangers: Strangers = new Map();
  let own: string | undefined;
  try {
    for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
      own ??= yield* announcing(place, deadline);
      if (own !== undefined) {
        const name = own;
        const others = yield* othersAt(place, name, strangers);
        if (others.length === 0) return holding(join(folder, name));
        const blocking = others.find((other) => !strangers.has(other));
        if (blocking !== undefined && performance.now() >= deadline) throw inUse(place, blocking);
        if (others.some((other) => other < name)) {
          own = undefined;
          yield* discarding(join(folder, name));
        }
      }
      yield* pause(wait * (0.5 + Math.random()));
    }
  } catch (error) {
    if (own !== undefined) yield* discarding(join(folder, own));
    throw error;
  }
}

function holding(path: string): () => Steps<void> {
  const finished = notFinished(path);
  return function* () {
    finished();
    yield* discarding(path);
  };
}

/** Makes sure of what locks are made of, as long as there is room for it. */
export const makeAnchor = (folder: string): Promise<void> => later(makingAnchor(folder));

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

function* makingAnchor(folder: string): Steps<void> {
  yield* makingEmpty(join(folder, ANCHOR), O_CREAT);
}

function* makingEmpty(path: string, how: number): Steps<void> {
  const fd = yield* call('open', path, O_WRONLY | O_NOFOLLOW | how, 0o600);
  yield* call('close', fd);
}

/** Puts a name of our own at a lock; undefined if other names leave no room for it now. */
function* announcing(place: LockPlace, deadline: number): Steps<string | undefined> {
  const { folder, label, anchored = false } = place;
  const name = ownName(label);
  const path = join(folder, name);
  try {
    if (anchored) yield* linkingAnchor(folder, path);
    else yield* makingEmpty(path, O_CREAT | O_EXCL);
    return name;
  } catch (error) {
    disown(name);
    // On a full disk there is room for the few names that fit into the folder's own block.
    const isFull = ['ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '');
    if (!anchored || !isFull || performance.now() > deadline) throw error;
    const names = yield* call('readdir', folder);
    if (names.length < 2) throw error;
    yield* sweeping(folder, names);
    return undefined;
  }
}

/** Gives the anchor of a folder one more name, which nobody else has or had. */
export function* linkingAnchor(folder: string, path: string): Steps<void> {
  try {
    yield* call('link', join(folder, ANCHOR), path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') {
      yield* makingAnchor(folder);
      yield* linkingAnchor(folder, path);
    } else if (errno !== 'EEXIST') {
      // Asked again, since the first answer was lost, NFS finds what it has made.
      throw error;
    }
  }
}

/** When each lock of a stranger was first seen, where they count for nothing some time. */
type Strangers = Map<string, number>;

/** The names of the others that count; removes those that do not. */
function* othersAt(place: LockPlace, own: string, strangers: Strangers): Steps<string[]> {
  const { folder, label, strangersMilliseconds = Infinity } = place;
  const names = (yield* call('readdir', folder)).filter(
    (name) => name.startsWith(`${label}.`) && name !== own,
  );
  const left: string[] = [];
  for (const name of yield* sweeping(folder, names)) {
    if (strangersMilliseconds < Infinity && ownerOf(name) === 'unknown') {
      const since = strangers.get(name) ?? performance.now();
      strangers.set(name, since);
      if (performance.now() - since >= strangersMilliseconds) {
        yield* discarding(join(folder, name));
        continue;
      }
    }
    left.push(name);
  }
  return left;
}

/** Removes the names of processes that do not live. @returns the others */
function* sweeping(folder: string, names: readonly string[]): Steps<string[]> {
  const left: string[] = [];
  for (const name of names) {
    if (['dead', 'rebooted'].includes(ownerOf(name))) yield* discarding(join(folder, name));
    else left.push(name);
  }
  return left;
}

function inUse({ folder, folderName = folder }: LockPlace, name: string): Error {
  return fail(
    'in_use',
    `${describeOwner(name)} is at work in ${folderName}: try again later; ` +
      `if it is not running any more, remove ${join(folderName, name)}`,
  );
}
