import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Session } from '../admin/session.ts';
import { fail } from '../protocol/errors.ts';
import { createPage } from './app.tsx';
import { createDesk } from './desk.ts';
import { createGate } from './gate.ts';

/** The page, as long as it is served. */
export interface RunningPage {
  /** `http://<random>.localhost:<port>`: no other name reaches it */
  readonly url: string;
  /** A code for one browser, good once and for a minute: those before it are good no more. */
  newCode(): string;
  /** Finishes the signature that is under way, begins no other, and takes no request any more. */
  close(): Promise<void>;
}

/** How the page is served. */
export interface PageOptions {
  /** absent or 0: a free one */
  readonly port?: number;
  /** Until when approvals are good unless somebody says otherwise, as `parseExpiry` takes it. */
  readonly usualExpiry?: string | undefined;
}

/**
 * Serves the page on loopback. The first session is opened before anything listens.
 * @param open makes a session; called again where the administrators of the site changed
 * @throws what `open` throws; port_in_use
 */
export async function startPage(
  open: () => Promise<Session>,
  { port = 0, usualExpiry }: PageOptions = {},
): Promise<RunningPage> {
  let bound = 0;
  const gate = createGate(
    () => bound,
    () => Math.floor(Date.now() / 1000),
  );
  const first = open();
  await first;
  let isFirst = true;
  const desk = createDesk(() => {
    if (!isFirst) return open();
    isFirst = false;
    return first;
  });
  const page = createPage(desk, gate, usualExpiry);
  const listener = getRequestListener((request) => page.fetch(request));
  const strangers = new WeakMap<Socket, Promise<boolean>>();
  const server = createServer((request, response) => {
    void strangers.get(request.socket)!.then((isStranger) => {
      if (isStranger) request.socket.destroy();
      else void listener(request, response);
    });
  });
  server.on('connection', (socket) => {
    strangers.set(socket, isOfAnother(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? fail('port_in_use', `port ${port} is in use: choose another`)
          : error,
      );
    });
    server.listen(port, '127.0.0.1', () => {
      resolve();
    });
  });
  bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${gate.host}:${bound}`,
    newCode: () => gate.newCode(),
    close: async () => {
      await desk.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** How often the table of connections is read: it is no picture of one moment, and may lack a row once. */
const TABLE_READS = 5;

/**
 * Whether a connection is of another user than ours and than root: the kernel's table of connections
 * says whose, where there is one (Linux). One that it does not have is taken for another's.
 */
async function isOfAnother({ remotePort, localPort }: Socket): Promise<boolean> {
  const own = process.geteuid === undefined ? undefined : process.geteuid();
  if (own === undefined || remotePort === undefined || localPort === undefined) return false;
  // proc_pid_net(5): number, local and remote address and port in hex, the state; eighth, the uid. In state 01
  // a connection is established: one that ended has no owner any more.
  const row = new RegExp(
    `^\\s*\\d+: [0-9A-F]{8}:${hexPort(remotePort)} [0-9A-F]{8}:${hexPort(localPort)} 01 `,
  );
  for (let reads = 0; reads < TABLE_READS; reads++) {
    const table = await readFile('/proc/net/tcp', 'utf8').catch(() => undefined);
    if (table === undefined) return false;
    const found = table.split('\n').find((line) => row.test(line));
    const uid = found === undefined ? undefined : Number(found.trim().split(/\s+/)[7]);
    if (uid !== undefined) return uid !== own && uid !== 0;
  }
  return true;
}

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
