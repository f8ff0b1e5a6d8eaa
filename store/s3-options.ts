import { CoatcheckError } from '../bundle/errors.ts';
import { fail } from '../protocol/errors.ts';

/** Keys of an S3 account or session. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of a session (STS): sent along as `X-Amz-Security-Token`. */
  readonly sessionToken?: string;
  /** When a session ends; absent for keys that last. */
  readonly expiration?: Date;
}

/** Asked anew for every URL and, by the SDK, before `expiration`: it should cache. */
export type S3CredentialsProvider = () => Promise<S3Credentials>;

/** A bucket, and how it is reached. */
export interface S3Options {
  readonly bucket: string;
  /** `us-east-1` is what a MinIO expects. */
  readonly region: string;
  /** Of an S3 server other than AWS, as this process reaches it, e.g. `http://127.0.0.1:9000`. */
  readonly endpoint?: string;
  /** The same server as the clients reach it: what URLs are signed for. Default: `endpoint`. */
  readonly publicEndpoint?: string;
  /** On AWS: by addresses of IPv4 and IPv6, and so are the URLs. Without it IPv4 alone. */
  readonly dualStack?: boolean;
  /** PEM: who alone vouches for the server over TLS, to this process. Without it whom the system believes. */
  readonly ca?: string;
  readonly credentials: S3Credentials | S3CredentialsProvider;
  /** Unix seconds, for the dates in URLs. */
  readonly now?: () => number;
}

/** Where a bucket is: virtual-hosted on AWS unless its name has dots, path-style elsewhere. */
export function bucketUrl(options: {
  bucket: string;
  region: string;
  endpoint?: string | undefined;
  dualStack?: boolean | undefined;
}): URL {
  const { bucket, region, endpoint, dualStack = false } = options;
  if (endpoint !== undefined) return new URL(`${endpoint.replace(/\/+$/, '')}/${bucket}`);
  const host = `s3.${dualStack ? 'dualstack.' : ''}${region}.${dnsSuffixOf(region)}`;
  return new URL(bucket.includes('.') ? `https://${host}/${bucket}` : `https://${bucket}.${host}/`);
}

/** The domain of a region's partition, as the SDK has it; a test holds the two together. */
const PARTITIONS: readonly [RegExp, string][] = [
  [/^cn-/, 'amazonaws.com.cn'],
  [/^us-iso-/, 'c2s.ic.gov'],
  [/^us-isob-/, 'sc2s.sgov.gov'],
  [/^eu-isoe-/, 'cloud.adc-e.uk'],
  [/^us-isof-/, 'csp.hci.ic.gov'],
  [/^eusc-/, 'amazonaws.eu'],
];

/** The domain under which the services of a region of AWS are. */
export const dnsSuffixOf = (region: string): string =>
  PARTITIONS.find(([regions]) => regions.test(region))?.[1] ?? 'amazonaws.com';

/**
 * The provider of either form of `credentials`, which refuses keys that everybody knows.
 * @throws weak_secret; store_denied, or the given provider's own code, if it has none to give
 */
export function credentialsProvider(
  credentials: S3Credentials | S3CredentialsProvider,
): S3CredentialsProvider {
  return async () => {
    const given = typeof credentials === 'function' ? await ask(credentials) : credentials;
    assertOwnKeys(given);
    return given;
  };
}

async function ask(provider: S3CredentialsProvider): Promise<S3Credentials> {
  try {
    return await provider();
  } catch (cause) {
    if (cause instanceof CoatcheckError) throw cause;
    throw fail('store_denied', 'there are no credentials for the store', { cause });
  }
}

const KNOWN = new Set(['minioadmin', 'minio123', 'rustfsadmin', 'accesskey', 'changeme', 'secret']);

/**
 * @param what names the pair in the message, e.g. `the upload key`
 * @throws weak_secret for an empty or short secret key, one equal to its id, or a default; usage for white
 *   space, which no store gives out and a signature fails by
 */
export function assertOwnKeys(
  { accessKeyId, secretAccessKey, sessionToken = '' }: S3Credentials,
  what = 'the S3 key',
): void {
  if (/\s/.test(accessKeyId + secretAccessKey + sessionToken)) {
    throw fail(
      'usage',
      `${what} has white space in it: copy it again, without a line end or a space`,
    );
  }
  if (
    accessKeyId === '' ||
    secretAccessKey.length < 8 ||
    secretAccessKey === accessKeyId ||
    KNOWN.has(secretAccessKey.toLowerCase()) ||
    /^(.)\1*$/.test(secretAccessKey)
  ) {
    throw fail('weak_secret', `${what} is empty, short, or a default: make a random one`);
  }
}

/** A URL that a session signed dies with the session: the earlier of the two ends. */
export function urlExpiry(
  nowSeconds: number,
  expiresInSeconds: number,
  expiration: Date | undefined,
): Date {
  const own = (nowSeconds + expiresInSeconds) * 1000;
  return new Date(expiration === undefined ? own : Math.min(own, expiration.getTime()));
}
