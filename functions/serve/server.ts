import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { count } from '../../protocol/count.ts';
import { codeOf, ERRORS, fail } from '../../protocol/errors.ts';
import { PENDING_DAYS } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { errnoOf } from '../../files/errors.ts';
import { logged, refusalOf } from '../answers.ts';
import { createApp } from '../app.ts';
import type { RequestLog } from '../app.ts';
import type { OpenedStore } from '../stores/kind.ts';
import { rolesOn } from './backend.ts';
import { refuseCopies } from '../copy/refuse.ts';
import { createEvents } from '../events.ts';
import { boundLog } from './bounded-log.ts';
import { createBoundedServer } from './limits.ts';
import type { BoundedServer } from './limits.ts';
import { keepSweeping } from './sweep.ts';
import { keepTelling } from './tell.ts';
import type { ServerCertificate } from './tls-files.ts';
import { createStatesReader } from '../states.ts';
import type { PublicState, StatesReader } from '../states.ts';
import { createMetricsServer } from './metrics.ts';
import type { createMetrics } from './metrics.ts';

/** What a server is started with. */
export interface ServerOptions {
  readonly site: Site;
  /** Where the objects are, e.g. by `openFolder` or `openBucket`. */
  readonly store: OpenedStore;
  /** An address of this machine, e.g. `127.0.0.1`; one that means all of them needs `publicUrl`. */
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** A descriptor of this process that listens already, and is served instead of `host` and `port`. */
  readonly socket?: number;
  /**
   * The addresses that clients name, which may have a path: what is signed for another is refused. The
   * URLs of a store that this server answers for begin with the first. Without it they begin with
   * `http://host:port` (`https` with a certificate), and a signature is judged by the Host header.
   */
  readonly publicUrl?: string | readonly string[];
  /** Enrolment token, see `UploadDeps`. */
  readonly token?: string;
  readonly maxPending?: number;
  /** At most `LOG_LIMITS` of it; `notice` says how much was left out. */
  readonly log?: (entry: RequestLog) => void;
  /** Shown over TLS, which alone is spoken then. */
  readonly certificate?: ServerCertificate;
  /** Counts what the server does, and is asked for on a listener of its own (`--metrics`). */
  readonly metrics?: {
    readonly counts: ReturnType<typeof createMetrics>;
    readonly host: string;
    /** 0 for a free one */
    readonly port: number;
  };
  /** Told how all nodes stand: at the start, whenever something else waits, and every hour. */
  readonly states?: (states: readonly PublicState[]) => void;
  /** A line for the operator that is about no request. */
  readonly notice?: (text: string) => void;
  /** Unix time, seconds. */
  readonly clock?: () => number;
}

/** A server that takes requests. */
export interface RunningServer {
  /** Address that clients name. */
  readonly url: string;
  readonly port: number;
  /** Where metrics are. */
  readonly metricsUrl?: string;
  /** Shows another certificate from now on; of a server that was started with one. */
  readonly show?: (certificate: ServerCertificate) => void;
  /** Takes no new request, lets those under way end, for at most three seconds. */
  close(): Promise<void>;
}

const GRACE_MILLISECONDS = 3000;
/** How long a question is held at most: less than any proxy or client waits. */
const HOLD_SECONDS = 20;

/** Stands for the host of a request that names none, as balancers ask in HTTP/1.0: nobody signs for it. */
const NO_HOST = 'no-host.invalid';

/** Not several, of which another program may believe another (RFC 9112, 3.2). */
function namesOneHost({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length === 4 && rawHeaders[i]!.toLowerCase() === 'host') hosts++;
  }
  return hosts < 2;
}

/**
 * Starts the whole server in this process, on a store that was opened, within the `LIMITS` of
 * limits.ts; and sweeps `pending/`. A copy of a store that was not verified is not served: nor, once that can
 * be told, one that was away at the start.
 *
 * @throws weak_secret, port_in_use, usage; does_not_verify for such a copy; in_use where another server has the
 *   store to itself
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const giveBack = await options.store.hold?.(options.notice);
  try {
    const server = await start(options);
    return {
      ...server,
      close: async () => {
        await server.close();
        await giveBack?.();
      },
    };
  } catch (error) {
    await giveBack?.();
    throw error;
  }
}

async function start(options: ServerOptions): Promise<RunningServer> {
  const { site, store, host, port, publicUrl = [], token, maxPending, notice, metrics } = options;
  const { certificate } = options;
  const clock = options.clock ?? (() => Math.floor(Date.now() / 1000));
  const publicUrls = typeof publicUrl === 'string' ? [publicUrl] : publicUrl;
  const log =
    options.log &&
    boundLog(options.log, (left) => {
      metrics?.counts.leftOut(left);
      notice?.(`${count(left, 'line')} of the log left out`);
    });
  const answered = (entry: RequestLog): void => {
    metrics?.counts.request(entry);
    log?.log(entry);
  };
  let answer: (request: Request) => Response | Promise<Response>;
  const { admin } = rolesOn(store, { baseUrl: 'http://not.yet.invalid', clock });
  const events = createEvents(admin.store, { holdSeconds: HOLD_SECONDS });

  const failed = (error: unknown, method: string): void => {
    const code = codeOf(error);
    const { status } = ERRORS[code];
    if (status < 500) return;
    log?.log({ method, route: '/objects/*', status, milliseconds: 0, code, reason: logged(error) });
  };
  const makeAnswer = (url: string): typeof answer => {
    const { upload, admin, objects, ...roles } = rolesOn(store, { baseUrl: url, clock, failed });
    const limits = {
      ...(token === undefined ? {} : { token }),
      ...(maxPending === undefined ? {} : { maxPending }),
    };
    return createApp({
      ...{ site, clock, ...roles, upload: { ...upload, ...limits }, log: answered },
      admin: { ...admin, hasToken: token !== undefined, events },
      ...(publicUrls.length === 0 ? {} : { publicUrl: publicUrls }),
      ...(objects === undefined ? {} : { objects: counted(objects) }),
    }).fetch;
  };
  /** Of these no line is in the log but of failures: nodes poll. */
  const counted =
    (objects: (request: Request) => Promise<Response>): typeof objects =>
    async (request) => {
      const start = performance.now();
      const response = await objects(request);
      const { status } = response;
      const milliseconds = performance.now() - start;
      metrics?.counts.request({ route: '/objects/*', status, milliseconds });
      return response;
    };
  const copies = await refuseCopies(admin.store, (error) => {
    const { status, ...refusal } = refusalOf(fail('store_unavailable', ''));
    answer = () => Response.json({ error: refusal }, { status });
    notice?.(`nothing is served any more: ${logged(error)}`);
  });
  // A first time before the port is taken: a weak token must not start anything.
  answer = makeAnswer(publicUrls[0] ?? 'http://not.yet.invalid');
  const listener = getRequestListener((request) => answer(request), { hostname: NO_HOST });
  const bounded = createBoundedServer((request, response) => {
    if (namesOneHost(request)) void listener(request, response);
    else response.writeHead(400, { connection: 'close' }).end();
  }, certificate && { certificate });
  const { socket } = options;
  const bound = await listen(
    bounded.server,
    socket === undefined ? { host, port } : { fd: socket },
  );
  const name = socket === undefined ? host : bound.address;
  const url = publicUrls[0] ?? ownUrl(certificate === undefined ? 'http' : 'https', name, bound);
  if (url === undefined) {
    await close(bounded);
    throw fail(
      'usage',
      `to listen on ${name} the URL that clients use must be given (--public-url)`,
    );
  }
  answer = makeAnswer(url);
  const scraped =
    metrics &&
    (await listenForScrapes(metrics, createStatesReader(admin.store, site)).catch(
      async (error: unknown) => {
        await close(bounded);
        throw error;
      },
    ));
  const sweeping = keepSweeping(admin.store, site, clock, (swept) =>
    notice?.(`${count(swept, 'proposal')} of more than ${PENDING_DAYS} days ended`),
  );
  const telling =
    options.states &&
    keepTelling(events, createStatesReader(admin.store, site), options.states, (error) =>
      notice?.(`who is to be notified waits: ${logged(error)}`),
    );
  return {
    url,
    port: bound.port,
    ...(scraped === undefined ? {} : { metricsUrl: scraped.url }),
    ...(bounded.show && { show: bounded.show }),
    close: async () => {
      copies.stop();
      sweeping.stop();
      telling?.stop();
      events.stop();
      await close(bounded);
      // After the last answer: what stops is seen until it has stopped.
      scraped?.stop();
      log?.flush();
    },
  };
}

async function listenForScrapes(
  { counts, host, port }: NonNullable<ServerOptions['metrics']>,
  reader: StatesReader,
): Promise<{ readonly url: string; readonly stop: () => void }> {
  const server = createMetricsServer(() => counts.render(reader));
  const { address, family, port: bound } = await listen(server, { host, port });
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}/metrics`,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * How clients reach what was bound, by the name that was given; undefined where that is no one address:
 * all of them (`0`, `::0` and whatever else the system takes for that), or one with a zone.
 */
function ownUrl(
  scheme: 'http' | 'https',
  host: string,
  { address, port }: AddressInfo,
): string | undefined {
  if (/^(::|(::ffff:)?0\.0\.0\.0)$/.test(address)) return undefined;
  const text = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return URL.canParse(text) ? new URL(text).origin : undefined;
}

/** An address, or a descriptor that listens already. */
type Place = { readonly host: string; readonly port: number } | { readonly fd: number };

async function listen(server: Server, place: Place): Promise<AddressInfo> {
  const where = 'fd' in place ? 'the socket handed over' : `${place.host}, port ${place.port}`;
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        errnoOf(error) === 'EADDRINUSE' && 'port' in place
          ? fail('port_in_use', `port ${place.port} of ${place.host} is in use: choose another`)
          : fail('usage', `cannot listen on ${where}: ${error.message}`),
      );
    });
    // Many boot at once; the system takes what it allows (on Linux somaxconn).
    server.listen({ ...place, backlog: 4096 }, () => {
      const bound = server.address();
      if (bound !== null && typeof bound === 'object') resolve(bound);
      else {
        server.close();
        reject(fail('usage', `${where} is not of TCP: give an address as ListenStream=`));
      }
    });
  });
}

async function close({ server, closeConnections }: BoundedServer): Promise<void> {
  const grace = setTimeout(closeConnections, GRACE_MILLISECONDS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(grace);
}
