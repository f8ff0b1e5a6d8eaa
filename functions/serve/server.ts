import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { fail } from '../../protocol/errors.ts';
import type { Site } from '../../protocol/site.ts';
import { errnoOf } from '../../files/errors.ts';
import { createApp } from '../app.ts';
import type { RequestLog } from '../app.ts';
import type { OpenedStore } from '../stores/kind.ts';
import { rolesOn } from './backend.ts';

/** What a server is started with. */
export interface ServerOptions {
  readonly site: Site;
  /** Where the objects are, e.g. by `openFolder` or `openBucket`. */
  readonly store: OpenedStore;
  /** An address of this machine, e.g. `127.0.0.1`; `0.0.0.0` or `::` needs `publicUrl`. */
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Address that clients name, if it is not `http://host:port`; it may have a path. */
  readonly publicUrl?: string;
  /** Enrolment token, see `UploadDeps`. */
  readonly token?: string;
  readonly maxPending?: number;
  readonly log?: (entry: RequestLog) => void;
  /** Unix time, seconds. */
  readonly clock?: () => number;
}

/** A server that takes requests. */
export interface RunningServer {
  /** Address that clients name. */
  readonly url: string;
  readonly port: number;
  /** Takes no new request, lets those under way end, for at most three seconds. */
  close(): Promise<void>;
}

const GRACE_MILLISECONDS = 3000;

/**
 * Starts the whole server in this process, on a store that was opened.
 *
 * @throws weak_secret, port_in_use, usage
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { site, store, host, port, publicUrl, token, maxPending, log } = options;
  const clock = options.clock ?? (() => Math.floor(Date.now() / 1000));
  if (publicUrl === undefined && ['0.0.0.0', '::'].includes(host)) {
    throw fail(
      'usage',
      `to listen on ${host} the URL that clients use must be given (--public-url)`,
    );
  }
  let answer: (request: Request) => Response | Promise<Response>;
  const server = createAdaptorServer({
    fetch: (request) => answer(request),
    serverOptions: { requestTimeout: 30_000, headersTimeout: 10_000 },
  }) as Server;

  const makeAnswer = (url: string): typeof answer => {
    const { upload, ...roles } = rolesOn(store, { baseUrl: url, clock });
    const limits = {
      ...(token === undefined ? {} : { token }),
      ...(maxPending === undefined ? {} : { maxPending }),
    };
    return createApp({
      ...{ site, clock, ...roles, upload: { ...upload, ...limits } },
      ...(publicUrl === undefined ? {} : { publicUrl }),
      ...(log === undefined ? {} : { log }),
    }).fetch;
  };
  // A first time before the port is taken: a weak token must not start anything.
  answer = makeAnswer(publicUrl ?? `http://${host}`);
  const bound = await listen(server, host, port);
  const url = publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  answer = makeAnswer(url);
  return { url, port: bound, close: () => close(server) };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        errnoOf(error) === 'EADDRINUSE'
          ? fail('port_in_use', `port ${port} of ${host} is in use: choose another`)
          : fail('usage', `cannot listen on ${host}, port ${port}: ${error.message}`),
      );
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

async function close(server: Server): Promise<void> {
  const grace = setTimeout(() => server.closeAllConnections(), GRACE_MILLISECONDS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(grace);
}
