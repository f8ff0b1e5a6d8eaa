import { resolve } from 'node:path';
import { fileSystemOf } from '../../files/file-system.ts';
import { makeFolder } from '../../files/write.ts';
import { probeFileSystem } from '../doctor/file-system.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import type { StoreObserver } from '../../store/timed.ts';
import type { OpenedStore, StoreKind } from './kind.ts';
import { localSecrets, passingSecrets } from './local-secrets.ts';
import { servedHere } from './served-here.ts';

/** A folder of this machine. */
export interface FolderPlace {
  readonly kind: 'filesystem';
  /** An absolute path */
  readonly folder: string;
}

/** A store in a folder, whose URLs the server answers itself. */
export const folderKind: StoreKind<FolderPlace> = {
  form: 'a folder',
  names: (text) => !/^(?:s3:|webdavs?:|[a-z0-9+.-]+:\/\/)/i.test(text),
  takes: [],
  place: (text) => ({ kind: 'filesystem', folder: resolve(text) }),
  describe: ({ folder }) => folder,
  async open({ folder }, { probing, observe }) {
    if (!probing) await makeFolder(folder);
    const more = observe === undefined ? {} : { observe };
    return openFolder(folder, { create: !probing, keepsSecrets: !probing, ...more });
  },
};

/**
 * Opens the store in a folder, guarded like three credentials of an S3 server.
 *
 * @param options.create make the store if the folder holds none
 * @param options.keepsSecrets its URLs are signed by secrets of its own (`secrets.json`, made if it is
 *   missing), and not by some that end with this process; true unless given
 * @param options.observe hears how long the store takes
 * @throws no_such_bucket unless the folder holds a store or `create` is set; the codes of
 *   `localSecrets`
 */
export async function openFolder(
  folder: string,
  {
    create = false,
    keepsSecrets = true,
    observe,
  }: { create?: boolean; keepsSecrets?: boolean; observe?: StoreObserver } = {},
): Promise<OpenedStore> {
  const opened = await openFilesystemStore(folder, { create });
  const secrets = keepsSecrets ? await localSecrets(folder) : passingSecrets();
  return {
    ...servedHere(opened, secrets, observe),
    probe: async () => probeFileSystem(await fileSystemOf(folder)),
  };
}
