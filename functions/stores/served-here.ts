import { guardStore } from '../../store/guard.ts';
import { createLocalHandler, createLocalSigner } from '../../store/local-urls.ts';
import type { ObjectStore } from '../../store/port.ts';
import { timedStore } from '../../store/timed.ts';
import type { StoreObserver } from '../../store/timed.ts';
import { forEachCredential } from './kind.ts';
import type { OpenedStore } from './kind.ts';
import type { LocalSecrets } from './local-secrets.ts';

/**
 * A store whose URLs this server answers itself, guarded like three credentials of an S3 server.
 * @param observe hears how long the store takes
 */
export function servedHere(
  opened: ObjectStore,
  secrets: LocalSecrets,
  observe: StoreObserver | undefined,
): OpenedStore {
  const store = observe === undefined ? opened : timedStore(opened, observe);
  return {
    access: (options) =>
      forEachCredential((credential) => ({
        store: guardStore(store, credential),
        signer: createLocalSigner({ ...options, credential, secret: secrets[credential] }),
      })),
    objects: (options) => createLocalHandler({ store, secrets, ...options }),
    whole: store,
    bucket: 'objects',
  };
}
