import { describe, expect, it } from 'vitest';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { guardStore } from '../../store/guard.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { describeWith, itWith } from '../support/components.ts';
import { freshBucket } from '../support/minio.ts';
import { freshVersitygwBucket } from '../support/versitygw.ts';
import { expectedRights, keyUnder, outcome, rightsOf, s3Contract } from './s3-contract.ts';

describe('the guard of stores without credentials', () => {
  it.each(CREDENTIALS)('gives the %s credential exactly what the table says', async (name) => {
    const store = createMemoryStore();
    expect(await rightsOf(guardStore(store, name), store)).toEqual(expectedRights(name));
  });

  it('refuses what is not there to a credential that may not list the bucket, as S3 does', async () => {
    const read = (name: Credential): Promise<unknown> =>
      outcome(guardStore(createMemoryStore(), name).get(keyUnder('keysets'), { maxBytes: 1024 }));
    expect(await read('upload')).toBe('store_denied');
    expect(await read('download')).toBe('done');
  });
});

describeWith('minio', 'S3 on a real MinIO', () => s3Contract(freshBucket));
describeWith('versitygw', 'S3 on a real versitygw', () => s3Contract(freshVersitygwBucket));

itWith('minio', 'the keys of a session are asked for again when it is about to end', async () => {
  const bucket = await freshBucket();
  let asked = 0;
  const store = bucket.store('root', {
    credentials: () => {
      asked++;
      // The SDK renews what has less than five minutes left.
      return Promise.resolve({
        ...bucket.credentials.admin,
        expiration: new Date(Date.now() + 1000),
      });
    },
  });
  await store.list('');
  const before = asked;
  await store.list('');
  expect(asked).toBeGreaterThan(before);
});
