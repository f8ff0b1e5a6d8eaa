import type { Hono } from 'hono';
import { toBase64Url, toHex, utf8 } from '../../bundle/bytes.ts';
import { encodeFrame } from '../../bundle/frame.ts';
import type { Identity } from '../../bundle/identity.ts';
import { encodeSignedKeyset } from '../../bundle/keyset.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import { createApp } from '../../functions/app.ts';
import type { AppDeps } from '../../functions/app.ts';
import { listedKeysets, storeKeysets } from '../../functions/keysets.ts';
import { ROUTES } from '../../protocol/http.ts';
import type { Route } from '../../protocol/http.ts';
import { approvedKey, historyKey, parseDigest, pendingKey } from '../../protocol/keys.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { ALL_ROUTES } from '../../protocol/probe.ts';
import { signRequest } from '../../protocol/request-signature.ts';
import { guardStore } from '../../store/guard.ts';
import { createLocalSigner } from '../../store/local-urls.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { ObjectStore, UrlSigner } from '../../store/port.ts';
import {
  makeAdmin,
  makeNode,
  makeSite,
  makeStatement,
  nextKeyset,
  NOTHING,
  propose,
  sign,
  signAsNode,
} from '../support/site.ts';
import type { TestAdmin, TestSite } from '../support/site.ts';

export const NOW = 1_790_000_000;
export const ORIGIN = 'http://coatcheck.example:8420';

export const hex = (digest: Uint8Array): DigestHex => parseDigest(toHex(digest));
type AnyRouteName = keyof typeof ALL_ROUTES;
export type AnyRoute = Omit<Route, 'credential'>;

export const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value));

/** A request before it is signed. */
export interface Draft {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly body?: Uint8Array;
  /** Whose key the route wants; absent where it wants none. */
  readonly by?: Identity;
}

/** Signs as `by`, and sends. `headers` go over those of the signature; undefined leaves one out. */
export async function sendSigned(
  app: Hono,
  draft: Draft,
  more: {
    site: Uint8Array;
    created?: number;
    headers?: Readonly<Record<string, string | undefined>>;
    /** Sent instead of what was signed. */
    sendBody?: Uint8Array;
    sendTo?: string;
  },
): Promise<Response> {
  const { method, target, body, by } = draft;
  const url = new URL(target, ORIGIN);
  const { site, created = NOW, sendBody = body, sendTo = url.href } = more;
  const signed = by
    ? signRequest({ method, url, site, identity: by, created, ...(body && { body }) })
    : {};
  const headers = new Headers();
  const all: Record<string, string | undefined> = { ...signed, ...more.headers };
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined) headers.set(name, value);
  }
  return app.request(sendTo, {
    ...{ method, headers },
    ...(sendBody && { body: sendBody as Uint8Array<ArrayBuffer> }),
  });
}

/** The app with all three roles, each with its own credential on the same store, and a probe that finds nothing. */
export function makeApp(
  { site }: TestSite,
  store: ObjectStore,
  more: Partial<AppDeps> & { signer?: UrlSigner; token?: string; maxPending?: number } = {},
): Hono {
  const { signer, token, maxPending, ...deps } = more;
  const role = (credential: Credential): { store: ObjectStore; signer: UrlSigner } => ({
    store: guardStore(store, credential),
    signer:
      signer ??
      createLocalSigner({
        ...{ baseUrl: ORIGIN, credential, now: () => NOW },
        secret: utf8(`${credential} secret of a test, 32 bytes or more`),
      }),
  });
  const [download, upload, admin] = CREDENTIALS.map(role);
  return createApp({
    ...{ site, clock: () => NOW, admin: admin! },
    download: { signer: download!.signer, keysets: storeKeysets(download!.store) },
    upload: {
      ...{ ...upload!, keysets: listedKeysets(upload!.store) },
      ...(token !== undefined && { token }),
      ...(maxPending !== undefined && { maxPending }),
    },
    probe: { keysets: storeKeysets(admin!.store), run: () => Promise.resolve([]) },
    ...deps,
  });
}

/**
 * A site under approval none, so that every route can grant something; a node that has something
 * approved, one whose proposal waits, and a new one.
 */
export interface World extends TestSite {
  readonly store: ObjectStore;
  readonly app: Hono;
  readonly ada: TestAdmin;
  readonly known: Identity;
  readonly waiting: Identity;
  readonly fresh: Identity;
  /** What `known` can show: its decision without the bundle. */
  readonly proof: Uint8Array;
  /** For each route a request that it grants. */
  readonly drafts: Readonly<Record<AnyRouteName, Draft>>;
}

export async function makeWorld(): Promise<World> {
  // Of two, so that one signature may lack another.
  const both = [makeAdmin('ada'), makeAdmin('bob')] as const;
  const test = makeSite({ name: 'http', approval: 'none', admins: both, threshold: 2 });
  const { site, admins } = test;
  const { keyset } = site.pinned;
  const [ada] = both;
  const [known, waiting, fresh] = [makeNode('known'), makeNode('waiting'), makeNode('fresh')];
  const store = createMemoryStore();

  const mine = propose({ keyset, node: known });
  const approval = sign(
    makeStatement(keyset, known.id, 'approve', NOTHING, { digest: mine.digest }),
    ...([keyset, ...both] as const),
  );
  const frame = { chain: [site.pinned], statement: approval };
  for (const key of [historyKey(known.id, 1), approvedKey(known.id)]) {
    await store.create(key, encodeFrame({ ...frame, bundle: mine.bytes }));
  }
  const proof = encodeFrame(frame);

  const gone = makeNode('gone');
  const revoke = sign(makeStatement(keyset, gone.id, 'revoke'), keyset, ...both);
  await store.create(
    historyKey(gone.id, 1),
    encodeFrame({ chain: [site.pinned], statement: revoke }),
  );

  const proposal = propose({ keyset, node: waiting });
  await store.create(pendingKey(waiting.id, hex(proposal.digest)), proposal.bytes);
  const approve = makeStatement(keyset, waiting.id, 'approve', NOTHING, {
    digest: proposal.digest,
  });
  const decision = (statement: ReturnType<typeof sign>): object => ({
    statement: toBase64Url(encodeSignedStatement(statement)),
    from: { pending: true },
  });

  const { identity } = ada;
  const draft = (
    name: AnyRouteName,
    node: Identity | undefined,
    by: Identity | undefined,
    more = {},
  ) => ({
    method: ALL_ROUTES[name].method,
    target: ALL_ROUTES[name].path.replace(':node', node?.id ?? ''),
    ...(by && { by }),
    ...more,
  });
  const upload = { digest: 'ab'.repeat(32), size: 900 };
  const drafts: Record<AnyRouteName, Draft> = {
    health: draft('health', undefined, undefined),
    ready: draft('ready', undefined, undefined),
    site: draft('site', undefined, undefined),
    config: draft('config', fresh, fresh),
    propose: draft('propose', fresh, fresh, { body: json(upload) }),
    report: draft('report', known, known, {
      body: json({ ...upload, proof: toBase64Url(proof) }),
    }),
    decide: draft('decide', waiting, identity, {
      body: json({
        ...decision(sign(approve, keyset, ...both)),
        nodeBoxKey: toBase64Url(waiting.boxKey),
      }),
    }),
    cosign: draft('cosign', waiting, identity, {
      body: json({
        ...decision(sign(approve, keyset, ada)),
        nodeBoxKey: toBase64Url(waiting.boxKey),
      }),
    }),
    accept: draft('accept', waiting, waiting, {
      body: json(decision(signAsNode(approve, waiting))),
    }),
    withdraw: draft('withdraw', fresh, identity, { body: json({ digest: upload.digest }) }),
    forget: draft('forget', gone, identity, {
      body: json({ head: hex(revoke.digest) }),
    }),
    keyset: draft('keyset', undefined, identity, {
      body: json({
        keyset: toBase64Url(
          encodeSignedKeyset(nextKeyset({ signed: site.pinned, admins }, [ada, makeAdmin('cyd')])),
        ),
      }),
    }),
    repair: draft('repair', known, identity, { body: json({}) }),
    list: {
      ...draft('list', undefined, identity),
      target: `${ROUTES.list.path}?prefix=pending`,
    },
    states: draft('states', undefined, identity),
    events: draft('events', undefined, identity),
    read: draft('read', undefined, identity, { body: json({ keys: [approvedKey(known.id)] }) }),
    probe: draft('probe', undefined, identity, { body: json({}) }),
  };
  return {
    ...{ ...test, store, ada, known, waiting, fresh, proof, drafts },
    app: makeApp(test, store),
  };
}

/** The routes that an app has mounted, each with its row of the table. */
export function routesOf(app: Hono): { name: AnyRouteName; route: AnyRoute }[] {
  const routes = app.routes.filter(({ method }) => method !== 'ALL'); // what answers all else
  return routes.map(({ method, path }) => {
    const found = (Object.keys(ALL_ROUTES) as AnyRouteName[]).find(
      (name) => ALL_ROUTES[name].method === method && ALL_ROUTES[name].path === path,
    );
    if (found === undefined) throw new Error(`${method} ${path} is in no row of the table`);
    return { name: found, route: ALL_ROUTES[found] };
  });
}
