import { request } from 'node:http';
import { serveHttp } from '../support/http-servers.ts';

/** One exchange as somebody on the network saw it. */
export interface Captured {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly status: number;
  readonly answer: Buffer;
}

/** What lies between machines and a server that nobody has encrypted. */
export interface Tap {
  readonly url: string;
  /** In the order in which they ended. */
  readonly captured: Captured[];
  /** Where requests go. */
  target: string;
  /** From now on the answers are these, by method and path, and nothing goes through. */
  replay: readonly Captured[] | undefined;
  close(): Promise<void>;
}

export async function openTap(): Promise<Tap> {
  const captured: Captured[] = [];
  const server = await serveHttp((incoming, outgoing) => {
    const { method = '', url = '' } = incoming;
    const parts: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => parts.push(chunk));
    incoming.on('end', () => {
      if (tap.replay !== undefined) {
        const said = tap.replay.find((one) => one.method === method && samePath(one.url, url));
        outgoing.writeHead(said?.status ?? 502).end(said?.answer);
        return;
      }
      const body = Buffer.concat(parts);
      const headers = Object.fromEntries(
        Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
      );
      const forwarded = request(new URL(url, tap.target), { method, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const whole = Buffer.concat(chunks);
          const status = answer.statusCode!;
          captured.push({ method, url, headers, body, status, answer: whole });
          outgoing.writeHead(status, answer.headers).end(whole);
        });
      });
      forwarded.on('error', () => outgoing.destroy());
      forwarded.end(body);
    });
  });
  const tap: Tap = {
    ...{ url: server.url, captured, target: '', replay: undefined },
    close: server.close,
  };
  return tap;
}

const samePath = (a: string, b: string): boolean => a.split('?')[0] === b.split('?')[0];
