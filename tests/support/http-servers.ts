import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TestServer {
  /** e.g. `http://127.0.0.1:40123` */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** A server on a free port of the loopback interface. */
export async function serveHttp(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/**
 * A plain reverse proxy that keeps the client's `Host`.
 * @param loseAnswer for a request whose answer the client shall never see, although it was given
 */
export function serveProxy(
  target: string,
  loseAnswer: (incoming: IncomingMessage) => boolean = () => false,
): Promise<TestServer> {
  return serveHttp((incoming, outgoing) => {
    const { method, headers, url } = incoming;
    const forwarded = request(new URL(url!, target), { method, headers }, (answer) => {
      if (loseAnswer(incoming)) {
        answer.resume().on('end', () => incoming.socket.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
}
