import { makeFolder } from '../files/write.ts';
import { openFolder } from '../functions/stores/folder.ts';
import type { OpenedStore } from '../functions/stores/kind.ts';
import { openStore } from '../functions/stores/kinds.ts';
import type { StorePlace } from '../functions/stores/kinds.ts';
import type { Site } from '../protocol/site.ts';

/**
 * A store for who copies it. A folder without the secrets of a server: those are another's.
 * @param options.create makes a folder's store where there is none
 * @throws as the store's own `open`
 */
export async function openWhole(
  place: StorePlace,
  { ca }: Site,
  { create = false } = {},
): Promise<OpenedStore> {
  if (place.kind === 'filesystem') {
    if (create) await makeFolder(place.folder);
    return openFolder(place.folder, { create, keepsSecrets: false });
  }
  return openStore(place, { ca });
}
