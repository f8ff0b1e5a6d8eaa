import { once } from 'node:events';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createBoundedServer, LIMITS } from './limits.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  closers.splice(0).forEach((close) => {
    close();
  });
});

async function listen(
  listener: RequestListener,
  limits: Partial<typeof LIMITS> = {},
): Promise<Server> {
  const { server } = createBoundedServer(listener, { limits: { ...LIMITS, ...limits } });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.close().closeAllConnections();
  });
  return server;
}

function dial(server: Server): Socket {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  closers.push(() => socket.destroy());
  return socket.on('error', () => undefined);
}

/** All that comes until the other side closes. */
async function all(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

/** Until so many connections are open. */
async function untilOpen(server: Server, count: number): Promise<void> {
  for (;;) {
    const open = await new Promise((resolve) => {
      server.getConnections((_, n) => {
        resolve(n);
      });
    });
    if (open === count) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
};
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n${more}\r\n`;

describe('a client that sends requests before it has answers', () => {
  it('has a few of them looked at, whatever it sends at once, and all answered in order', async () => {
    let open = 0;
    let most = 0;
    const server = await listen((request, response) => {
      most = Math.max(most, ++open);
      setImmediate(() => {
        open--;
        response.end(request.url);
      });
    });
    const paths = Array.from({ length: 2000 }, (_, i) => `/${i}`);
    const socket = dial(server);
    const answers = all(socket);
    socket.write(paths.map((path) => get(path)).join('') + get('/last', 'connection: close\r\n'));
    const bodies = [...(await answers).matchAll(/\r\n\r\n(\/[a-z0-9]+)/g)].map(([, body]) => body);
    expect(bodies).toEqual([...paths, '/last']);
    // One more may have been on its way.
    expect(most).toBeLessThanOrEqual(LIMITS.requestsAtOnce + 1);
  });

  it('keeps nobody from being heard in between', async () => {
    const order: string[] = [];
    const server = await listen((request, response) => {
      order.push(request.url!);
      setImmediate(() => response.end());
    });
    for (let i = 0; i < 30; i++) dial(server).resume().write(get('/flood').repeat(1000));
    while (order.length < 100) await new Promise((resolve) => setImmediate(resolve));
    const before = order.length;
    const other = dial(server);
    const heard = all(other);
    other.write(get('/health', 'connection: close\r\n'));
    expect(await heard).toContain('200 OK');
    // Of the 30,000 that were sent before.
    expect(order.indexOf('/health') - before).toBeLessThan(10_000);
  });

  it('may do so with bodies, in any pieces', async () => {
    const server = await listen((request, response) => {
      void bodyOf(request).then((body) => response.end(`${request.url!} ${body};`));
    });
    const socket = dial(server);
    const answers = all(socket);
    const post = (path: string, body: string, more = ''): string =>
      `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;
    const sent =
      post('/1', 'ends\r\n\r\nearly') +
      get('/2') +
      post('/3', '') +
      post('/4', 'x'.repeat(200_000)) +
      post('/5', 'last', 'connection: close\r\n');
    for (let i = 0; i < sent.length; i += 7001) socket.write(sent.slice(i, i + 7001));
    const bodies = [...(await answers).matchAll(/\r\n\r\n(\/\d [^;]*);/g)].map(([, body]) => body);
    expect(bodies).toEqual([
      '/1 ends\r\n\r\nearly',
      '/2 ',
      '/3 ',
      `/4 ${'x'.repeat(200_000)}`,
      '/5 last',
    ]);
  });
});

describe('a connection', () => {
  const never: RequestListener = () => undefined;
  const answer: RequestListener = (_, response) => response.end();

  it('over the number that there may be is closed as it comes', async () => {
    const server = await listen(answer, { connections: 3 });
    const open = [dial(server), dial(server), dial(server)];
    await Promise.all(open.map((socket) => once(socket, 'connect')));
    const fourth = dial(server);
    expect(await all(fourth)).toBe('');
    open[0]!.destroy();
    await untilOpen(server, 2);
    const fifth = dial(server);
    const heard = all(fifth);
    fifth.write(get('/', 'connection: close\r\n'));
    expect(await heard).toContain('200 OK');
  });
  it.each([
    ['says nothing', ''],
    ['never ends its headers', 'GET / HTTP/1.1\r\nhost: a\r\nx: '],
    ['never sends its body', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n'],
  ])('that %s is closed', async (_, text) => {
    const server = await listen(never, {
      ...{ headersMilliseconds: 20, requestMilliseconds: 30, checkMilliseconds: 10 },
    });
    const socket = dial(server);
    if (text !== '') socket.write(text);
    expect(await all(socket)).toMatch(/^(HTTP\/1.1 408 .*)?/);
  });
  it('that takes no answer is closed', async () => {
    const server = await listen((_, response) => response.end(Buffer.alloc(64 * 1024 * 1024)), {
      silentMilliseconds: 50,
    });
    const socket = dial(server);
    socket.write(get('/'));
    socket.pause();
    await untilOpen(server, 0);
  });
  it('that has said enough is closed a while later, and not before it was used again', async () => {
    const server = await listen(answer, { keepAliveMilliseconds: 50 });
    const socket = dial(server);
    const answers = all(socket);
    socket.write(get('/1'));
    await once(socket, 'data');
    socket.write(get('/2'));
    expect((await answers).match(/200 OK/g)).toHaveLength(2);
  });
  it('with headers that are too much is told so', async () => {
    const server = await listen(answer);
    const socket = dial(server);
    const heard = all(socket);
    socket.write(get('/', `x: ${'y'.repeat(LIMITS.headerBytes)}\r\n`));
    expect(await heard).toContain('431');
  });
  it('that goes away leaves nothing behind', async () => {
    let seen = 0;
    const closed: (string | undefined)[] = [];
    const silent: RequestListener = (request, response) => {
      seen++;
      response.once('close', () => closed.push(request.url));
    };
    const server = await listen(silent, { silentMilliseconds: 50 });
    const socket = dial(server);
    socket.write(get('/1') + get('/2') + get('/3'));
    while (seen === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    await untilOpen(server, 0);
    expect(closed).toContain('/1');
  });
});
