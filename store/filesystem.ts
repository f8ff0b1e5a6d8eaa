import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fail } from '../protocol/errors.ts';
import type { ObjectKey } from '../protocol/keys.ts';
import { makeFolder, stageFile, sweep, syncFolder } from './durable-file.ts';
import { errnoOf } from './errno.ts';
import { withFileLock } from './file-lock.ts';
import { isMissing, requireObjects, withStoreErrors } from './filesystem-errors.ts';
import { folderOfPrefix, objectPath, parseName, storeFolders } from './filesystem-paths.ts';
import { alreadyExists, contentEtag, preconditionFailed, tooLarge } from './outcomes.ts';
import { compareKeys, pageOf } from './page.ts';
import type { ObjectHead, ObjectInfo, ObjectStore, StoredObject } from './port.ts';

/**
 * Opens the store in a folder, after removing what writers that crashed left in `staging`.
 * @param options.create make the store if the folder holds none yet
 * @throws no_such_bucket if there is none and it is not to be made
 */
export async function openFilesystemStore(
  dir: string,
  options: { create?: boolean } = {},
): Promise<ObjectStore> {
  const { objects, staging, locks } = storeFolders(dir);
  await withStoreErrors(objects, async () => {
    if (options.create) await mkdir(objects, { recursive: true, mode: 0o700 });
    await requireObjects(objects);
    for (const folder of [staging, locks]) await mkdir(folder, { recursive: true, mode: 0o700 });
    await syncFolder(dir);
    await sweep(staging, () => true);
    await sweep(locks, (name) => name.endsWith('.draft'));
  });
  return createFilesystemStore(dir);
}

/**
 * The store in a folder that {@link openFilesystemStore} has made: each object a file, durable when
 * the promise resolves, whole or absent after a crash. Several processes of one machine may use it
 * at once. The file system must have hard links.
 */
export function createFilesystemStore(dir: string): ObjectStore {
  const { objects, staging, locks } = storeFolders(dir);
  const pathOf = (key: string): string => objectPath(objects, key);
  const guarded = <T>(operation: () => Promise<T>): Promise<T> =>
    withStoreErrors(objects, operation);
  const locked = <T>(key: string, action: () => Promise<T>): Promise<T> =>
    withFileLock(join(locks, createHash('sha256').update(key).digest('hex').slice(0, 32)), action);

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
        await rm(staged, { force: true });
      }
      return { etag: contentEtag(body) };
    });
  }

  async function read(key: ObjectKey, maxBytes = Infinity): Promise<StoredObject | undefined> {
    let file;
    try {
      file = await open(pathOf(key), 'r');
    } catch (error) {
      if (!isMissing(error)) throw error;
      await requireObjects(objects);
      return undefined;
    }
    try {
      // A file never changes once it has its name: size and bytes belong together.
      const { size, mtime: modified } = await file.stat();
      if (size > maxBytes) throw tooLarge(key, maxBytes);
      const body = new Uint8Array(await file.readFile());
      return { key, body, size, etag: contentEtag(body), modified };
    } finally {
      await file.close();
    }
  }

  async function readHead(key: ObjectKey): Promise<ObjectHead | undefined> {
    const object = await read(key);
    if (object === undefined) return undefined;
    const { size, etag, modified } = object;
    return { key, size, etag, modified };
  }

  /** Without reading it: a page of a listing may be a gigabyte, and anybody may cause one. */
  async function readInfo(key: ObjectKey): Promise<ObjectInfo | undefined> {
    try {
      const { size, mtime: modified } = await stat(pathOf(key));
      return { key, size, modified };
    } catch (error) {
      if (!isMissing(error)) throw error;
      await requireObjects(objects);
      return undefined;
    }
  }

  return {
    create: (key, body) =>
      write(key, body, async (staged, path) => {
        await makeFolder(objects, dirname(path));
        try {
          await link(staged, path);
        } catch (error) {
          throw errnoOf(error) === 'EEXIST' ? alreadyExists(key) : error;
        }
        await commitFolder(path);
      }),

    replace: (key, body, etag) =>
      write(key, body, (staged, path) =>
        locked(key, async () => {
          if ((await read(key))?.etag !== etag) throw preconditionFailed(key);
          await rename(staged, path);
          await commitFolder(path);
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
          if (!(await exists(path))) return;
          await rm(path, { force: true });
          await commitFolder(path);
        });
      }),

    list: (prefix, options = {}) =>
      guarded(async () => {
        await requireObjects(objects);
        const keys: string[] = [];
        await collectKeys(folderOfPrefix(objects, prefix), { ...options, prefix }, keys);
        const page = pageOf(keys, options);
        const infos = await inBatches(page.keys, readInfo);
        return {
          objects: infos.filter((info) => info !== undefined),
          ...(page.more ? { next: page.keys.at(-1)! } : {}),
        };
      }),
  };
}

/** Once a name was given or taken away, failing to sync it leaves the outcome unknown. */
async function commitFolder(path: string): Promise<void> {
  try {
    await syncFolder(dirname(path));
  } catch (cause) {
    throw fail('store_unknown', `whether the change of ${path} is on disk is not known`, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Adds every key below `folder` that starts with the prefix and may sort after `after`. */
async function collectKeys(
  folder: { path: string; prefix: string },
  wanted: { prefix: string; after?: string },
  keys: string[],
): Promise<void> {
  const { prefix, after } = wanted;
  let entries;
  try {
    entries = await readdir(folder.path, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  for (const entry of entries) {
    const segment = parseName(entry.name, entry.isDirectory());
    if (segment === undefined) continue;
    const key = folder.prefix + segment;
    if (!entry.isDirectory()) {
      if (key.startsWith(prefix)) keys.push(key);
      continue;
    }
    const inside = `${key}/`;
    const passed =
      after !== undefined && !after.startsWith(inside) && compareKeys(after, inside) > 0;
    if (passed || !(inside.startsWith(prefix) || prefix.startsWith(inside))) continue;
    await collectKeys({ path: join(folder.path, entry.name), prefix: inside }, wanted, keys);
  }
}

/** A few at a time, so that a long listing leaves the file system to others too. */
async function inBatches<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += 16) {
    results.push(...(await Promise.all(items.slice(i, i + 16).map(map))));
  }
  return results;
}
