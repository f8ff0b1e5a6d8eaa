import { resolve } from 'node:path';
import { fail } from '../../protocol/errors.ts';

/** The options of `serve` and `doctor` that say where the objects are. */
export interface StoreFlags {
  readonly store?: string;
  readonly endpoint?: string;
  readonly publicEndpoint?: string;
  readonly region: string;
  readonly credentials?: string;
}

/** Where the objects are. */
export type StorePlace =
  | { readonly kind: 'filesystem'; readonly folder: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      readonly region: string;
      readonly endpoint?: string;
      readonly publicEndpoint?: string;
      readonly credentialsFile: string;
    };

/**
 * @param home whose `storeFolder` holds the objects where no option says otherwise
 * @throws usage for options that do not fit together
 */
export function storePlace(flags: StoreFlags, home: { readonly storeFolder: string }): StorePlace {
  const { store = home.storeFolder, endpoint, publicEndpoint, region, credentials } = flags;
  if (/^[a-z0-9+]+:\/\//.test(store) && !store.startsWith('s3://')) {
    throw fail('usage', '--store is a folder, or s3://BUCKET');
  }
  if (!store.startsWith('s3://')) {
    if (endpoint ?? publicEndpoint ?? credentials) {
      throw fail(
        'usage',
        '--endpoint, --public-endpoint and --credentials need --store s3://BUCKET',
      );
    }
    return { kind: 'filesystem', folder: resolve(store) };
  }
  const bucket = store.slice('s3://'.length);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw fail('usage', '--store s3://BUCKET names a bucket: 3 to 63 of a-z, 0-9, . and -');
  }
  if (credentials === undefined) {
    throw fail('usage', '--store s3://BUCKET needs --credentials FILE with its three key pairs');
  }
  for (const [name, url] of Object.entries({ endpoint, 'public-endpoint': publicEndpoint })) {
    if (url !== undefined && !(URL.canParse(url) && /^https?:/.test(url))) {
      throw fail('usage', `--${name} is a URL such as http://127.0.0.1:9000`);
    }
  }
  return {
    ...{ kind: 's3', bucket, region },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(publicEndpoint === undefined ? {} : { publicEndpoint }),
    credentialsFile: resolve(credentials),
  };
}
