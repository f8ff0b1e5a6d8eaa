import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { fileSystemOf } from '../../files/file-system.ts';
import { makeFolder } from '../../files/write.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { guardStore } from '../../store/guard.ts';
import { createLocalHandler, createLocalSigner } from '../../store/local-urls.ts';
import { timedStore } from '../../store/timed.ts';
import type { StoreObserver } from '../../store/timed.ts';
import { forEachCredential } from './kind.ts';
import type { OpenedStore, StoreKind } from './kind.ts';
import { localSecrets } from './local-secrets.ts';

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
  const store = observe === undefined ? opened : timedStore(opened, observe);
  const secrets = keepsSecrets
    ? await localSecrets(folder)
    : forEachCredential(() => Uint8Array.from(randomBytes(32)));
  return {
    access: (options) =>
      forEachCredential((credential) => ({
        store: guardStore(store, credential),
        signer: createLocalSigner({ ...options, credential, secret: secrets[credential] }),
      })),
    objects: (options) => createLocalHandler({ store, secrets, ...options }),
    whole: store,
    bucket: 'objects',
    fileSystem: await fileSystemOf(folder),
  };
}
