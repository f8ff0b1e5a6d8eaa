import { fail } from '../../protocol/errors.ts';
import { bucketKind } from './bucket.ts';
import type { BucketPlace } from './bucket.ts';
import { folderKind } from './folder.ts';
import type { FolderPlace } from './folder.ts';
import type { S3Settings } from '../../store/s3-settings.ts';
import type { OpenedStore, StoreFlags, StoreKind } from './kind.ts';
import { webdavKind } from './webdav.ts';
import type { WebdavPlace } from './webdav.ts';

/** Where the objects are. */
export type StorePlace = FolderPlace | BucketPlace | WebdavPlace;

/** Every kind of store, in the order in which messages name them (ARCHITECTURE.md, "Adding a store"). */
const KINDS: { readonly [Kind in StorePlace['kind']]: StoreKind<StorePlace & { kind: Kind }> } = {
  filesystem: folderKind,
  s3: bucketKind,
  webdav: webdavKind,
};

const kindOf = (place: StorePlace): StoreKind<StorePlace> =>
  KINDS[place.kind] as StoreKind<StorePlace>;

/**
 * @param home whose `storeFolder` holds the objects where no option says otherwise
 * @throws usage for options that do not fit together
 */
export function storePlace(flags: StoreFlags, home: { readonly storeFolder: string }): StorePlace {
  const { store = home.storeFolder } = flags;
  const kinds = Object.values(KINDS) as StoreKind<StorePlace>[];
  const kind = kinds.find(({ names }) => names(store));
  if (kind === undefined) {
    throw fail('usage', `--store is ${kinds.map(({ form }) => form).join(', or ')}`);
  }
  for (const other of kinds) {
    const foreign = other.takes.filter((name) => !kind.takes.includes(name));
    if (foreign.some((name) => flags[name] !== undefined && flags[name] !== false)) {
      const names = foreign.map((name) => `--${name.replace(/[A-Z]/g, '-$&').toLowerCase()}`);
      const last = names.pop()!;
      const all = names.length === 0 ? last : `${names.join(', ')} and ${last}`;
      throw fail('usage', `${all} need --store ${other.form}`);
    }
  }
  return kind.place(store, flags);
}

/** The place as a person reads it. */
export const describePlace = (place: StorePlace): string => kindOf(place).describe(place);

/**
 * Opens the store there.
 *
 * @param options see {@link StoreKind.open}; not probing unless given
 * @throws what opening the store throws
 */
export const openStore = (
  place: StorePlace,
  { probing = false, ...more }: Partial<Parameters<StoreKind<StorePlace>['open']>[1]> = {},
): Promise<OpenedStore> => kindOf(place).open(place, { probing, ...more });

/** How the settings of a store are read; undefined where it has none but ours. */
export const openSettings = async (
  place: StorePlace,
  options: { readonly ca?: string | undefined },
): Promise<S3Settings | undefined> => kindOf(place).settings?.(place, options);
