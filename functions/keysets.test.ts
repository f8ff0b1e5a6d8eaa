import { describe, expect, it } from 'vitest';
import { toHex } from '../bundle/bytes.ts';
import { encodeSignedKeyset } from '../bundle/keyset.ts';
import type { SignedKeyset } from '../bundle/keyset.ts';
import { codeOf, fail } from '../protocol/errors.ts';
import { keysetKey } from '../protocol/keys.ts';
import { createLocalHandler, createLocalSigner } from '../store/local-urls.ts';
import { createMemoryStore } from '../store/memory.ts';
import { makeAdmin, makeSite, nextKeyset } from '../tests/support/site.ts';
import { guardStore } from '../store/guard.ts';
import { adminWith, cachedChain, currentChain } from './keysets.ts';
import { listedKeysets, presignedKeysets, storeKeysets } from './keysets.ts';
import type { KeysetReader } from './keysets.ts';

const { site, admins } = makeSite();
const [ada] = admins;
const bert = makeAdmin('bert');
const second = nextKeyset({ signed: site.pinned, admins }, [ada!, bert]);
const third = nextKeyset({ signed: second, admins: [ada!, bert] }, [bert]);

/** A reader of these versions that counts what it is asked for. */
function reader(stored: Record<number, Uint8Array>): KeysetReader & { asked: number[] } {
  const asked: number[] = [];
  return { asked, read: (version) => (asked.push(version), Promise.resolve(stored[version])) };
}
const bytes = (keyset: SignedKeyset): Uint8Array => encodeSignedKeyset(keyset);
const names = (chain: readonly SignedKeyset[]): number[] =>
  chain.map((link) => link.keyset.version);

describe('currentChain', () => {
  it('walks on from what is known until nothing follows: one read for each, and one more', async () => {
    const keysets = reader({ 2: bytes(second), 3: bytes(third) });
    expect(names(await currentChain(keysets, [site.pinned]))).toEqual([1, 2, 3]);
    expect(keysets.asked).toEqual([2, 3, 4]);
    expect(names(await currentChain(reader({}), [site.pinned]))).toEqual([1]);
  });
  it('does not pass over what is no keyset, or follows another: keys may have been taken away', async () => {
    const fork = nextKeyset({ signed: site.pinned, admins: [bert] }, [bert]);
    for (const junk of [new Uint8Array(), new Uint8Array(3000), bytes(third), bytes(fork)]) {
      const failure = await currentChain(reader({ 2: junk }), [site.pinned]).catch(codeOf);
      expect(failure).toBe('does_not_verify');
    }
  });
  it('takes an object that is too large for junk', async () => {
    const store = createMemoryStore();
    await store.create(keysetKey(2), new Uint8Array(5000));
    const failure = await currentChain(storeKeysets(store), [site.pinned]).catch(codeOf);
    expect(failure).toBe('does_not_verify');
  });
  it('does not take a failure to read for the end', async () => {
    const broken = { read: () => Promise.reject(fail('store_denied', 'no')) };
    expect(await currentChain(broken, [site.pinned]).catch(codeOf)).toBe('store_denied');
  });
});

describe('cachedChain', () => {
  it('reads once for all who ask at once, and again only after its time, for what follows', async () => {
    let now = 1000;
    const stored: Record<number, Uint8Array> = { 2: bytes(second) };
    const keysets = reader(stored);
    const chain = cachedChain(keysets, site, { cacheSeconds: 60, clock: () => now });
    expect((await Promise.all([chain(), chain(), chain()])).map(names)).toEqual(
      Array(3).fill([1, 2]),
    );
    now = 1059;
    await chain();
    expect(keysets.asked).toEqual([2, 3]);
    now = 1060;
    stored[3] = bytes(third);
    expect(names(await chain())).toEqual([1, 2, 3]);
    expect(keysets.asked).toEqual([2, 3, 3, 4]);
  });
  it('is read again sooner for whoever wants it newer', async () => {
    let now = 1000;
    const stored: Record<number, Uint8Array> = {};
    const keysets = reader(stored);
    const chain = cachedChain(keysets, site, { cacheSeconds: 60, clock: () => now });
    await chain();
    stored[2] = bytes(second);
    now = 1004;
    expect(names(await chain(5))).toEqual([1]);
    now = 1005;
    expect(names(await chain(5))).toEqual([1, 2]);
    expect(keysets.asked).toEqual([2, 2, 3]);
  });
  it('never goes back, even where a restore lost a keyset', async () => {
    let now = 0;
    const stored: Record<number, Uint8Array> = { 2: bytes(second) };
    const chain = cachedChain(reader(stored), site, { cacheSeconds: 1, clock: () => now });
    expect(names(await chain())).toEqual([1, 2]);
    delete stored[2];
    now = 100;
    expect(names(await chain())).toEqual([1, 2]);
  });
  it('reads again after the clock was set back: a key taken away is not trusted until then', async () => {
    let now = 1_000_000;
    const stored: Record<number, Uint8Array> = {};
    const chain = cachedChain(reader(stored), site, { cacheSeconds: 60, clock: () => now });
    expect(names(await chain())).toEqual([1]);
    now = 1000;
    stored[2] = bytes(second);
    expect(names(await chain())).toEqual([1, 2]);
  });
  it('does not keep a failure', async () => {
    let isBroken = true;
    const chain = cachedChain(
      {
        read: () =>
          isBroken ? Promise.reject(fail('store_unavailable', 'no')) : Promise.resolve(undefined),
      },
      site,
      { cacheSeconds: 60, clock: () => 0 },
    );
    expect(await chain().catch(codeOf)).toBe('store_unavailable');
    isBroken = false;
    expect(names(await chain())).toEqual([1]);
  });
});

describe('where keysets are read from', () => {
  it('a store, or presigned URLs of it: the same bytes, and only a missing key is "not there"', async () => {
    const store = createMemoryStore();
    await store.create(keysetKey(2), bytes(second));
    const secret = new TextEncoder().encode('the download secret of a test...');
    const secrets = {
      ...{ download: secret },
      upload: new TextEncoder().encode('the upload secret of a test 0123'),
      admin: new TextEncoder().encode('the admin secret of a test 01234'),
    };
    const handle = createLocalHandler({ store, secrets });
    const baseUrl = 'http://store.example';
    const signer = createLocalSigner({ baseUrl, credential: 'download', secret });
    const viaUrls = presignedKeysets(signer, (url, init) => handle(new Request(url, init)));
    const listed = listedKeysets(guardStore(store, 'upload'));
    for (const keysets of [storeKeysets(store), viaUrls, listed]) {
      expect(toHex((await keysets.read(2))!)).toBe(toHex(bytes(second)));
      expect(await keysets.read(3)).toBeUndefined();
    }
    // As S3 does where the signer may not list the bucket: a walk by GETs alone would fail here.
    const blind = storeKeysets(guardStore(store, 'upload'));
    expect(await blind.read(3).catch(codeOf)).toBe('store_denied');
    const refusing = presignedKeysets(signer, () =>
      Promise.resolve(new Response('<Error><Code>NoSuchBucket</Code></Error>', { status: 404 })),
    );
    expect(await refusing.read(2).catch(codeOf)).toBe('no_such_bucket');
  });
});

describe('adminWith', () => {
  it('asks the newest keyset, and for both keys', () => {
    expect(adminWith([site.pinned], ada!.identity)).toMatchObject({ may: 'all' });
    expect(adminWith([site.pinned, second, third], ada!.identity)).toBeUndefined();
    expect(adminWith([site.pinned], bert.identity)).toBeUndefined();
    const half = { signKey: ada!.identity.signKey, boxKey: bert.identity.boxKey };
    expect(adminWith([site.pinned], half)).toBeUndefined();
  });
});
