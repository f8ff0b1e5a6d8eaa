import { guardStore } from '../../store/guard.ts';
import type { AppDeps } from '../app.ts';
import { listedKeysets, storeKeysets } from '../keysets.ts';
import type { OpenedStore } from '../stores/kind.ts';

/**
 * The roles of a whole server on one store: each holds its own credential, and the guard's word
 * besides. What {@link createApp} takes, with what answers `/objects/` where the store needs it.
 *
 * @param options.baseUrl of this server, as clients reach it
 * @param options.failed hears why an object could not be read or written on `/objects/`
 * @param options.clock Unix seconds; the clock of this machine unless given
 */
export function rolesOn(
  opened: OpenedStore,
  options: {
    readonly baseUrl: string;
    readonly clock?: () => number;
    readonly failed?: (error: unknown, method: string) => void;
  },
): Required<Pick<AppDeps, 'download' | 'upload' | 'admin'>> & Pick<AppDeps, 'objects'> {
  const { baseUrl, clock: now, failed } = options;
  const dated = now === undefined ? {} : { now };
  const { download, upload, admin } = opened.access({ baseUrl, ...dated });
  const uploading = guardStore(upload.store, 'upload');
  return {
    download: {
      signer: download.signer,
      keysets: storeKeysets(guardStore(download.store, 'download')),
    },
    upload: { signer: upload.signer, store: uploading, keysets: listedKeysets(uploading) },
    admin: { signer: admin.signer, store: guardStore(admin.store, 'admin') },
    ...(opened.objects === undefined
      ? {}
      : { objects: opened.objects({ ...dated, ...(failed && { failed }) }) }),
  };
}
