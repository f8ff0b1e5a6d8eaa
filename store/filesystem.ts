import { link, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { later } from '../files/calls.ts';
import { errnoOf, FileFault, isMissing } from '../files/errors.ts';
import { fileSystemOf, isShared } from '../files/file-system.ts';
import { withLock } from '../files/lock.ts';
import { discard, stageFile } from '../files/own-file.ts';
import { reading } from '../files/read.ts';
import { fail } from '../protocol/errors.ts';
import type { ObjectKey } from '../protocol/keys.ts';
import { inBatches } from './batches.ts';
import { claim, claimedElsewhere } from './claim.ts';
import { requireObjects, whatFailed, withStoreErrors } from './filesystem-errors.ts';
import { folderOfPrefix, objectPath, parseName, storeFolders } from './filesystem-paths.ts';
import { makeStore, recover } from './filesystem-start.ts';
import { makeFolderBelow } from './folders.ts';
import { alreadyExists, contentEtag, preconditionFailed, tooLarge } from './outcomes.ts';
import { compareKeys, mayHold, PAGE_SIZE, pageOf } from './page.ts';
import type { ObjectHead, ObjectInfo, ObjectStore, StoredObject } from './port.ts';
import { demandRoomIn } from './room.ts';
import { createUnsynced } from './unsynced.ts';

/**
 * Opens the store in a folder. What processes left behind that were killed is made good: their
 * changes are synced, their files removed. On a file system that other machines may have mounted it is this machine's
 * until this process ends.
 * @param options.create make the store if the folder holds none yet
 * @throws no_such_bucket if there is none and it is not to be made; in_use while it is another machine's
 */
export async function openFilesystemStore(
  dir: string,
  options: { create?: boolean } = {},
): Promise<ObjectStore> {
  const folders = storeFolders(dir);
  let other: string | undefined;
  await withStoreErrors(folders.objects, async () => {
    await makeStore(dir, folders, options.create ?? false);
    const fileSystem = await fileSystemOf(dir);
    if (fileSystem !== undefined && isShared(fileSystem)) other = await claim(folders.locks);
    if (other === undefined) await recover(folders);
  });
  if (other !== undefined) throw claimedElsewhere(other, dir);
  return createFilesystemStore(dir);
}

/**
 * The store in a folder that {@link openFilesystemStore} has made: each object a file, durable when
 * the promise resolves, whole or absent after a crash. Several processes of one machine may use it
 * at once. The file system must have hard links.
 */
export function createFilesystemStore(dir: string): ObjectStore {
  const { objects, staging, locks } = storeFolders(dir);
  const unsynced = createUnsynced();
  const pathOf = (key: string): string => objectPath(objects, key);
  const guarded = <T>(operation: () => Promise<T>): Promise<T> =>
    withStoreErrors(objects, operation);
  const locked = <T>(key: string, action: () => Promise<T>): Promise<T> =>
    withLock({ folder: locks, label: labelOf(key), anchored: true }, action);

  /** Stages `body`, lets `commit` give it its name, and leaves nothing in `staging` either way. */
  async function write(
    key: ObjectKey,
    body: Uint8Array,
    commit: (staged: string, path: string) => Promise<void>,
  ): Promise<{ etag: string }> {
    return guarded(async () => {
      const path = pathOf(key);
      const staged = await stageFile(staging, body);
      try {
        await commit(staged, path);
      } finally {
        await discard(staged);
      }
      return { etag: contentEtag(body) };
    });
  }

  /** Gives or takes away the name at `path` by `change`, on disk when this returns. */
  async function commit<T>(path: string, change: () => Promise<T>): Promise<T> {
    const result = await unsynced.change(path, change);
    try {
      await unsynced.settle(path);
    } catch (cause) {
      throw fail(
        'store_unknown',
        `whether a change in ${objects} is on disk is not known (${whatFailed(cause)}): look again`,
        { cause },
      );
    }
    return result;
  }

  /** Runs `create` with the folder of `path` made; again if somebody removes it in between. */
  async function inNewFolder<T>(path: string, create: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      await makeFolderBelow(objects, dirname(path));
      try {
        return await create();
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' || tries === MAX_TRIES) throw error;
      }
    }
  }

  /**
   * A folder is one node's, and listings would read those of all that ever were. After a power cut
   * it may be back: an empty folder is none.
   */
  async function removeIfEmpty(folder: string): Promise<void> {
    if (dirname(folder) !== objects) await rmdir(folder).catch(() => undefined);
  }

  async function read(key: ObjectKey, maxBytes = Infinity): Promise<StoredObject | undefined> {
    const path = pathOf(key);
    let file;
    try {
      // A file never changes once it has its name: size and bytes belong together.
      file = await later(reading(path, { maxBytes, settled: true }));
    } catch (error) {
      if (error instanceof FileFault && error.isTooLarge) throw tooLarge(key, maxBytes);
      if (!isMissing(error)) throw error;
      await requireObjects(objects);
    }
    await unsynced.settle(path);
    if (file === undefined) return undefined;
    const { content: body, stat } = file;
    return { key, body, size: body.length, etag: contentEtag(body), modified: stat.mtime };
  }

  async function readHead(key: ObjectKey): Promise<ObjectHead | undefined> {
    const object = await read(key);
    if (object === undefined) return undefined;
    const { size, etag, modified } = object;
    return { key, size, etag, modified };
  }

  /** Under the lock of the key. */
  async function renameOver(
    staged: string,
    path: string,
    key: ObjectKey,
    body: Uint8Array,
  ): Promise<void> {
    try {
      await rename(staged, path);
    } catch (error) {
      // Asked again, since the first answer was lost, NFS finds nothing there any more: the bytes tell.
      if (errnoOf(error) !== 'ENOENT' || (await read(key))?.etag !== contentEtag(body)) throw error;
    }
  }

  /** Without reading it: a page of a listing may be a gigabyte, and anybody may cause one. */
  async function readInfo(key: ObjectKey): Promise<ObjectInfo | undefined> {
    try {
      const { size, mtime: modified, mtimeNs, ino } = await stat(pathOf(key), { bigint: true });
      // A file never changes once it has its name: another content is another file.
      const version = `${ino.toString(36)}-${mtimeNs.toString(36)}`;
      return { key, size: Number(size), modified, version };
    } catch (error) {
      if (!isMissing(error)) throw error;
      await requireObjects(objects);
      return undefined;
    }
  }

  return {
    create: (key, body) =>
      write(key, body, async (staged, path) => {
        // Also that it is there is only said when it will stay: another process may have made it.
        const isNew = await inNewFolder(path, () => commit(path, () => linkNew(staged, path)));
        if (!isNew) throw alreadyExists(key);
      }),

    replace: (key, body, etag) =>
      write(key, body, (staged, path) =>
        locked(key, async () => {
          if ((await read(key))?.etag !== etag) throw preconditionFailed(key);
          await commit(path, () => renameOver(staged, path, key, body));
        }),
      ),

    get: (key, { maxBytes }) => guarded(() => read(key, maxBytes)),

    head: (key) => guarded(() => readHead(key)),

    delete: (key) =>
      guarded(async () => {
        await requireObjects(objects);
        // Under the lock, or a replacement that has just compared would bring the object back.
        await locked(key, async () => {
          const path = pathOf(key);
          try {
            await commit(path, () => unlink(path));
          } catch (error) {
            if (!isMissing(error)) throw error;
            await requireObjects(objects);
          }
          await removeIfEmpty(dirname(path));
        });
      }),

    demandRoom: (bytes) => guarded(() => demandRoomIn(objects, bytes)),

    list: (prefix, options = {}) =>
      guarded(async () => {
        const folder = folderOfPrefix(objects, prefix);
        const keys: string[] = [];
        const enough = Math.min(options.limit ?? PAGE_SIZE, PAGE_SIZE) + 1;
        await collectKeys(folder, { ...options, prefix, enough }, keys);
        // Afterwards: a disk that is gone meanwhile has a listing that looks complete.
        await requireObjects(objects);
        await unsynced.settleBelow(folder.path);
        const page = pageOf(keys, options);
        const infos = await inBatches(page.keys, readInfo);
        return {
          objects: infos.filter((info) => info !== undefined),
          ...(page.more ? { next: page.keys.at(-1)! } : {}),
        };
      }),
  };
}

const labelOf = (key: string): string =>
  createHash('sha256').update(key).digest('hex').slice(0, 32);

/** How often in a row a folder may be removed before a file is in it. */
const MAX_TRIES = 20;

/** False if there is a file already. */
async function linkNew(file: string, path: string): Promise<boolean> {
  try {
    await link(file, path);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    // Asked again, since the first answer was lost, NFS finds what it has made: the inode tells.
    return isSameFile(file, path);
  }
}

async function isSameFile(file: string, path: string): Promise<boolean> {
  try {
    const [one, other] = await Promise.all([file, path].map((of) => stat(of, { bigint: true })));
    return one!.ino === other!.ino && one!.dev === other!.dev;
  } catch (error) {
    // It has been deleted since.
    if (isMissing(error)) return false;
    throw error;
  }
}

/**
 * Adds the keys below `folder` that start with the prefix and sort after `after`, in their order, until
 * there are `enough`: a page of a long listing reads no folder that comes later.
 */
async function collectKeys(
  folder: { path: string; prefix: string },
  wanted: { prefix: string; after?: string; enough: number },
  keys: string[],
): Promise<void> {
  let entries;
  try {
    entries = await readdir(folder.path, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  const found = entries.flatMap((entry) => {
    const isFolder = entry.isDirectory();
    const segment = parseName(entry.name, isFolder);
    if (segment === undefined) return [];
    // A folder sorts as what is in it.
    const key = folder.prefix + segment + (isFolder ? '/' : '');
    return mayHold(key, isFolder, wanted) ? [{ key, name: entry.name, isFolder }] : [];
  });
  for (const { key, name, isFolder } of found.sort((a, b) => compareKeys(a.key, b.key))) {
    if (keys.length >= wanted.enough) return;
    if (!isFolder) keys.push(key);
    else await collectKeys({ path: join(folder.path, name), prefix: key }, wanted, keys);
  }
}
