import type { Credential } from '../../protocol/permissions.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { guardStore } from '../../store/guard.ts';
import { createLocalHandler, createLocalSigner } from '../../store/local-urls.ts';
import type { ObjectStore, UrlSigner } from '../../store/port.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import type { S3Options } from '../../store/s3-options.ts';
import type { AppDeps } from '../app.ts';
import { listedKeysets, storeKeysets } from '../keysets.ts';
import { localSecrets } from './local-secrets.ts';

/** A bucket, and for each part of the server the keys that it works with. */
export interface S3Place extends Omit<S3Options, 'credentials' | 'now'> {
  readonly credentials: Readonly<Record<Credential, S3Options['credentials']>>;
}

/** A store that was opened, as the app's three roles see it. */
export interface Backend {
  /** @param baseUrl of this server, as clients reach it */
  roles(baseUrl: string): Required<Pick<AppDeps, 'download' | 'upload' | 'admin'>>;
  /** What answers `/objects/`, where the store has no server of its own. */
  readonly objects?: (request: Request) => Promise<Response>;
}

/**
 * The store in a folder, guarded like three credentials of an S3 server, with secrets of its own
 * for its URLs.
 *
 * @throws no_such_bucket unless the folder holds a store or `create` is set; the codes of
 *   `localSecrets`
 */
export async function folderBackend(
  dataDir: string,
  options: { create: boolean; clock: () => number },
): Promise<Backend> {
  const store = await openFilesystemStore(dataDir, { create: options.create });
  const secrets = await localSecrets(dataDir);
  const now = options.clock;
  return {
    roles: (baseUrl) =>
      rolesOf((credential) => ({
        store: guardStore(store, credential),
        signer: createLocalSigner({ baseUrl, credential, secret: secrets[credential], now }),
      })),
    objects: createLocalHandler({ store, secrets, now }),
  };
}

/** A bucket: each part of the server holds its own credential, and the guard's word besides. */
export async function s3Backend({ credentials, ...place }: S3Place): Promise<Backend> {
  // Only here: a server on a folder starts without loading the SDK.
  const { createS3Store } = await import('../../store/s3.ts');
  const roles = rolesOf((credential) => {
    const options = { ...place, credentials: credentials[credential] };
    // Not the SDK's signer: a boot is little else than its URL, and ours takes a fraction of the time.
    return {
      store: guardStore(createS3Store(options), credential),
      signer: createS3Signer(options),
    };
  });
  return { roles: () => roles };
}

function rolesOf(
  open: (credential: Credential) => { store: ObjectStore; signer: UrlSigner },
): ReturnType<Backend['roles']> {
  const download = open('download');
  const upload = open('upload');
  return {
    download: { signer: download.signer, keysets: storeKeysets(download.store) },
    upload: { ...upload, keysets: listedKeysets(upload.store) },
    admin: open('admin'),
  };
}
