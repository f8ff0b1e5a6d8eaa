import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeId } from '../../bundle/identity.ts';
import { errnoOf, fileError, isMissing } from '../../files/errors.ts';
import { readLocalFile } from '../../files/read.ts';
import { notFinished } from '../../files/unfinished.ts';
import { makeFolder, syncFolder } from '../../files/write.ts';
import { hasCode } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES } from '../../protocol/history.ts';
import { parseKey } from '../../protocol/keys.ts';

const MAX_STATE_BYTES = 256 * 1024 * 1024;
/** What a run that was killed left: it never had the name of an object. */
const LEFTOVER = /^\.[a-z0-9.-]+\.[0-9a-f]{12}\.tmp$/;

/** A folder with `approved/`, which a web server of another user may read while it is written. */
export interface MirrorFolder {
  readonly path: string;
  /** Ascending */
  nodes(): Promise<NodeId[]>;
  /** Undefined where there is none, or no object can be so large. */
  read(node: NodeId): Promise<Uint8Array | undefined>;
  write(node: NodeId, content: Uint8Array): Promise<void>;
  remove(node: NodeId): Promise<void>;
  /** Whatever was written and removed is on disk after this. */
  settle(): Promise<void>;
  readOwn(name: string): Promise<Uint8Array | undefined>;
  writeOwn(name: string, content: Uint8Array, mode: number): Promise<void>;
  /** Removes what a run that was killed had not finished. */
  sweep(): Promise<void>;
}

/**
 * Makes the folder, if it is not there. Works on a stick with FAT, too, which has no modes.
 * @throws file_denied, disk_full, file_missing
 */
export async function createMirrorFolder(path: string): Promise<MirrorFolder> {
  const approved = join(path, 'approved');
  await makeFolder(path, 0o755);
  const named = async <T>(at: string, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      throw fileError(error, at);
    }
  };
  await named(approved, async () => {
    const isNew = (await mkdir(approved, { recursive: true })) !== undefined;
    if (isNew) await chmod(approved, 0o755).catch(ignoringModes);
  });

  async function place(folder: string, name: string, content: Uint8Array, mode: number) {
    const target = join(folder, name);
    const temporary = join(folder, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
    await named(target, async () => {
      const finished = notFinished(temporary);
      try {
        const file = await open(temporary, 'wx', 0o600);
        try {
          await file.writeFile(content);
          await file.chmod(mode).catch(ignoringModes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, target);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      } finally {
        finished();
      }
    });
  }

  async function optional(at: string, maxBytes: number): Promise<Uint8Array | undefined> {
    try {
      return await readLocalFile(at, { maxBytes });
    } catch (error) {
      if (hasCode(error, 'file_missing')) return undefined;
      throw error;
    }
  }

  return {
    path,
    nodes: async () =>
      (await named(approved, () => readdir(approved))).sort().flatMap((name) => {
        const key = parseKey(`approved/${name}`);
        return key?.prefix === 'approved' ? [key.node] : [];
      }),
    async read(node) {
      try {
        return await optional(join(approved, node), MAX_ENTRY_BYTES);
      } catch (error) {
        if (hasCode(error, 'file_malformed')) return undefined;
        throw error;
      }
    },
    write: (node, content) => place(approved, node, content, 0o644),
    remove: (node) => named(approved, () => rm(join(approved, node), { force: true })),
    settle: () => named(approved, () => syncFolder(approved)),
    readOwn: (name) => optional(join(path, name), MAX_STATE_BYTES),
    async writeOwn(name, content, mode) {
      await place(path, name, content, mode);
      await named(path, () => syncFolder(path));
    },
    async sweep() {
      for (const folder of [path, approved]) {
        for (const name of await named(folder, () => readdir(folder))) {
          if (!LEFTOVER.test(name)) continue;
          await named(folder, () => rm(join(folder, name), { force: true }));
        }
      }
    },
  };
}

/** FAT refuses a mode that is not the mount's. */
function ignoringModes(error: unknown): void {
  if (errnoOf(error) !== 'EPERM' && !isMissing(error)) throw error;
}
