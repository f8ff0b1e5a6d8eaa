import { build } from 'esbuild';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { toBase64Url, utf8 } from '../../bundle/bytes.ts';
import { encodeFrame } from '../../bundle/frame.ts';
import { encodeSignedKeyset } from '../../bundle/keyset.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import {
  approvedKey,
  keysetKey,
  parseNodeId,
  pendingKey,
  rejectedKey,
} from '../../protocol/keys.ts';
import type { DigestHex, ObjectKey } from '../../protocol/keys.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { countingStore, contents } from '../support/stores.ts';
import {
  after,
  makeAdmin,
  makeSite,
  makeStatement,
  makeNode,
  nextKeyset,
  NOTHING,
  propose,
  sign,
  signAsNode,
} from '../support/site.ts';
import type { After } from '../support/site.ts';
import { hex, json, makeApp, makeWorld, NOW, sendSigned } from './http-world.ts';
import type { Draft, World } from './http-world.ts';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});

const ONE_BYTE = new Uint8Array(1);
const NONE = { create: 0, replace: 0, get: 0, head: 0, delete: 0, list: 0 };

async function ask(draft: Draft, app = world.app): Promise<[number, Record<string, unknown>]> {
  const response = await sendSigned(app, draft, { site: world.site.id });
  return [response.status, (await response.json()) as Record<string, unknown>];
}

describe('what a request costs the store', () => {
  it('a boot: nothing', async () => {
    const { store, counts } = countingStore(world.store);
    const app = makeApp(world, store);
    const { config } = world.drafts;
    expect((await ask(config, app))[0]).toBe(200);
    expect(
      (await ask({ ...config, target: `${config.target}?waiting=${'ab'.repeat(32)}` }, app))[0],
    ).toBe(200);
    expect((await ask(world.drafts.health, app))[0]).toBe(200);
    expect(counts).toEqual(NONE);
  });

  it('whether it is ready: one GET, however many ask', async () => {
    const { store, counts } = countingStore(world.store);
    const app = makeApp(world, store);
    const { ready } = world.drafts;
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(ready, app)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([JSON.stringify([200, { ready: true, now: NOW }])]),
    );
    expect((await ask(ready, app))[0]).toBe(200);
    expect(counts).toEqual({ ...NONE, get: 1 });
  });

  it('a proposal: two LISTs, granted or refused, and three where the cap is reached', async () => {
    for (const name of ['fresh', 'waiting', 'known'] as const) {
      const node = world[name];
      const draft = {
        ...{ method: 'POST', target: `/v1/nodes/${node.id}/proposals`, by: node },
        body: json({ digest: 'cd'.repeat(32), size: 900 }),
      };
      const roomy = countingStore(world.store);
      await ask(draft, makeApp(world, roomy.store));
      expect(roomy.counts, name).toEqual({ ...NONE, list: 2 });
      await world.store.create(pendingKey(node.id, hex(new Uint8Array(32).fill(9))), ONE_BYTE);
      const full = countingStore(world.store);
      await ask(draft, makeApp(world, full.store, { maxPending: 1 }));
      expect(full.counts, name).toEqual({ ...NONE, list: 3 });
    }
  });

  it("an administrator's proposal: two LISTs, and one of the keysets once in a minute", async () => {
    const { store, counts } = countingStore(world.store);
    const app = makeApp(world, store);
    const draft = { ...world.drafts.propose, by: world.ada.identity };
    expect((await ask(draft, app))[0]).toBe(201);
    expect((await ask(draft, app))[0]).toBe(201);
    expect(counts).toEqual({ ...NONE, list: 5 });
  });

  it('a report: nothing', async () => {
    const { store, counts } = countingStore(world.store);
    expect((await ask(world.drafts.report, makeApp(world, store)))[0]).toBe(201);
    expect(counts).toEqual(NONE);
  });

  it('the chain of keysets: one GET in a minute for all who ask', async () => {
    const { store, counts } = countingStore(world.store);
    const app = makeApp(world, store);
    for (let i = 0; i < 5; i++) expect((await ask(world.drafts.site, app))[0]).toBe(200);
    expect(counts).toEqual({ ...NONE, get: 1 });
  });
});

describe('what the entry that nodes call is built of', () => {
  it('has no S3 client in it, nor the code that opens a bundle', async () => {
    const { metafile } = await build({
      ...{ entryPoints: ['functions/lambda/download.ts'], bundle: true, write: false },
      ...{ platform: 'node', format: 'esm', metafile: true, logLevel: 'silent' },
    });
    const inputs = Object.keys(metafile.inputs);
    expect(inputs).toContain('store/s3-signer.ts');
    const unwanted =
      /@aws-sdk\/client-s3|s3-request-presigner|^store\/s3\.ts|^bundle\/(open|seal|manifest|inflate|report)\.ts/;
    expect(inputs.filter((path) => unwanted.test(path))).toEqual([]);
  });
});

describe('a proposal', () => {
  const proposeAs = (
    node: 'fresh' | 'waiting' | 'known',
    more: object = {},
    by = world[node],
  ): Draft => ({
    ...{ method: 'POST', target: `/v1/nodes/${world[node].id}/proposals`, by },
    body: json({ digest: 'cd'.repeat(32), size: 900, ...more }),
  });
  const code = async (draft: Draft, app = world.app): Promise<unknown> => {
    const [status, answer] = await ask(draft, app);
    return status === 201 ? 'granted' : (answer['error'] as { code: string }).code;
  };

  /** The same site, where an administrator approves. */
  const strictApp = (): World['app'] =>
    makeApp(
      makeSite({ name: 'http', approval: 'required', admins: world.admins, threshold: 2 }),
      world.store,
    );

  it('is refused while one waits, with its digest, and nothing changes', async () => {
    const before = await contents(world.store);
    const waits = before.find((line) => line.startsWith('pending/'))!.split(/[/ ]/)[2];
    expect(await ask(proposeAs('waiting'), strictApp())).toMatchObject([
      409,
      { error: { code: 'waiting', details: { digest: waits } } },
    ]);
    expect(await contents(world.store)).toEqual(before);
  });

  it('is granted where the request shows that the one in the way is decided', async () => {
    const { keyset } = world.site.pinned;
    const left = propose({ keyset, node: world.known });
    await world.store.create(pendingKey(world.known.id, hex(left.digest)), left.bytes);
    expect(await code(proposeAs('known'), strictApp())).toBe('waiting');
    // Where the node decides for itself there is nobody whom another could wait for.
    expect(await code(proposeAs('known'))).toBe('granted');
    const approval = sign(
      makeStatement(keyset, world.known.id, 'approve', NOTHING, { digest: left.digest }),
      ...([keyset, ...world.admins] as const),
    );
    const frame = encodeFrame({ chain: [world.site.pinned], statement: approval });
    expect(await code(proposeAs('known', { decidedBy: toBase64Url(frame) }), strictApp())).toBe(
      'granted',
    );
    // Another decision of this node shows nothing about that digest.
    expect(
      await code(proposeAs('known', { decidedBy: toBase64Url(world.proof) }), strictApp()),
    ).toBe('waiting');
  });

  it.each([
    ['of another node', () => toBase64Url(world.proof), 'not_this_node'],
    ['that is none', () => 'AAAA', 'bad_magic'],
    ['cut short', () => toBase64Url(world.proof.subarray(0, -1)), 'truncated'],
    ['changed', () => toBase64Url(world.proof.with(-1, world.proof.at(-1)! ^ 1)), 'bad_signature'],
  ])('is refused with a proof %s', async (_, decidedBy, expected) => {
    const node = expected === 'not_this_node' ? 'fresh' : 'known';
    expect(await code(proposeAs(node, { decidedBy: decidedBy() }))).toBe(expected);
  });

  it('is refused after a rejection until the node has seen it', async () => {
    const digest = hex(propose({ keyset: world.site.pinned.keyset, node: world.fresh }).digest);
    await world.store.create(rejectedKey(world.fresh.id, digest), new Uint8Array(1));
    expect(await ask(proposeAs('fresh'))).toMatchObject([
      409,
      { error: { code: 'rejected', details: { digest } } },
    ]);
    expect(await code(proposeAs('fresh', { after: digest }))).toBe('granted');
    expect(await code(proposeAs('fresh', { after: digest, digest }))).toBe('already_decided');
  });

  it('hears the newest refusal of thousands, and none of them is taken again', async () => {
    const digests = Array.from({ length: 1100 }, (_, i) => hex(sha256(utf8(`refused ${i}`))));
    const refuse = (digest: DigestHex) =>
      world.store.create(rejectedKey(world.fresh.id, digest), ONE_BYTE);
    const [last, ...earlier] = digests.sort().reverse();
    for (const digest of earlier) await refuse(digest);
    // A memory store's clock has milliseconds: the next one is strictly later.
    const start = Date.now();
    while (Date.now() === start) await new Promise((resolve) => setImmediate(resolve));
    await refuse(last!);
    expect(await ask(proposeAs('fresh'))).toMatchObject([
      409,
      { error: { code: 'rejected', details: { digest: last } } },
    ]);
    expect(await code(proposeAs('fresh', { after: last }))).toBe('granted');
    expect(await code(proposeAs('fresh', { after: last, digest: last }))).toBe('already_decided');
    // One that a crash left in pending/ after its refusal waits for nobody.
    await world.store.create(pendingKey(world.fresh.id, last!), ONE_BYTE);
    expect(await code(proposeAs('fresh', { after: last }), strictApp())).toBe('granted');
  });

  it('finds its own among a thousand others that wait', async () => {
    const first = parseNodeId('2'.repeat(32));
    for (let i = 0; i < 1000; i++) {
      await world.store.create(pendingKey(first, hex(sha256(utf8(`waiting ${i}`)))), ONE_BYTE);
    }
    const app = strictApp();
    expect(await code(proposeAs('fresh'), app)).toBe('too_many_pending');
    expect(await code(proposeAs('waiting'), app)).toBe('waiting');
  });

  it('may be as large as the site allows, and not a byte more', async () => {
    const { maxBundleBytes } = world.site;
    expect(await code(proposeAs('fresh', { size: maxBundleBytes }))).toBe('granted');
    expect(await code(proposeAs('fresh', { size: maxBundleBytes + 1 }))).toBe('too_large');
  });

  it('of an administrator is granted also while one waits', async () => {
    expect(await code(proposeAs('waiting', {}, world.ada.identity), strictApp())).toBe('granted');
  });

  it('pins the length, the digest and that nothing may be there, for five minutes', async () => {
    const [, answer] = await ask(proposeAs('fresh'));
    expect(answer).toMatchObject({
      key: `pending/${world.fresh.id}/${'cd'.repeat(32)}`,
      put: {
        expiresAt: NOW + 300,
        headers: {
          ...{ 'content-length': '900', 'if-none-match': '*' },
          'x-amz-checksum-sha256': Buffer.from('cd'.repeat(32), 'hex').toString('base64'),
        },
      },
    });
  });

  it('needs the token where the site has one, unless the node shows a decision', async () => {
    const token = 'q7Zr0-Yk2m_vB81sXh';
    const app = makeApp(world, world.store, { token });
    expect(await code(proposeAs('fresh'), app)).toBe('token_refused');
    expect(await code(proposeAs('fresh', { token: `${token}x` }), app)).toBe('token_refused');
    expect(await code(proposeAs('fresh', { token }), app)).toBe('granted');
    const decidedBy = toBase64Url(world.proof);
    expect(await code(proposeAs('known', { decidedBy }), app)).toBe('granted');
    expect(await code(proposeAs('fresh', {}, world.ada.identity), app)).toBe('granted');
  });

  it('of a stranger finds no room when the cap is near, and that of a known node does', async () => {
    const app = makeApp(world, world.store, { maxPending: 1 });
    expect(await code(proposeAs('fresh'), app)).toBe('too_many_pending');
    const roomy = makeApp(world, world.store, { maxPending: 10 });
    for (let i = 0; i < 8; i++) {
      const key = pendingKey(world.waiting.id, hex(new Uint8Array(32).fill(i)));
      await world.store.create(key, new Uint8Array(1));
    }
    expect(await code(proposeAs('fresh'), roomy)).toBe('too_many_pending');
    const decidedBy = toBase64Url(world.proof);
    expect(await code(proposeAs('known', { decidedBy }), roomy)).toBe('granted');
  });
});

describe('a report', () => {
  it('is refused with a rejection as its proof', async () => {
    const { keyset } = world.site.pinned;
    const rejection = sign(
      makeStatement(keyset, world.known.id, 'reject', NOTHING, {
        digest: new Uint8Array(32).fill(1),
      }),
      ...([keyset, ...world.admins] as const),
    );
    const proof = toBase64Url(encodeFrame({ chain: [world.site.pinned], statement: rejection }));
    const body = json({ digest: 'ab'.repeat(32), size: 900, proof });
    expect(await ask({ ...world.drafts.report, body })).toMatchObject([
      422,
      { error: { code: 'does_not_verify' } },
    ]);
  });
  it('may replace the one before, and is at most 4 KiB', async () => {
    const [, answer] = await ask(world.drafts.report);
    const { headers } = answer['put'] as { headers: object };
    expect(headers).not.toHaveProperty('if-none-match');
    const body = json({ digest: 'ab'.repeat(32), size: 4097, proof: toBase64Url(world.proof) });
    expect(await ask({ ...world.drafts.report, body })).toMatchObject([
      422,
      { error: { code: 'too_large' } },
    ]);
  });
});

describe('an administrator', () => {
  it('of a newer keyset may ask, one that was removed may not, a minute later', async () => {
    const bert = makeAdmin('bert');
    const second = nextKeyset({ signed: world.site.pinned, admins: world.admins }, [bert]);
    let now = NOW;
    const app = makeApp(world, world.store, { clock: () => now });
    const list = (by: World['ada']['identity']): Draft => ({ ...world.drafts.list, by });
    expect((await ask(list(world.ada.identity), app))[0]).toBe(200);
    await world.store.create(keysetKey(2), encodeSignedKeyset(second));
    expect((await ask(list(world.ada.identity), app))[0]).toBe(200); // still cached
    now = NOW + 61;
    expect((await ask(list(world.ada.identity), app))[0]).toBe(403);
    expect((await ask(list(bert.identity), app))[0]).toBe(200);
  });

  it('who was just added may ask within seconds, however many strangers ask before', async () => {
    const own = await makeWorld();
    const [ada, bert] = [own.ada, makeAdmin('bert')];
    const second = nextKeyset({ signed: own.site.pinned, admins: own.admins }, [ada, bert]);
    let now = NOW;
    let reads = 0;
    const app = makeApp(
      own,
      {
        ...own.store,
        get: async (key, options) => {
          if (key === keysetKey(2)) reads++;
          return own.store.get(key, options);
        },
      },
      { clock: () => now },
    );
    const list = (by: World['ada']['identity']): Draft => ({ ...own.drafts.list, by });
    expect((await ask(list(ada.identity), app))[0]).toBe(200);
    const body = json({ keyset: toBase64Url(encodeSignedKeyset(second)) });
    const created = await ask({ ...own.drafts.keyset, body }, app);
    const digest = hex(second.digest);
    expect(created).toEqual([200, { outcome: 'created', version: 2, digest }]);
    expect((await ask({ ...own.drafts.keyset, body }, app))[1]).toMatchObject({
      outcome: 'already',
    });
    reads = 0;
    for (let i = 0; i < 20; i++) await ask(list(makeNode(`stranger ${i}`)), app);
    expect((await ask(list(bert.identity), app))[0]).toBe(403);
    expect(reads).toBe(0);
    now = NOW + 5;
    expect((await ask(list(bert.identity), app))[0]).toBe(200);
    for (let i = 0; i < 20; i++) await ask(list(makeNode(`stranger ${i}`)), app);
    expect(reads).toBe(1);
  });

  it('with a key that may only `first` decides what is first, and nothing else', async () => {
    const fred = makeAdmin('fred', 'first');
    const test = makeSite({ name: 'http', approval: 'required', admins: [makeAdmin('ada'), fred] });
    const { keyset } = test.site.pinned;
    const store = createMemoryStore();
    const app = makeApp(test, store);
    const { fresh: node } = world;
    const { bytes, digest } = propose({ keyset, node });
    await store.create(pendingKey(node.id, hex(digest)), bytes);
    const decide = (statement: ReturnType<typeof sign>, from?: object): ReturnType<typeof ask> => {
      const encoded = toBase64Url(encodeSignedStatement(statement));
      const target = `/v1/nodes/${node.id}/decisions`;
      const body = json({ statement: encoded, nodeBoxKey: toBase64Url(node.boxKey), ...from });
      return ask({ method: 'POST', target, by: fred.identity, body }, app);
    };
    const refuses = async (
      type: 'approve' | 'rollback' | 'revoke' | 'reconfigure' | 'reject',
      place: After,
      from?: object,
    ): Promise<void> => {
      const more = type === 'revoke' ? {} : { digest };
      const statement = sign(makeStatement(keyset, node.id, type, place, more), keyset, fred);
      expect(await decide(statement, from), type).toMatchObject([
        ...[422, { error: { code: 'key_not_allowed' } }],
      ]);
    };
    await refuses('revoke', NOTHING);
    await refuses('reject', NOTHING);
    const first = sign(
      makeStatement(keyset, node.id, 'approve', NOTHING, { digest }),
      ...([keyset, fred] as const),
    );
    expect((await decide(first, { from: { pending: true } }))[0]).toBe(200);
    const before = await contents(store);
    for (const type of ['approve', 'rollback', 'reconfigure'] as const) {
      await refuses(type, after(first), { from: { slot: 1 } });
    }
    await refuses('revoke', after(first));
    expect(await contents(store)).toEqual(before);
  });

  it('with a key that may only `first` is shown what waits, and neither uploads nor repairs', async () => {
    const fred = makeAdmin('fred', 'first');
    const test = makeSite({ name: 'http', approval: 'required', admins: [makeAdmin('ada'), fred] });
    const store = createMemoryStore();
    const app = makeApp(test, store);
    const { fresh: node } = world;
    const digest = hex(sha256(utf8('any')));
    const post = (target: string, body: object): ReturnType<typeof ask> =>
      ask({ method: 'POST', target, by: fred.identity, body: json(body) }, app);
    const read = (...keys: string[]): ReturnType<typeof ask> => post('/v1/admin/read', { keys });
    const waits = pendingKey(node.id, digest);
    expect((await read(waits))[0]).toBe(200);
    expect((await read('keysets/0000000001'))[0]).toBe(200);
    expect((await read(`cosign/${node.id}/${digest}/0`))[0]).toBe(200);
    const list = '/v1/admin/list?prefix=history';
    expect((await ask({ method: 'GET', target: list, by: fred.identity }, app))[0]).toBe(200);
    const refused = [422, { error: { code: 'key_not_allowed' } }];
    for (const key of [
      `approved/${node.id}`,
      `history/${node.id}/0000000001`,
      `rejected/${node.id}/${digest}`,
      `reports/${node.id}`,
    ]) {
      expect(await read(waits, key), key).toMatchObject(refused);
    }
    const of = `/v1/nodes/${node.id}`;
    const proposal = { digest, size: 1000 };
    expect(await post(`${of}/proposals`, proposal)).toMatchObject(refused);
    expect(await post(`${of}/withdraw`, { digest })).toMatchObject(refused);
    expect(await post(`${of}/repair`, {})).toMatchObject(refused);
    expect(await post('/v1/admin/keysets', { keyset: 'AA' })).toMatchObject(refused);
  });

  it('is not shown a decided proposal that a crash left behind, and it is gone from then on', async () => {
    const pending = async (): Promise<string[]> =>
      (await contents(world.store)).filter((line) => line.startsWith('pending/'));
    const key = (await pending())[0]!.split(' ')[0] as ObjectKey;
    const proposal = (await world.store.get(key, { maxBytes: 1e6 }))!.body;
    expect((await ask(world.drafts.decide))[0]).toBe(200);
    expect(await pending()).toEqual([]);
    await world.store.create(key, proposal);
    expect(await ask(world.drafts.list)).toEqual([200, { objects: [] }]);
    expect(await pending()).toEqual([]);
  });

  it('gets one page after another, and only what it asked for', async () => {
    for (let i = 0; i < 105; i++) {
      const key = pendingKey(world.fresh.id, hex(new Uint8Array(32).fill(i)));
      await world.store.create(key, new Uint8Array(1));
    }
    await world.store.create(`pending/${world.fresh.id}/junk` as never, new Uint8Array(1));
    const pages: number[] = [];
    let after = '';
    do {
      const [, page] = await ask({
        ...world.drafts.list,
        target: `/v1/admin/list?prefix=pending&node=${world.fresh.id}${after}`,
      });
      pages.push((page['objects'] as unknown[]).length);
      after =
        page['next'] === undefined ? '' : `&after=${encodeURIComponent(page['next'] as string)}`;
    } while (after !== '');
    expect(pages).toEqual([100, 5]);
  });

  it.each(['', 'pending/', 'pending/../keysets/0000000001', '/etc/passwd', 'secret/x'])(
    'cannot have %j read',
    async (key) => {
      const body = json({ keys: [key] });
      expect((await ask({ ...world.drafts.read, body }))[0]).toBe(400);
    },
  );
});

describe('a decision', () => {
  it('is refused if it claims to be made in the future: nodes would take that for the time', async () => {
    const { waiting, ada, drafts, store } = world;
    const { keyset } = world.site.pinned;
    const before = await contents(store);
    const issued = NOW + 2 * 24 * 3600;
    const statement = sign(
      makeStatement(keyset, waiting.id, 'revoke', NOTHING, { issued }),
      keyset,
      ada,
    );
    const body = json({ statement: toBase64Url(encodeSignedStatement(statement)) });
    expect(await ask({ ...drafts.decide, body }, makeApp(world, store))).toMatchObject([
      422,
      { error: { code: 'bad_time' } },
    ]);
    expect(await contents(store)).toEqual(before);
  });
});

describe('a node that asks to accept its own statement', () => {
  it('is shown what was decided, where a crash kept that from it, and goes on', async () => {
    const { waiting: node, site, drafts, store } = world;
    const { keyset } = site.pinned;
    expect(await ask(drafts.accept)).toMatchObject([200, { published: true }]);
    const shown = await store.head(approvedKey(node.id));
    await store.delete(approvedKey(node.id));

    const next = propose({ keyset, node, files: { 'etc/hostname': 'next\n' } });
    await store.create(pendingKey(node.id, hex(next.digest)), next.bytes);
    const statement = signAsNode(
      makeStatement(keyset, node.id, 'approve', NOTHING, { digest: next.digest }),
      node,
    );
    const body = json({
      statement: toBase64Url(encodeSignedStatement(statement)),
      from: { pending: true },
    });
    const refusal = { error: { code: 'head_moved' } };
    expect(await ask({ ...drafts.accept, body })).toMatchObject([409, refusal]);
    expect((await store.head(approvedKey(node.id)))?.etag).toBe(shown?.etag);
  });

  it('is refused where an administrator must approve', async () => {
    const strict = makeSite({ name: 'http', approval: 'required' });
    const app = makeApp(strict, world.store);
    const before = await contents(world.store);
    expect(await ask(world.drafts.accept, app)).toMatchObject([
      403,
      { error: { code: 'approval_required' } },
    ]);
    expect(await contents(world.store)).toEqual(before);
  });
});
