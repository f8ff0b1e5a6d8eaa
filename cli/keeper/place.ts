import { lstat, mkdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { sha256 } from '#platform';
import { toHex } from '../../bundle/index.ts';
import { errnoOf, fileError, isMissing } from '../../files/errors.ts';
import { fail } from '../../protocol/errors.ts';
import type { Site } from '../../protocol/site.ts';
import type { Home } from '../home.ts';

/** Where a key that is unlocked is asked. */
export interface Place {
  /** 0700, of this user */
  readonly folder: string;
  /** The socket in it, 0600; one for each key and site */
  readonly path: string;
}

/** What a system takes as the path of a socket, with the zero behind it: macOS has the least room. */
const MAX_PATH_BYTES = 103;

/**
 * `$XDG_RUNTIME_DIR/coatcheck`, or `unlocked` beside the key. Looks at nothing but the former.
 * @param signKey of the administrator, 32 bytes
 * @throws usage for a path that is too long for a socket
 */
export async function placeOf(
  home: Home,
  site: Pick<Site, 'id'>,
  signKey: Uint8Array,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Place> {
  const { XDG_RUNTIME_DIR: runtime = '' } = env;
  const isTheirs = isAbsolute(runtime) && (await isPrivate(runtime));
  const folder = isTheirs ? join(runtime, 'coatcheck') : join(home.folder, 'unlocked');
  const path = join(folder, `${toHex(sha256(site.id, signKey)).slice(0, 16)}.sock`);
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw fail(
      'usage',
      `${path} is too long for a socket: name a private folder in XDG_RUNTIME_DIR, or move --home`,
    );
  }
  return { folder, path };
}

/** Makes the folder, unless it is there. @throws file_unsafe if others reach it, disk_full, file_denied */
export async function makePlace({ folder }: Place): Promise<void> {
  try {
    // Not with those above it: those are there, and on a full disk Node says then that they are not.
    await mkdir(folder, 0o700);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw fileError(error, folder);
  }
  if (!(await isPrivate(folder))) throw notPrivate(folder);
}

/** Whether it is there. @throws file_unsafe if others reach it */
export async function hasPlace({ folder }: Place): Promise<boolean> {
  const is = await isPrivate(folder);
  if (is === false) throw notPrivate(folder);
  return is === true;
}

const notPrivate = (folder: string): Error =>
  fail('file_unsafe', `${folder} is not a folder of this user alone: run chmod 700 ${folder}`);

/** Whether a path is a folder that only this user reaches; undefined where there is nothing. */
async function isPrivate(path: string): Promise<boolean | undefined> {
  try {
    const stat = await lstat(path);
    return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(error, path);
  }
}
