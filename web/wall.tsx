import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIPv6 } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { html } from 'hono/html';
import { streamSSE } from 'hono/streaming';
import type { Client } from '../protocol/client.ts';
import { fail } from '../protocol/errors.ts';
import { escapeLine } from '../protocol/escape.ts';
import { Wall } from './page/wall.tsx';
import { createWallWatch } from './wall-watch.ts';
import type { WallWatch } from './wall-watch.ts';

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** Between two signs that a stream lives, milliseconds. */
const HEARTBEAT_MILLISECONDS = 15_000;

/** More screens than any building has; who holds more of them open keeps no other from being answered for long. */
const MAX_CONNECTIONS = 512;

/** What is known of a wall from its file. */
export interface WallAbout {
  /** name of the site */
  readonly site: string;
  /** until when it may be shown, unix seconds */
  readonly expires: number;
}

/** A view that only shows, as an app: every route reads, and none changes anything (docs/adr/0266). */
function createWall(watch: () => WallWatch, about: WallAbout, authority: () => string): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
  });
  app.use(async (context, next) => {
    const { method } = context.req;
    if (method !== 'GET' && method !== 'HEAD')
      return context.text('refused: this view only shows\n', 405, { allow: 'GET, HEAD' });
    // A name that somebody else points here would let their page read what is shown.
    if (context.req.header('host') !== authority())
      return context.text('refused: another name than its own\n', 403);
    return next();
  });
  app.notFound((context) => context.text('there is no such page\n', 404));
  for (const [name, type] of [
    ['style.css', 'text/css'],
    ['wall.js', 'text/javascript'],
    ['times.js', 'text/javascript'],
  ] as const) {
    app.get(`/assets/${name}`, async (context) => {
      const text = await readFile(new URL(`./assets/${name}`, import.meta.url), 'utf8');
      return context.body(text, 200, { 'content-type': `${type}; charset=utf-8` });
    });
  }
  app.get('/', (context) =>
    context.html(html`<!doctype html>${(<Wall {...about} picture={watch().picture()} />)}`),
  );
  app.get('/events', (context) =>
    streamSSE(context, async (stream) => {
      const send = (): void => {
        const { version, at } = watch().picture();
        void stream.writeSSE({ event: 'look', data: `${version} ${at ?? ''}` });
      };
      send();
      const unsubscribe = watch().subscribe(send);
      stream.onAbort(unsubscribe);
      while (!stream.aborted && !stream.closed) {
        await stream.sleep(HEARTBEAT_MILLISECONDS);
        send();
      }
      unsubscribe();
    }),
  );
  return app;
}

/** The view, as long as it is served. */
export interface RunningWall {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the view. No key that could decide is in it, and nobody has to bring a code: whoever reaches the
 * address sees it.
 * @param client asks by a capability
 * @param host name or address that browsers ask for, and that is listened on
 * @param onOver told when the right to be told has ended
 * @throws usage for an address that nothing can be listened on; port_in_use
 */
export async function startWall(
  client: Client,
  about: WallAbout,
  { host, port, onOver }: { host: string; port: number; onOver: (error: unknown) => void },
): Promise<RunningWall> {
  if (host === '0.0.0.0' || host === '::')
    throw fail('usage', '--host is the name or the address by which browsers ask for it');
  let bound = 0;
  const origin = (): string =>
    new URL(`http://${isIPv6(host) ? `[${host}]` : host}:${bound}`).origin;
  const named = { ...about, site: escapeLine(about.site) };
  const app = createWall(
    () => watch,
    named,
    () => new URL(origin()).host,
  );
  const listener = getRequestListener((request) => app.fetch(request));
  const server = createServer((request, response) => void listener(request, response));
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? fail('port_in_use', `port ${port} is in use: choose another`)
          : fail('usage', `nothing can listen on ${host} here (${error.code ?? ''})`),
      );
    });
    server.listen(port, host, () => {
      resolve();
    });
  });
  bound = (server.address() as AddressInfo).port;
  const watch = createWallWatch(client, onOver);
  return {
    url: origin(),
    close: async () => {
      await watch.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
