import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../local-minio/server-process.ts';
import { objectPath, storeFolders } from '../../store/filesystem-paths.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { contentEtag } from '../../store/outcomes.ts';
import type { ObjectStore } from '../../store/port.ts';
import { launch } from './launch.ts';
import { startCoatcheck } from './servers/coatcheck.ts';
import type { Coatcheck } from './servers/coatcheck.ts';
import { startMinioServer } from './servers/minio.ts';

/** A store to be filled, and a server on it. */
export interface Place {
  readonly store: Pick<ObjectStore, 'create'>;
  /** Of the store's own processes. */
  readonly pids: readonly number[];
  /** On what the store holds by now. */
  readonly serve: () => Promise<Coatcheck>;
  readonly stop: () => Promise<void>;
}

/** @param options.folder exists; @param options.commands the folder of the built commands */
export async function folderPlace(options: { folder: string; commands: string }): Promise<Place> {
  const home = join(options.folder, 'folder');
  return {
    store: await openFilesystemStore(join(home, 'store'), { create: true }),
    pids: [],
    serve: () => startCoatcheck(home, options),
    stop: () => Promise.resolve(),
  };
}

/** A store in the memory of its server, which begins with what is in a folder. */
export async function memoryPlace(options: { folder: string }): Promise<Place> {
  const source = join(options.folder, 'memory');
  await openFilesystemStore(source, { create: true });
  const { objects } = storeFolders(source);
  const program = fileURLToPath(new URL('./servers/memory-server.ts', import.meta.url));
  const command = [process.execPath, '--import', 'tsx', program, source] as const;
  return {
    store: {
      // Not by the store in the folder: syncing each file would take a minute, for nothing.
      async create(key, body) {
        const path = objectPath(objects, key);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, body);
        return { etag: contentEtag(body) };
      },
    },
    pids: [],
    serve: async () => {
      const port = await freePort();
      const log = join(options.folder, 'memory.log');
      const server = await launch([...command, String(port)], { port, log });
      return { ...server, url: `http://127.0.0.1:${port}` };
    },
    stop: () => Promise.resolve(),
  };
}

export async function minioPlace(options: { folder: string; commands: string }): Promise<Place> {
  const { folder, commands } = options;
  const { pid, store, stop, storeArguments } = await startMinioServer(folder);
  return {
    ...{ store, pids: [pid], stop },
    serve: () => startCoatcheck(join(folder, 'on-minio'), { commands, store: storeArguments }),
  };
}
