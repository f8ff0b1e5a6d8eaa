import { S3RequestPresigner } from '@aws-sdk/s3-request-presigner';
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createPresigner, percentEncode } from './signature-v4.ts';
import type { Presignable } from './signature-v4.ts';

const REGION = 'eu-central-1';
const request: Presignable = {
  method: 'GET',
  url: new URL('https://bucket.s3.eu-central-1.amazonaws.com/approved/node'),
  headers: {},
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG' },
  signedAt: 1_800_000_000,
  expiresInSeconds: 900,
};

/** SHA-256, or HMAC-SHA256 if made with a secret, in the form that the SDK's signer asks for. */
class Sha256 {
  readonly #hash: { update(data: string): unknown; digest(): Buffer };
  constructor(secret?: unknown) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string);
  }
  update(data: unknown): void {
    this.#hash.update(data as string);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    throw new Error('not needed');
  }
}

/** The same request, signed by the AWS SDK: its URL's parameters by name. */
async function bySdk(r: Presignable): Promise<Record<string, unknown>> {
  const names = new Set(Object.keys(r.headers));
  const sdk = new S3RequestPresigner({
    region: REGION,
    credentials: r.credentials,
    sha256: Sha256,
  });
  const { protocol, hostname, port, pathname, host } = r.url;
  const { query } = await sdk.presign(
    {
      method: r.method,
      protocol,
      hostname,
      ...(port === '' ? {} : { port: Number(port) }),
      path: pathname,
      query: {},
      headers: { ...r.headers, host },
    },
    {
      signingDate: new Date(r.signedAt * 1000),
      expiresIn: r.expiresInSeconds,
      unhoistableHeaders: names,
      signableHeaders: new Set([...names, 'host']),
    },
  );
  return { ...query };
}

describe('createPresigner makes the URLs of the AWS SDK', () => {
  it.each<[string, Partial<Presignable>]>([
    ['for a GET', {}],
    ['on another port', { url: new URL('http://127.0.0.1:9000/bucket/approved/node') }],
    ['with an escaped path', { url: new URL('http://127.0.0.1:9000/bucket/a%20b/%C3%A9%2B') }],
    ['at another time', { signedAt: 1_735_689_599, expiresInSeconds: 1 }],
    [
      'with the keys of a session',
      { credentials: { ...request.credentials, sessionToken: 'a/token+with==signs' } },
    ],
    [
      'for a PUT that pins headers',
      {
        method: 'PUT',
        headers: {
          'content-length': '17',
          'content-type': 'application/octet-stream',
          'if-none-match': '*',
          'x-amz-checksum-sha256': '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
        },
      },
    ],
  ])('%s', async (_, change) => {
    const changed = { ...request, ...change };
    const url = new URL(createPresigner(REGION)(changed));
    expect(Object.fromEntries(url.searchParams)).toEqual(await bySdk(changed));
    expect(url.origin + url.pathname).toBe(changed.url.href);
  });

  it('whatever it signed before: another day, another secret', async () => {
    const presign = createPresigner(REGION);
    const other = { ...request.credentials, secretAccessKey: 'another-secret' };
    for (const change of [{}, { signedAt: 1_800_100_000 }, { credentials: other }, {}]) {
      const changed = { ...request, ...change };
      const { searchParams } = new URL(presign(changed));
      expect(Object.fromEntries(searchParams)).toEqual(await bySdk(changed));
    }
  });
});

describe('percentEncode', () => {
  it('leaves only what RFC 3986 calls unreserved', () => {
    expect(percentEncode("azAZ09-._~!'()* /+=é")).toBe(
      'azAZ09-._~%21%27%28%29%2A%20%2F%2B%3D%C3%A9',
    );
  });
});
