import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { NarrowConnection, Turns } from './narrow.ts';
import type { ServerCertificate } from './tls-files.ts';

/**
 * What strangers may have of one process. None of it is by address: a rack of a thousand machines
 * stands behind one, and boots at once (docs/adr/0176).
 */
export const LIMITS = {
  /** Beyond them a connection is closed as it comes. The storm of a thousand boots has two each. */
  connections: 8192,
  /**
   * Of one connection, without an answer yet; what comes after them is not read before. The first may
   * still have to send its body when the second is seen. No client of ours has more than one.
   */
  requestsAtOnce: 2,
  /** Request line and headers, bytes; a signed request has 800. */
  headerBytes: 8 * 1024,
  headers: 64,
  /** Until the headers are there: also of a connection that says nothing. */
  headersMilliseconds: 10_000,
  /** Until the body is there. */
  requestMilliseconds: 30_000,
  /** Without a byte either way, e.g. of a client that takes no answer. */
  silentMilliseconds: 30_000,
  /** Between two requests. */
  keepAliveMilliseconds: 5_000,
  /** How often connections are looked at whose time is over. */
  checkMilliseconds: 2_000,
};

/** A server within limits. */
export interface BoundedServer {
  readonly server: Server;
  /** Ends every connection, also one that has not agreed on TLS yet. */
  readonly closeConnections: () => void;
  /** Shows another certificate to connections that come from now on; of a server over TLS. */
  readonly show?: (certificate: ServerCertificate) => void;
}

/** @param certificate where it is given, only TLS is spoken */
export function createBoundedServer(
  listener: RequestListener,
  {
    limits = LIMITS,
    certificate,
  }: { limits?: typeof LIMITS; certificate?: ServerCertificate } = {},
): BoundedServer {
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMilliseconds,
    requestTimeout: limits.requestMilliseconds,
    keepAliveTimeout: limits.keepAliveMilliseconds,
    connectionsCheckingInterval: limits.checkMilliseconds,
  };
  const answer = inTurn(listener, limits.requestsAtOnce);
  const handshakeTimeout = limits.headersMilliseconds;
  const tls =
    certificate && createTlsServer({ ...options, handshakeTimeout, ...certificate }, answer);
  const server: Server = tls ?? createServer(options, answer);
  const readable = tls === undefined ? 'connection' : 'secureConnection';
  const serve = server.listeners(readable) as ((connection: Duplex) => void)[];
  server.removeAllListeners(readable);
  const turns = new Turns();
  server.on(readable, (socket: Socket) => {
    const connection = new NarrowConnection(socket, turns);
    for (const each of serve) each.call(server, connection);
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.maxConnections = limits.connections;
  server.maxHeadersCount = limits.headers;
  server.setTimeout(limits.silentMilliseconds, (socket) => socket.destroy());
  return {
    server,
    closeConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
    ...(tls && { show: (other) => tls.setSecureContext(other) }),
  };
}

/** Holds a connection while it has as many requests without an answer as it may. */
function inTurn(listener: RequestListener, atOnce: number): RequestListener {
  const unanswered = new WeakMap<Duplex, number>();
  return (request, response) => {
    const connection: Duplex = request.socket;
    const isNarrow = connection instanceof NarrowConnection;
    const now = (unanswered.get(connection) ?? 0) + 1;
    unanswered.set(connection, now);
    if (isNarrow && now >= atOnce) connection.hold();
    response.once('close', () => {
      unanswered.set(connection, unanswered.get(connection)! - 1);
      if (isNarrow) connection.release();
    });
    listener(request, response);
  };
}
