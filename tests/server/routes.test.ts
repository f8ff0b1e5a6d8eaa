import { describe, expect, it } from 'vitest';
import { utf8 } from '../../bundle/bytes.ts';
import type { Identity } from '../../bundle/identity.ts';
import { encodeSignedKeyset } from '../../bundle/keyset.ts';
import { ERRORS, isErrorCode } from '../../protocol/errors.ts';
import {
  COMMON_ERRORS,
  ErrorAnswer,
  MAX_REQUEST_BYTES,
  ROUTES,
  SIGNED_ERRORS,
} from '../../protocol/http.ts';
import type { RequestLog } from '../../functions/app.ts';
import { keysetKey } from '../../protocol/keys.ts';
import { ALL_ROUTES } from '../../protocol/probe.ts';
import { signRequest } from '../../protocol/request-signature.ts';
import { createMemoryStore } from '../../store/memory.ts';
import * as v from 'valibot';
import { malleate } from '../support/malleable.ts';
import { makeAdmin, makeNode, makeSite, nextKeyset } from '../support/site.ts';
import { brokenSigner, brokenStore, contents } from '../support/stores.ts';
import { json, makeApp, makeWorld, NOW, ORIGIN, routesOf, sendSigned } from './http-world.ts';
import type { AnyRoute, Draft } from './http-world.ts';

const world = await makeWorld();
const { site } = world;
const ROUTES_HERE = routesOf(world.app);
const SIGNED = ROUTES_HERE.filter(({ route }) => route.signedBy !== 'nobody');
const POSTED = SIGNED.filter(({ route }) => route.body !== undefined);
const OF_NODE = ROUTES_HERE.filter(({ route }) => route.path.includes(':node'));

/** The code of a refusal, after checking that it is a whole one and that the route documents it. */
async function refusal(response: Response, route?: AnyRoute): Promise<string> {
  const text = await response.text();
  const { error } = v.parse(ErrorAnswer, JSON.parse(text));
  expect(isErrorCode(error.code), error.code).toBe(true);
  const code = error.code as keyof typeof ERRORS;
  expect(response.status).toBe(ERRORS[code].status);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(error.message.length).toBeGreaterThan(10);
  expect(error.message.length).toBeLessThanOrEqual(300);
  if (route !== undefined) {
    expect([
      ...route.errors,
      ...COMMON_ERRORS,
      ...(route.signedBy === 'nobody' ? [] : SIGNED_ERRORS),
    ]).toContain(code);
  }
  return code;
}

/** Sends to the shared world, and holds that nothing in its store has changed. */
async function refused(
  route: AnyRoute,
  draft: Draft,
  more: Partial<Parameters<typeof sendSigned>[2]> = {},
): Promise<string> {
  const before = await contents(world.store);
  const response = await sendSigned(world.app, draft, { site: site.id, ...more });
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.status).toBeLessThan(500);
  expect(await contents(world.store)).toEqual(before);
  return refusal(response, route);
}

const unsigned = ({ method, target, body }: Draft): Draft => ({
  ...{ method, target },
  ...(body && { body }),
});

type Headers = ReturnType<typeof signRequest>;

/** What a client sends with this request, to be changed or sent elsewhere. */
function signedHeaders({ method, target, body, by }: Draft): Headers {
  const url = new URL(target, ORIGIN);
  const signing = { method, url, site: site.id, identity: by!, created: NOW };
  return signRequest(body === undefined ? signing : { ...signing, body });
}

const change = (headers: Headers, from: string | RegExp, to: string): Partial<Headers> => ({
  'signature-input': headers['signature-input'].replace(from, to),
});

describe('the table of routes', () => {
  it('is what the app has mounted, row for row', () => {
    expect(ROUTES_HERE.map(({ name }) => name).sort()).toEqual(Object.keys(ALL_ROUTES).sort());
  });

  it('has no place for a route that is in no row: then nothing here would ask it', () => {
    const app = makeApp(world, world.store);
    app.get('/v1/new', (c) => c.text('granted'));
    expect(() => routesOf(app)).toThrow('GET /v1/new is in no row');
  });

  it('is only mounted as far as the roles go', () => {
    const { signer, store } = { signer: brokenSigner(), store: createMemoryStore() };
    const keysets = { read: () => Promise.resolve(undefined) };
    const mounted = (roles: object): string[] =>
      routesOf(
        makeApp(world, store, {
          download: undefined,
          upload: undefined,
          admin: undefined,
          probe: undefined,
          ...roles,
        } as never),
      ).map(({ name }) => name);
    expect(mounted({})).toEqual(['health']);
    expect(mounted({ download: { signer, keysets } })).toEqual([
      'health',
      'ready',
      'site',
      'config',
    ]);
    expect(mounted({ upload: { signer, store, keysets } })).toEqual([
      'health',
      'propose',
      'report',
    ]);
    expect(mounted({ admin: { signer, store } })).toEqual([
      ...['health', 'withdraw', 'decide', 'cosign', 'accept', 'repair', 'forget', 'keyset'],
      ...['list', 'read', 'states', 'events'],
    ]);
  });
});

describe.each(ROUTES_HERE)('$route.method $route.path', ({ name, route }) => {
  it('grants what it should: the refusals below are for the reason named', async () => {
    const own = await makeWorld();
    const response = await sendSigned(own.app, own.drafts[name], { site: site.id });
    const answer: unknown = await response.json();
    expect([response.status, answer]).toEqual([route.status, answer]);
    expect(v.is(route.answer, answer)).toBe(true);
  });
});

describe.each(SIGNED)('$route.method $route.path refuses', ({ name, route }) => {
  const draft = world.drafts[name];
  const byNode = route.signedBy === 'node' || route.signedBy === 'node or admin';
  const stranger = route.signedBy.startsWith('admin') ? 'not_an_admin' : 'not_this_node';

  it('no signature', async () => {
    expect(await refused(route, unsigned(draft))).toBe('signature_missing');
  });
  it.each(['signature', 'signature-input'])('no %s', async (header) => {
    expect(await refused(route, draft, { headers: { [header]: undefined } })).toBe(
      'signature_missing',
    );
  });
  it.each(['content-digest', 'coatcheck-box-key', 'coatcheck-site'])('no %s', async (header) => {
    expect(await refused(route, draft, { headers: { [header]: undefined } })).toBe(
      'signature_malformed',
    );
  });
  it.each([
    ['signature', 'x'],
    ['signature', 'coatcheck=:AAAA:'],
    ['signature-input', 'coatcheck=()'],
    ['signature-input', `coatcheck=${'('.repeat(5000)}`],
    ['coatcheck-box-key', '../../etc/passwd'],
  ])('a malformed %s: %s', async (header, value) => {
    expect(await refused(route, draft, { headers: { [header]: value } })).toBe(
      'signature_malformed',
    );
  });
  it('a wrong signature', async () => {
    const signature = `coatcheck=:${'A'.repeat(86)}==:`;
    expect(await refused(route, draft, { headers: { signature } })).toBe('signature_invalid');
  });
  it.each([
    ['query', (url: string) => `${url}${url.includes('?') ? '&' : '?'}a=1`],
    ['host', (url: string) => url.replace('coatcheck.example', 'mirror.example')],
    ['port', (url: string) => url.replace(':8420', ':8421')],
  ])('what was signed for another %s', async (_, change) => {
    const sendTo = change(new URL(draft.target, ORIGIN).href);
    expect(await refused(route, draft, { sendTo })).toBe('signature_invalid');
  });
  it.each([
    ['old', NOW - 301],
    ['from the future', NOW + 301],
    ['from 1970', 0],
  ])('one that is %s, with the time in the answer', async (_, created) => {
    expect(await refused(route, draft, { created })).toBe('signature_expired');
    const response = await sendSigned(world.app, draft, { site: site.id, created });
    expect(await response.json()).toMatchObject({ error: { details: { now: NOW } } });
  });
  it("another node's key", async () => {
    expect(await refused(route, { ...draft, by: makeNode('other') })).toBe(stranger);
  });
  it("the key of another site's administrator", async () => {
    const other = makeSite({ name: 'elsewhere', admins: [makeAdmin('eve')] });
    const eve = other.admins[0]!.identity;
    expect(await refused(route, { ...draft, by: eve })).toBe(stranger);
    expect(await refused(route, { ...draft, by: eve }, { site: other.site.id })).toBe('wrong_site');
  });
  it("an administrator's signing key with another box key", async () => {
    const half = { ...world.ada.identity, boxKey: makeNode('other').boxKey };
    expect(await refused(route, { ...draft, by: half })).toBe(stranger);
  });
  it('the right key for another site', async () => {
    expect(await refused(route, draft, { site: new Uint8Array(16).fill(3) })).toBe('wrong_site');
  });
  it(byNode ? 'an administrator, unless it may ask too' : 'the node itself', async () => {
    if (route.signedBy === 'node or admin') return;
    const by = byNode ? world.ada.identity : world.waiting;
    expect(await refused(route, { ...draft, by })).toBe(stranger);
  });
  it('half of the right key: its signing key with another box key', async () => {
    const half = { ...draft.by!, boxKey: makeNode('other').boxKey };
    expect(await refused(route, { ...draft, by: half })).toBe(stranger);
  });
  it('what was signed for another route, or another method', async () => {
    for (const other of SIGNED) {
      const headers = signedHeaders(world.drafts[other.name]);
      if (other.name === name) Object.assign(headers, signedHeaders({ ...draft, method: 'PUT' }));
      expect(['signature_invalid', 'content_digest_mismatch', stranger], other.name).toContain(
        await refused(route, unsigned(draft), { headers }),
      );
    }
  });
  it.each<[string, (headers: Headers) => Partial<Headers>]>([
    ['cut short', ({ signature }) => ({ signature: signature.slice(0, -2) })],
    ['of half the bytes', ({ signature }) => ({ signature: `${signature.slice(0, 54)}:` })],
    ['twice in one header', ({ signature }) => ({ signature: `${signature}, ${signature}` })],
    ['beside another', ({ signature }) => ({ signature: `other=:AAAA:, ${signature}` })],
    ['under another label', ({ signature }) => ({ signature: signature.replace(/^\w+/, 'sig1') })],
    ['in base64url', ({ signature }) => ({ signature: signature.replace(/==:$/, ':') })],
    ['with parameters', ({ signature }) => ({ signature: `${signature};x=1` })],
    ['whose input is cut short', (headers) => change(headers, /;alg="ed25519"$/, '')],
    [
      'whose input is there twice',
      (headers) => change(headers, /$/, `, ${headers['signature-input']}`),
    ],
    ['of another algorithm', (headers) => change(headers, 'ed25519', 'hmac-sha256')],
    ['of no key', (headers) => change(headers, /keyid="[^"]*"/, 'keyid=""')],
    ['over less: no body', (headers) => change(headers, ' "content-digest"', '')],
    ['over less: no query', (headers) => change(headers, ' "@query"', '')],
    ['over nothing', (headers) => change(headers, /\(.*\)/, '()')],
    [
      'in another order',
      (headers) => change(headers, '"@method" "@authority"', '"@authority" "@method"'),
    ],
    ['for ever', (headers) => change(headers, /created=\d+/, 'created=99999999999999')],
    ['from before 1970', (headers) => change(headers, /created=/, 'created=-')],
    ['with an end of its own', (headers) => change(headers, /;keyid/, ';expires=9999999999;keyid')],
  ])('a signature %s', async (_, changed) => {
    const headers = changed(signedHeaders(draft));
    expect(await refused(route, draft, { headers })).toBe('signature_malformed');
  });
  it('a signature in other bytes that says the same (S + L)', async () => {
    const [, text] = /:(.*):/.exec(signedHeaders(draft).signature)!;
    const other = malleate(Buffer.from(text!, 'base64'));
    const signature = `coatcheck=:${Buffer.from(other).toString('base64')}:`;
    expect(await refused(route, draft, { headers: { signature } })).toBe('signature_invalid');
  });
  it('any other way to write its path', async () => {
    const { pathname, search, origin } = new URL(draft.target, ORIGIN);
    const end = pathname.slice(0, -1);
    const last = pathname.charCodeAt(pathname.length - 1).toString(16);
    for (const path of [
      ...[`${pathname}/`, `/${pathname}`, pathname.replaceAll('/', '//'), `${pathname};x`],
      ...[`${end}%${last}`, pathname.toUpperCase(), `${pathname}%00`, `${pathname}%20`],
      `${pathname}%2f..%2f${pathname.split('/').at(-1)!}`,
    ]) {
      for (const sent of [draft, unsigned(draft)]) {
        const more = { site: site.id, sendTo: `${origin}${path}${search}` };
        const response = await sendSigned(world.app, sent, more);
        // Either it is no route, or it is this one and the signature is over what was sent.
        expect([
          'no_such_route',
          'bad_node_id',
          'signature_invalid',
          'signature_missing',
        ]).toContain(await refusal(response));
      }
    }
  });
  it('a signature for GET on HEAD, and OPTIONS to anybody', async () => {
    const options = await sendSigned(world.app, { ...draft, method: 'OPTIONS' }, { site: site.id });
    expect(await refusal(options)).toBe('method_not_allowed');
    if (route.method !== 'GET') return;
    const headers = signedHeaders(draft);
    const head = { ...unsigned(draft), method: 'HEAD' };
    const response = await sendSigned(world.app, head, { site: site.id, headers });
    expect([response.status, await response.text()]).toEqual([401, '']);
    const signedHead = signedHeaders({ ...draft, method: 'HEAD' });
    expect(await refused(route, unsigned(draft), { headers: signedHead })).toBe(
      'signature_invalid',
    );
  });
  it('an administrator whom the newest keyset no longer has', async () => {
    const own = await makeWorld();
    const bert = makeAdmin('bert');
    const before = { signed: own.site.pinned, admins: own.admins };
    const second = encodeSignedKeyset(nextKeyset(before, [bert]));
    await own.store.create(keysetKey(2), second);
    const asks = async (by: Identity): Promise<Response> =>
      sendSigned(makeApp(own, own.store), { ...own.drafts[name], by }, { site: site.id });
    expect(await refusal(await asks(own.ada.identity), route)).toBe(stranger);
    if (route.signedBy === 'node') return;
    const answer = (await (await asks(bert.identity)).json()) as { error?: { code: string } };
    expect([undefined, 'stale_keyset', 'keyset_mismatch']).toContain(answer.error?.code);
  });
  it('a content-digest that was not signed', async () => {
    const headers = { 'content-digest': `sha-256=:${'A'.repeat(43)}=:` };
    expect(await refused(route, draft, { headers })).toBe('signature_invalid');
  });
});

describe.each(POSTED)('$route.method $route.path refuses', ({ name, route }) => {
  const draft = world.drafts[name];
  const valid = JSON.parse(Buffer.from(draft.body!).toString()) as Record<string, unknown>;

  it('another body than the one that was signed', async () => {
    const sendBody = json({ ...valid, size: 901 });
    expect(await refused(route, draft, { sendBody })).toBe('content_digest_mismatch');
  });
  it.each([
    ['without a signature', 'signature_missing', { signature: undefined }],
    ['for another site', 'wrong_site', { 'coatcheck-site': '0'.repeat(32) }],
    ['with a signature that is none', 'signature_invalid', 'forged'],
    ['signed too long ago', 'signature_expired', 'old'],
    [
      'from somebody who may not',
      route.signedBy.startsWith('admin') ? 'not_an_admin' : 'not_this_node',
      'stranger',
    ],
    ['of a length that is too much', 'body_too_large', { 'content-length': '99999999999' }],
  ] as const)('a request %s, and reads nothing of its body', async (_, code, wrong) => {
    const url = new URL(draft.target, ORIGIN);
    const body = draft.body!;
    const { method } = route;
    const headers = new Headers(
      signRequest({
        ...{ method, url, site: site.id, body },
        identity: wrong === 'stranger' ? makeNode('nobody') : draft.by!,
        created: wrong === 'old' ? NOW - 301 : NOW,
      }),
    );
    const changed =
      wrong === 'forged'
        ? { signature: `coatcheck=:${Buffer.alloc(64, 7).toString('base64')}:` }
        : typeof wrong === 'string'
          ? {}
          : wrong;
    for (const [key, value] of Object.entries<string | undefined>(changed)) {
      if (value === undefined) headers.delete(key);
      else headers.set(key, value);
    }
    let pulls = 0;
    const stream = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulls++;
          controller.enqueue(body);
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const init = { method, headers, body: stream, duplex: 'half' };
    const request = new Request(url, init);
    expect(await refusal(await world.app.fetch(request), route)).toBe(code);
    expect([pulls, request.bodyUsed]).toEqual([0, false]);
  });
  it('a body over the limit, declared or not', async () => {
    const body = new Uint8Array(MAX_REQUEST_BYTES + 1).fill(32);
    expect(await refused(route, { ...draft, body })).toBe('body_too_large');
    const headers = { 'content-length': '99999999999' };
    expect(await refused(route, draft, { headers })).toBe('body_too_large');
  });
  it.each([
    ['half of it', '{"a":'],
    ['nothing', ''],
    ['a page', '<html>'],
    ['a second document', '{} {}'],
  ])('malformed JSON: %s', async (_, text) => {
    expect(await refused(route, { ...draft, body: utf8(text) })).toBe('bad_json');
  });
  it('bytes that are not UTF-8', async () => {
    const body = Uint8Array.from([0x7b, 0xff, 0xfe, 0x7d]);
    expect(await refused(route, { ...draft, body })).toBe('bad_json');
  });
  it.each(['null', '[]', '7', '"x"', `${'['.repeat(20_000)}${']'.repeat(20_000)}`])(
    'JSON of another shape: %.20s',
    async (text) => {
      expect(await refused(route, { ...draft, body: utf8(text) })).toBe('bad_request');
    },
  );
  it.each(['{"unknown":1}', '{"__proto__":1}'])(
    'a member that it does not know: %s',
    async (more) => {
      const text = JSON.stringify(valid);
      const body = utf8(text === '{}' ? more : `${more.slice(0, -1)},${text.slice(1)}`);
      expect(await refused(route, { ...draft, body })).toBe('bad_request');
    },
  );
  it.each(Object.keys(valid))('%s of a wrong type', async (member) => {
    for (const value of [null, true, [], {}, -1, 1.5, '', '\u202e', 'x y'.repeat(1000)]) {
      const body = json({ ...valid, [member]: value });
      expect(['bad_request', 'too_large'], JSON.stringify(value)).toContain(
        await refused(route, { ...draft, body }),
      );
    }
  });
});

const HOSTILE_IDS = [
  'A'.repeat(32),
  'a'.repeat(31),
  'a'.repeat(33),
  'a'.repeat(10_000),
  '1'.repeat(32),
  '%2e%2e%2fapproved',
  'a%2f'.repeat(8),
  '%2F%2F',
  '%00'.repeat(32),
  '%ff%fe',
  '%',
  '%zz',
  'ä'.repeat(32),
  '\u202e'.repeat(8),
  '%C0%AE%C0%AE',
  ' ',
  '*',
  ':node',
  'constructor',
  '..;',
];

describe.each(OF_NODE)('$route.method $route.path refuses', ({ name, route }) => {
  it.each(HOSTILE_IDS)('the node id %.40j', async (id) => {
    const draft = { ...world.drafts[name], target: route.path.replace(':node', id) };
    expect(await refused(route, draft)).toBe('bad_node_id');
  });
  it.each(['..', '.', '%2e%2e', '', 'a/b', '../../v1/admin'])(
    'the node id %j, which makes it another path',
    async (id) => {
      const draft = { ...world.drafts[name], target: route.path.replace(':node', id) };
      const response = await sendSigned(world.app, draft, { site: site.id });
      expect(await refusal(response)).toBe('no_such_route');
    },
  );
});

describe('a path or a method that is not there', () => {
  it.each([
    '/',
    '/v1',
    '/v1/nodes',
    '/v2/health',
    '/v1/health/',
    '/v1/HEALTH',
    '//v1/health',
    '/objects/x',
  ])('GET %s is a 404 in JSON', async (path) => {
    expect(
      await refusal(
        await sendSigned(
          world.app,
          { method: 'GET', target: `http://h.example${path}` },
          { site: site.id },
        ),
      ),
    ).toBe('no_such_route');
  });

  it.each(ROUTES_HERE)('$route.path tells which methods it has', async ({ name, route }) => {
    const { target, by } = world.drafts[name];
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (method === route.method) continue;
      const response = await sendSigned(
        world.app,
        { method, target, ...(by && { by }) },
        { site: site.id },
      );
      expect(response.headers.get('allow'), method).toContain(route.method);
      expect(await refusal(response)).toBe('method_not_allowed');
    }
  });

  it.each(ROUTES_HERE.filter(({ route }) => route.method === 'GET'))(
    'HEAD $route.path is judged like GET, and has no body',
    async ({ name, route }) => {
      const draft = { ...world.drafts[name], method: 'HEAD' };
      const granted = await sendSigned(world.app, draft, { site: site.id });
      expect([granted.status, await granted.text()]).toEqual([200, '']);
      if (route.signedBy === 'nobody') return;
      expect((await sendSigned(world.app, unsigned(draft), { site: site.id })).status).toBe(401);
    },
  );
});

describe.each(['store_unavailable', 'store_denied', 'no_such_bucket'] as const)(
  'a store of which every call ends in %s',
  (code) => {
    const app = makeApp(world, brokenStore(code), { signer: brokenSigner(code) });
    it.each(ROUTES_HERE.filter(({ name }) => name !== 'health'))(
      'makes $route.method $route.path a 503, never a 404',
      async ({ name, route }) => {
        const response = await sendSigned(app, world.drafts[name], { site: site.id });
        expect(response.status).toBe(503);
        expect(await refusal(response, route)).toBe(code);
      },
    );
    it('leaves health as it is', async () => {
      expect((await sendSigned(app, world.drafts.health, { site: site.id })).status).toBe(200);
    });
  },
);

describe('a bug of ours', () => {
  it('is a 500 that says nothing about it, and a line in the log that does', async () => {
    const lines: RequestLog[] = [];
    const bug = () => Promise.reject(new Error('secret detail'));
    const app = makeApp(world, world.store, {
      signer: { signGet: bug, signPut: bug },
      log: (line) => lines.push(line),
    });
    const response = await sendSigned(app, world.drafts.config, { site: site.id });
    const text = await response.clone().text();
    expect(await refusal(response, ROUTES.config)).toBe('internal');
    expect(text).not.toContain('secret detail');
    expect(lines).toMatchObject([{ status: 500, code: 'internal', reason: 'secret detail' }]);
  });
});

describe('the log', () => {
  it('has one line for each request, and no header, body, query or URL in it', async () => {
    const lines: RequestLog[] = [];
    const app = makeApp(world, createMemoryStore(), { log: (line) => lines.push(line) });
    const token = 'a-token-that-nobody-may-read';
    const drafts: Draft[] = [
      ...Object.values(world.drafts),
      { ...world.drafts.propose, body: json({ digest: 'ab'.repeat(32), size: 9, token }) },
      { method: 'GET', target: '/v1/nothing?x=secret-in-query' },
    ];
    for (const draft of drafts) await sendSigned(app, draft, { site: site.id });
    expect(lines).toHaveLength(drafts.length);
    const text = lines.map((line) => JSON.stringify(line)).join('\n');
    for (const secret of [token, 'secret-in-query', 'X-Coatcheck', 'coatcheck=', 'ab'.repeat(32)]) {
      expect(text).not.toContain(secret);
    }
    expect(Object.keys(lines[0]!)).toEqual(['id', 'method', 'route', 'status', 'milliseconds']);
  });
});
