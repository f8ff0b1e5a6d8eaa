import { resolve } from 'node:path';
import { credentialProviders, readCredentials, threePairs } from './credentials.ts';
import { fail } from '../../protocol/errors.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { PERMISSIONS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import type { ObjectStore } from '../../store/port.ts';
import type { S3Options } from '../../store/s3-options.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import { timedStore } from '../../store/timed.ts';
import type { StoreObserver } from '../../store/timed.ts';
import { forEachCredential } from './kind.ts';
import type { OpenedStore, StoreKind } from './kind.ts';

/** A bucket of AWS, or of another server of S3 (`endpoint`). */
export interface BucketPlace extends Omit<S3Options, 'credentials' | 'now' | 'ca'> {
  readonly kind: 's3';
  /** The file of `--credentials`; an absolute path */
  readonly credentialsFile: string;
}

/** A bucket, and for each part of the server the keys that it works with. */
export interface BucketOptions extends Omit<S3Options, 'credentials' | 'now'> {
  readonly credentials: Readonly<Record<Credential, S3Options['credentials']>>;
  /** Hears how long the store takes. */
  readonly observe?: StoreObserver;
}

const PREFIX = 's3://';

/** What an endpoint may be: an address alone, to which the bucket's name is added. */
function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return (
    /^https?:$/.test(protocol) &&
    `${username}${password}${search}${hash}` === '' &&
    !/[?#]/.test(text)
  );
}

/** A bucket on a server of S3, which clients reach themselves. */
export const bucketKind: StoreKind<BucketPlace> = {
  form: 's3://BUCKET',
  names: (text) => /^s3:/i.test(text),
  takes: ['endpoint', 'publicEndpoint', 'dualStack', 'credentials'],
  place(text, { endpoint, publicEndpoint, region, dualStack = false, credentials }) {
    const bucket = text.slice(PREFIX.length);
    const isPlace = text.slice(0, PREFIX.length).toLowerCase() === PREFIX;
    if (!isPlace || !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
      throw fail('usage', '--store s3://BUCKET names a bucket: 3 to 63 of a-z, 0-9, . and -');
    }
    if (credentials === undefined) {
      throw fail('usage', '--store s3://BUCKET needs --credentials FILE with its three key pairs');
    }
    for (const [name, url] of Object.entries({ endpoint, 'public-endpoint': publicEndpoint })) {
      if (url !== undefined && !isEndpoint(url)) {
        throw fail(
          'usage',
          `--${name} is a URL such as http://127.0.0.1:9000, without a query or a password`,
        );
      }
    }
    if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(region)) {
      throw fail('usage', '--region is a name such as eu-central-1');
    }
    const isAws = endpoint === undefined && publicEndpoint === undefined;
    if (dualStack && !isAws) {
      throw fail('usage', '--dual-stack is for the S3 of AWS: an endpoint is where its name leads');
    }
    return {
      ...{ kind: 's3', bucket, region },
      ...(dualStack && { dualStack }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(publicEndpoint === undefined ? {} : { publicEndpoint }),
      credentialsFile: resolve(credentials),
    };
  },
  describe: ({ bucket }) => `${PREFIX}${bucket}`,
  async open({ kind, credentialsFile, ...place }, { ca, observe }) {
    await readCredentials(credentialsFile);
    const credentials = credentialProviders(credentialsFile);
    const more = { ...(ca !== undefined && { ca }), ...(observe !== undefined && { observe }) };
    return openBucket({ ...place, ...more, credentials });
  },
  async settings({ kind, credentialsFile, ...place }, { ca }) {
    const { admin: credentials } = credentialProviders(credentialsFile);
    const { createS3Settings } = await import('../../store/s3-settings.ts');
    return createS3Settings({ ...place, ...(ca !== undefined && { ca }), credentials });
  },
};

/**
 * Opens a bucket. Asks nothing of the server yet.
 * @throws weak_secret for one key pair of two parts, as {@link threePairs}
 */
export async function openBucket({
  credentials: given,
  observe,
  ...place
}: BucketOptions): Promise<OpenedStore> {
  const credentials = threePairs(given);
  // Only here: a server on a folder starts without loading the SDK.
  const { createS3Store } = await import('../../store/s3.ts');
  const stores = forEachCredential((name) => {
    const store = createS3Store({ ...place, credentials: credentials[name] });
    return observe === undefined ? store : timedStore(store, observe);
  });
  return {
    // Not the SDK's signer: a boot is little else than its URL, and ours takes a fraction of the time.
    access: ({ now }) =>
      forEachCredential((name) => ({
        store: stores[name],
        signer: createS3Signer({
          ...{ ...place, credentials: credentials[name] },
          ...(now === undefined ? {} : { now }),
        }),
      })),
    whole: wholeStore(stores),
    bucket: place.bucket,
  };
}

/** What of the bucket any of the credentials may do (`protocol/permissions.ts`): the admin's, and the uploader's puts. */
function wholeStore({ admin, upload }: Readonly<Record<Credential, ObjectStore>>): ObjectStore {
  const writer = (key: ObjectKey): ObjectStore =>
    PERMISSIONS.upload.put.some((prefix) => key.startsWith(`${prefix}/`)) ? upload : admin;
  return {
    ...admin,
    create: (key, body) => writer(key).create(key, body),
    replace: (key, body, etag) => writer(key).replace(key, body, etag),
  };
}
