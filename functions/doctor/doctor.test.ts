import { describe, expect, it } from 'vitest';
import { randomBytes } from 'node:crypto';
import { encodeSignedKeyset, utf8 } from '../../bundle/index.ts';
import { fail } from '../../protocol/errors.ts';
import { historyKey, keysetKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { guardStore } from '../../store/guard.ts';
import { createLocalHandler, createLocalSigner } from '../../store/local-urls.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { makeAdmin, makeNode, makeSite, nextKeyset } from '../../tests/support/site.ts';
import { probeConditions } from './conditions.ts';
import { probePermissions } from './permissions.ts';
import { probePresigned } from './presigned.ts';
import { probeReach } from './reach.ts';
import { probeListing } from './listing.ts';
import { probeUnsigned } from './unsigned.ts';
import { anHourAgo, DOCTOR, LASTING } from './probe.ts';
import type { Finding, Lab } from './probe.ts';
import { probeKeysets } from './keysets.ts';
import { probeRecords } from './record.ts';

const each = <T>(make: (credential: Credential) => T): Record<Credential, T> =>
  Object.fromEntries(CREDENTIALS.map((name) => [name, make(name)])) as Record<Credential, T>;

/** A store that keeps every promise, with one part exchanged. */
function makeLab(
  change: {
    store?: (store: ObjectStore) => ObjectStore;
    seenBy?: Partial<Record<Credential, (store: ObjectStore) => ObjectStore>>;
    fetch?: (store: ObjectStore, url: URL, init: RequestInit) => Promise<Response> | undefined;
  } = {},
): { lab: Lab; store: ObjectStore } {
  const memory = createMemoryStore();
  const store = change.store?.(memory) ?? memory;
  const secrets = each(() => Uint8Array.from(randomBytes(32)));
  const handle = createLocalHandler({ store, secrets });
  const signersAt = (clock: { now?: () => number }): Lab['signers'] =>
    each((credential) =>
      createLocalSigner({
        ...{ baseUrl: 'http://x', credential, secret: secrets[credential] },
        ...clock,
      }),
    );
  const lab: Lab = {
    bucket: 'objects',
    stores: each((name) => change.seenBy?.[name]?.(store) ?? guardStore(store, name)),
    signers: signersAt({}),
    lateSigners: signersAt({ now: anHourAgo }),
    fetch: (url, init = {}) => {
      const other = change.fetch?.(store, new URL(url), init);
      if (other !== undefined) return other;
      const headers = new Headers(init.headers);
      if (init.body instanceof Uint8Array) headers.set('content-length', `${init.body.length}`);
      return handle(new Request(url, { ...init, headers }));
    },
  };
  return { lab, store };
}

const failures = (findings: readonly Finding[]): string[] =>
  findings.filter(({ status }) => status === 'fail').map(({ probe }) => probe);

async function examine(lab: Lab): Promise<Finding[]> {
  return [
    ...(await probeReach(lab)),
    ...(await probeConditions(lab)),
    ...(await probeListing(lab)),
    ...(await probePresigned(lab)),
    ...(await probeUnsigned(lab)),
    ...(await probePermissions(lab)),
  ];
}

/** A store where whoever writes last wins, as some S3 servers are. */
const withoutConditions = (store: ObjectStore): ObjectStore => {
  const put = async (key: ObjectKey, body: Uint8Array): Promise<{ etag: string }> => {
    for (;;) {
      const there = await store.head(key);
      try {
        return await (there ? store.replace(key, body, there.etag) : store.create(key, body));
      } catch {
        // somebody was quicker: overwrite theirs
      }
    }
  };
  return { ...store, create: put, replace: put };
};

/** One that writes whatever a PUT brings, and answers 200. */
const storesAnything = (store: ObjectStore, url: URL, init: RequestInit) => {
  if (init.method !== 'PUT') return undefined;
  const key = decodeURIComponent(url.pathname.replace('/objects/', '')) as ObjectKey;
  return withoutConditions(store)
    .create(key, Uint8Array.from(init.body as Uint8Array))
    .then(() => new Response(null, { status: 200 }));
};

describe('doctor', () => {
  it('finds nothing wrong with a good store, twice', async () => {
    const { lab } = makeLab();
    for (const findings of [await examine(lab), await examine(lab)]) {
      expect(findings.filter(({ status }) => status !== 'ok')).toEqual([]);
      expect(findings.every(({ advice }) => advice === undefined)).toBe(true);
    }
  });

  it('leaves one small object, and nothing in history/', async () => {
    const { lab, store } = makeLab();
    await examine(lab);
    const left: string[] = [];
    for await (const { key } of listAll(store, '')) left.push(key);
    expect(left).toEqual([LASTING]);
  });

  it('notices a store without conditions', async () => {
    const findings = await probeConditions(makeLab({ store: withoutConditions }).lab);
    expect(failures(findings)).toHaveLength(3);
    const wrong = findings.filter(({ status }) => status === 'fail');
    expect(wrong.every(({ advice }) => advice?.includes('another store'))).toBe(true);
  });

  it('notices a race in which a loser is told that it won', async () => {
    const { lab } = makeLab({
      store: (store) => ({
        ...store,
        create: (key, body) => store.create(key, body).catch(() => ({ etag: 'x' })),
      }),
    });
    expect(failures(await probeConditions(lab))[0]).toMatch(/16 creates/);
  });

  it('takes a racer that was told neither as what is stored says', async () => {
    let winner = true;
    const { lab } = makeLab({
      store: (store) => ({
        ...store,
        create: async (key, body) => {
          const created = await store.create(key, body);
          if (!winner) return created;
          winner = false;
          throw fail('store_unknown', 'the answer was lost');
        },
      }),
    });
    expect(failures(await probeConditions(lab))).toEqual([]);
  });

  it('notices presigned URLs that pin nothing', async () => {
    const findings = await probePresigned(makeLab({ fetch: storesAnything }).lab);
    expect(failures(findings)).toHaveLength(8);
  });

  it('notices a store that copies what the signer may read', async () => {
    const { lab } = makeLab({
      fetch: (_, __, init) =>
        new Headers(init.headers).has('x-amz-copy-source')
          ? Promise.resolve(new Response('<CopyObjectResult/>', { status: 200 }))
          : undefined,
    });
    await probeConditions(lab);
    const [only, ...others] = failures(await probePresigned(lab));
    expect(only).toContain('x-amz-copy-source');
    expect(others).toEqual([]);
  });

  it('notices a store where a missing object reads as a refusal', async () => {
    const { lab } = makeLab({
      fetch: (_, __, init) =>
        init.method === 'PUT'
          ? undefined
          : Promise.resolve(new Response('<Code>AccessDenied</Code>', { status: 403 })),
    });
    const findings = await probePresigned(lab);
    expect(failures(findings)).toEqual(['a presigned GET of a missing object says NoSuchKey']);
    expect(findings.at(-1)!.advice).toContain('let the download credential list the bucket');
  });

  it.each<[Credential, number]>([
    ['download', 3],
    ['upload', 4],
    ['admin', 2],
  ])('notices a %s credential that may do everything', async (name, wrong) => {
    const { lab } = makeLab({ seenBy: { [name]: (store: ObjectStore) => store } });
    const findings = failures(await probePermissions(lab));
    expect(findings.every((probe) => probe.startsWith(`${name} may`))).toBe(true);
    // Two of them may list the bucket, and one of these may get everything.
    expect(findings).toHaveLength(wrong);
  });

  it('names what a credential can and must not', async () => {
    const { lab } = makeLab({ seenBy: { upload: (store) => store } });
    const findings = await probePermissions(lab);
    const get = findings.find(({ probe }) => probe.startsWith('upload may get'))!;
    expect(get.found).toContain('can get approved/');
    expect(get.found).not.toContain('keysets');
  });

  it('tells a credential that may not read keysets from one that may', async () => {
    const { lab, store } = makeLab();
    await store.create(keysetKey(1), utf8('public'));
    expect(failures(await probePermissions(lab))).toEqual([]);
    const blind = makeLab({
      seenBy: {
        upload: (s) => ({
          ...guardStore(s, 'upload'),
          get: () => Promise.reject(fail('store_denied', 'no')),
        }),
      },
    });
    await blind.store.create(keysetKey(1), utf8('public'));
    expect(failures(await probePermissions(blind.lab))).toEqual(['upload may get keysets']);
  });

  it('names what a credential cannot and must', async () => {
    const { lab } = makeLab({ seenBy: { admin: (store) => guardStore(store, 'download') } });
    const findings = await probePermissions(lab);
    expect(findings.find(({ probe }) => probe.startsWith('admin may put'))!.found).toContain(
      'cannot put history/',
    );
  });

  it('writes nothing to a node of ours, however much it may', async () => {
    const { lab, store } = makeLab({
      seenBy: { upload: (s) => s, download: (s) => s, admin: (s) => s },
    });
    await examine(lab);
    for await (const { key } of listAll(store, '')) {
      expect(key.includes(DOCTOR) || key === 'keysets/9999999999').toBe(true);
    }
  });

  it('says that a store is not there', async () => {
    const gone = (): Promise<never> => Promise.reject(fail('no_such_bucket', 'the bucket is gone'));
    const { lab } = makeLab({
      store: () => ({
        ...{ create: gone, replace: gone, get: gone, head: gone, delete: gone, list: gone },
      }),
    });
    const findings = await examine(lab);
    const conditions = findings.slice(0, 3);
    expect(conditions.every(({ found }) => found.includes('the bucket is gone'))).toBe(true);
    expect(failures(findings).length).toBeGreaterThan(15);
  });
});

describe('the record', () => {
  const { site } = makeSite();
  it('names junk, and calls it no failure', async () => {
    const store = createMemoryStore();
    expect(await probeRecords(store, site)).toMatchObject([{ status: 'ok' }]);
    const node = makeNode().id;
    await store.create(historyKey(node, 3), utf8('junk'));
    await store.create('history/elsewhere' as ObjectKey, utf8('junk'));
    const [finding] = await probeRecords(store, site);
    expect(finding).toMatchObject({ status: 'warn' });
    expect(finding!.found).toContain(`${node} slot 3 (bad_magic)`);
    expect(finding!.found).toContain('history/elsewhere');
  });
});

describe('the keysets', () => {
  const { site, admins } = makeSite();
  const bob = makeAdmin('bob');

  it('says which is the newest', async () => {
    const store = createMemoryStore();
    const next = nextKeyset({ signed: site.pinned, admins }, [...admins, bob], 2);
    await store.create(keysetKey(2), encodeSignedKeyset(next));
    expect(await probeKeysets(store, site)).toMatchObject([
      { status: 'ok', found: 'keyset 2: 2 of 2 administrators' },
    ]);
  });

  it('calls it a failure where they are broken: nobody can decide', async () => {
    const store = createMemoryStore();
    await store.create(keysetKey(2), utf8('junk'));
    const [finding] = await probeKeysets(store, site);
    expect(finding).toMatchObject({ status: 'fail' });
    expect(finding!.found).toContain('keysets/0000000002');
  });
});
