import { afterEach, expect, it } from 'vitest';
import { approvedKey, parseDigest, PREFIXES } from '../../protocol/keys.ts';
import type { ObjectKey, Prefix } from '../../protocol/keys.ts';
import { codeOf } from '../../protocol/errors.ts';
import { CREDENTIALS, PERMISSIONS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import type { ObjectStore } from '../../store/port.ts';
import type { S3Credentials } from '../../store/s3-options.ts';
import { serveProxy } from '../support/http-servers.ts';
import type { TestServer } from '../support/http-servers.ts';
import type { TestBucket } from '../support/s3-bucket.ts';
import { node } from './store-contract.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const LIMIT = { maxBytes: 1024 };
const DIGEST = parseDigest('d'.repeat(64));
export const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => codeOf(error),
  );

/** A key of each prefix, as a key maker makes them. */
export const keyUnder = (prefix: Prefix): ObjectKey => {
  const id = node(7);
  const keys = {
    pending: `pending/${id}/${DIGEST}`,
    history: `history/${id}/0000000001`,
    approved: `approved/${id}`,
    rejected: `rejected/${id}/${DIGEST}`,
    reports: `reports/${id}`,
    keysets: 'keysets/0000000001',
    cosign: `cosign/${id}/${DIGEST}/0`,
  };
  return keys[prefix] as ObjectKey;
};

/** One of each call of the port. */
const everyCall = (store: ObjectStore, key: ObjectKey): Record<string, () => Promise<unknown>> => ({
  get: () => store.get(key, LIMIT),
  head: () => store.head(key),
  list: () => store.list(`${key.split('/')[0]!}/`),
  create: () => store.create(key, bytes('x')),
  replace: () => store.replace(key, bytes('y'), '0'.repeat(32)),
  delete: () => store.delete(key),
});

/**
 * Everything that a credential could try, prefix by prefix, and what comes of it.
 * @param root may do everything: puts an object where each right is tried
 */
export async function rightsOf(
  store: ObjectStore,
  root: ObjectStore,
): Promise<Record<string, string>> {
  const rights: Record<string, string> = {};
  for (const prefix of PREFIXES) {
    const key = keyUnder(prefix);
    await root.create(key, bytes('there'));
    for (const [name, attempt] of Object.entries(everyCall(store, key))) {
      rights[`${name} ${prefix}`] = (await outcome(attempt())) === 'store_denied' ? 'no' : 'yes';
    }
  }
  rights['list all'] = (await outcome(store.list(''))) === 'store_denied' ? 'no' : 'yes';
  return rights;
}

export function expectedRights(credential: Credential): Record<string, string> {
  const { get, put, list, delete: remove } = PERMISSIONS[credential];
  const yes = (allowed: boolean): string => (allowed ? 'yes' : 'no');
  const rights: Record<string, string> = {};
  for (const prefix of PREFIXES) {
    rights[`get ${prefix}`] = yes(get.includes(prefix));
    rights[`head ${prefix}`] = yes(get.includes(prefix));
    rights[`list ${prefix}`] = yes(list === 'bucket' || list.includes(prefix));
    rights[`create ${prefix}`] = yes(put.includes(prefix));
    rights[`replace ${prefix}`] = yes(put.includes(prefix));
    rights[`delete ${prefix}`] = yes(remove.includes(prefix));
  }
  rights['list all'] = yes(list === 'bucket');
  return rights;
}

/** What our three credentials and our client promise, on every S3 server. */
export function s3Contract(makeBucket: () => Promise<TestBucket>): void {
  const servers: TestServer[] = [];
  afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

  it.each(CREDENTIALS)('gives the %s credential exactly what the table says', async (name) => {
    const bucket = await makeBucket();
    expect(await rightsOf(bucket.store(name), bucket.store('root'))).toEqual(expectedRights(name));
  });

  it('denies wrong credentials everything', async () => {
    const bucket = await makeBucket();
    const wrong: Record<string, S3Credentials> = {
      secret: { ...bucket.root, secretAccessKey: 'not-the-right-secret' },
      id: { ...bucket.root, accessKeyId: 'nobody' },
    };
    const { sessionToken, ...untold } = bucket.credentials.upload;
    if (sessionToken !== undefined) {
      wrong['token'] = { ...untold, sessionToken: `${sessionToken.slice(0, -4)}AAAA` };
      wrong['no token'] = untold;
    }
    for (const [what, credentials] of Object.entries(wrong)) {
      const calls = everyCall(bucket.store('root', { credentials }), keyUnder('pending'));
      for (const [name, attempt] of Object.entries(calls)) {
        expect(await outcome(attempt()), `${name} with a wrong ${what}`).toBe('store_denied');
      }
    }
  });

  it('takes a write whose answer was lost for unknown, not for "already exists"', async () => {
    const bucket = await makeBucket();
    let puts = 0;
    const proxy = await serveProxy(bucket.endpoint, ({ method }) => {
      if (method === 'PUT') puts++;
      return method === 'PUT';
    });
    servers.push(proxy);
    const store = bucket.store('root', { endpoint: proxy.url });
    const key = approvedKey(node(1));

    expect(await outcome(store.create(key, bytes('one')))).toBe('store_unknown');
    expect(puts).toBe(1);
    const { body, etag } = (await store.get(key, LIMIT))!;
    expect(body).toEqual(bytes('one'));

    expect(await outcome(store.replace(key, bytes('two'), etag))).toBe('store_unknown');
    expect(puts).toBe(2);
    expect((await store.get(key, LIMIT))!.body).toEqual(bytes('two'));
  });
}
