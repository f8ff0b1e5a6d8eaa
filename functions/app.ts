import { Hono } from 'hono';
import type { Context } from 'hono';
import { basePath as mountPath } from 'hono/route';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { getPath } from 'hono/utils/url';
import { CoatcheckError } from '../bundle/errors.ts';
import { basePathOf, isBasePath, isServerAddress } from '../protocol/address.ts';
import { toHex } from '../bundle/bytes.ts';
import type { NodeId } from '../bundle/identity.ts';
import { codeOf, fail } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { ROUTES } from '../protocol/http.ts';
import type { Route, RouteName } from '../protocol/http.ts';
import { isNodeId } from '../protocol/keys.ts';
import { PROBE_ROUTE } from '../protocol/probe.ts';
import type { Credential } from '../protocol/permissions.ts';
import type { Site } from '../protocol/site.ts';
import type { UrlSigner } from '../store/port.ts';
import { logged, refusalOf } from './answers.ts';
import type { Finding } from './doctor/probe.ts';
import { cachedChain, storeKeysets } from './keysets.ts';
import type { ChainReader, KeysetReader } from './keysets.ts';
import { admit } from './route.ts';
import type { Call, Gate, Handler, Handlers, Mounted } from './route.ts';
import { adminRoutes } from './routes/admin.ts';
import type { AdminDeps } from './routes/admin.ts';
import { downloadRoutes } from './routes/download.ts';
import { uploadRoutes } from './routes/upload.ts';
import type { UploadDeps } from './routes/upload.ts';
import { VERSION } from './version.ts';

/** One line of the log: what was asked and how it ended. Never a header, a body or a URL. */
export interface RequestLog {
  /** 16 hex digits: what the answer has as `x-request-id`; absent for what `/objects/` failed with. */
  readonly id?: string;
  readonly method: string;
  /** The route's path as the table has it; `none` for a path that no route has. */
  readonly route: string;
  /** Whom the path names, where it names a node: anybody may. */
  readonly node?: NodeId;
  readonly status: number;
  readonly milliseconds: number;
  readonly code?: ErrorCode;
  /** Why, for a failure of the server's own (a status of 500 and above): one line, escaped. */
  readonly reason?: string;
}

/** What the server is made of. */
export interface AppDeps {
  readonly site: Site;
  /** Unix time, seconds. */
  readonly clock?: () => number;
  /** The roles, each with its own credential: only the routes of those given are there. */
  readonly download?: { readonly signer: UrlSigner; readonly keysets: KeysetReader };
  readonly upload?: UploadDeps & { readonly keysets: KeysetReader };
  readonly admin?: AdminDeps;
  /** Probes the store for an administrator (`protocol/probe.ts`); absent: there is no such route. */
  readonly probe?: {
    readonly keysets: KeysetReader;
    readonly run: () => Promise<readonly Finding[]>;
  };
  /**
   * Answers presigned URLs, on `/objects/` beside the routes: for a store that has no server of its
   * own (`createLocalHandler`). What it failed with it gives to `failed`, for the log.
   */
  readonly objects?: (request: Request, failed?: (error: unknown) => void) => Promise<Response>;
  /**
   * The addresses that clients name, one or more: what is signed for another host is refused, whatever
   * the Host header says, which is any client's word. Without them the host is that of the header. Their
   * path, the same of all, is a `basePath`.
   */
  readonly publicUrl?: string | readonly string[];
  /**
   * The path below which clients find the routes, e.g. `/coatcheck`: requests are signed for it.
   * Whatever takes the requests to this app may take it off their paths, or not.
   */
  readonly basePath?: string;
  readonly log?: (entry: RequestLog) => void;
}

const CHAIN_CACHE_SECONDS = 60;
/** By what an operator finds the line of the log that is about an answer. */
const REQUEST_ID = 'x-request-id';

/**
 * The server: docs/http-api.md over the roles that it is given. It keeps no state but a short
 * cache of the public keysets, and does nothing until it is asked. It can be a part of another
 * server (docs/library.md): it answers each path that it is given, with JSON if with a refusal.
 *
 * @throws weak_secret for an enrolment token that is none; usage for a `publicUrl` or `basePath`
 *   that is none, or where they say two paths
 */
export function createApp(deps: AppDeps): Hono {
  const { site, download, upload, admin, probe, objects, log } = deps;
  const clock = deps.clock ?? (() => Math.floor(Date.now() / 1000));
  const place = placeOf(deps);
  const gate: Gate = { site, clock, ...place };

  const chainOf = (keysets: KeysetReader): ChainReader =>
    cachedChain(keysets, site, { cacheSeconds: CHAIN_CACHE_SECONDS, clock });
  const chains: Partial<Record<Credential, ChainReader>> = {
    ...(download && { download: chainOf(download.keysets) }),
    ...(upload && { upload: chainOf(upload.keysets) }),
    ...(admin && { admin: chainOf(storeKeysets(admin.store)) }),
  };
  const handlers: Handlers = {
    health: ({ now }) => ({ ok: true, version: VERSION, now }),
    ...(download && downloadRoutes(site, download, chains.download!)),
    ...(upload && uploadRoutes(site, upload)),
    ...(admin && adminRoutes(site, admin)),
  };

  const app = new Hono({ getPath: (request) => pathBelow(place.basePath, getPath(request)) });
  if (objects !== undefined) {
    app.all('/objects/*', async (c) => {
      const response = await objects(c.req.raw);
      if (response.ok && c.req.method === 'PUT') admin?.events?.stir();
      return response;
    });
  }
  app.onError((error, c) =>
    finish(c, 'none', performance.now(), (id) => refuse(c, error, id), error),
  );
  const mounted: Mounted[] = [];
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    const handler = handlers[name] as Handler<RouteName> | undefined;
    if (handler === undefined) continue;
    const route: Route = ROUTES[name];
    const chain = route.credential === 'any' ? undefined : chains[route.credential];
    mount(route, chain, async (call) => {
      const answer = await handler(call);
      if (route.credential === 'admin' && route.method === 'POST') admin?.events?.stir();
      return answer;
    });
  }
  if (probe !== undefined) {
    const { keysets, run } = probe;
    mount(PROBE_ROUTE, chainOf(keysets), async () => ({ findings: await run() }));
  }
  // A route, and no `notFound`: that of the app which this one is mounted in would answer.
  app.all('*', (c) => {
    const start = performance.now();
    const error = noSuchRoute(mounted, c);
    return finish(c, 'none', start, (id) => refuse(c, error, id), error);
  });

  function mount(
    route: Mounted,
    chain: ChainReader | undefined,
    handler: (call: Call<RouteName>) => Promise<object>,
  ): void {
    mounted.push(route);
    app.on(route.method, route.path, async (c) => {
      const start = performance.now();
      try {
        const answer = await handler(await admit(c, route, gate, chain));
        return finish(c, route.path, start, () => c.json(answer, route.status));
      } catch (error) {
        return finish(c, route.path, start, (id) => refuse(c, error, id), error);
      }
    });
  }

  function finish(
    c: Context,
    route: string,
    start: number,
    respond: (id: string) => Response,
    error?: unknown,
  ): Response {
    const id = toHex(crypto.getRandomValues(new Uint8Array(8)));
    const response = respond(id);
    response.headers.set(REQUEST_ID, id);
    const node = route.includes(':node') ? (c.req.param('node') ?? '') : '';
    log?.({
      ...{ id, method: c.req.method, route },
      ...(isNodeId(node) ? { node } : {}),
      status: response.status,
      milliseconds: Math.round((performance.now() - start) * 1000) / 1000,
      ...(error === undefined ? {} : { code: codeOf(error) }),
      ...(response.status < 500 ? {} : { reason: logged(error) }),
    });
    return response;
  }
  return app;
}

/** `{"error": {code, message, details}}` with the status of the table; for a failure of the server with its id. */
function refuse(c: Context, thrown: unknown, id: string): Response {
  const { status, ...error } = refusalOf(thrown);
  const named = status >= 500 ? { ...error, request: id } : error;
  return c.json({ error: named }, status as ContentfulStatusCode);
}

/** For each of them a signature is checked, where the request's own host is none of them. */
const MAX_PUBLIC_URLS = 8;

/** @throws usage */
function placeOf({ publicUrl, basePath }: AppDeps): Pick<Gate, 'publicHosts' | 'basePath'> {
  if (basePath !== undefined && !isBasePath(basePath)) {
    throw fail('usage', 'basePath is a path such as /coatcheck, without a slash at its end');
  }
  if (publicUrl === undefined) return { publicHosts: undefined, basePath };
  const texts = typeof publicUrl === 'string' ? [publicUrl] : publicUrl;
  if (texts.length === 0 || texts.length > MAX_PUBLIC_URLS || !texts.every(isServerAddress)) {
    throw fail(
      'usage',
      `publicUrl is an address such as https://lan.example/coatcheck, or up to ${MAX_PUBLIC_URLS} of them`,
    );
  }
  const urls = texts.map((text) => new URL(text));
  const path = basePath ?? basePathOf(urls[0]!);
  for (const url of urls) {
    if (basePathOf(url) === path) continue;
    throw fail(
      'usage',
      `publicUrl ${url.href} does not end in the path ${path === '' ? '/' : path}`,
    );
  }
  return { publicHosts: urls.map(({ host }) => host), basePath: path };
}

function pathBelow(base: string | undefined, path: string): string {
  return base !== undefined && path.startsWith(`${base}/`) ? path.slice(base.length) : path;
}

function noSuchRoute(mounted: readonly Mounted[], c: Context): CoatcheckError {
  // Of the app that this one is mounted in; this one's own was taken off before.
  const path = pathBelow(mountPath(c).replace(/\/$/, ''), c.req.path);
  const allowed = mounted.filter((route) => matches(route.path, path)).map((r) => r.method);
  if (allowed.length === 0) {
    return fail('no_such_route', 'this server has no such route: docs/http-api.md lists them');
  }
  const methods = allowed.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  c.header('Allow', methods.join(', '));
  return fail('method_not_allowed', `this route is asked with ${methods.join(' or ')}`);
}

function matches(pattern: string, path: string): boolean {
  const parts = path.split('/');
  const wanted = pattern.split('/');
  return (
    wanted.length === parts.length &&
    wanted.every((part, i) => (part.startsWith(':') ? parts[i] !== '' : part === parts[i]))
  );
}
