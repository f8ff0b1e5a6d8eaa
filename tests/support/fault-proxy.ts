import { once } from 'node:events';
import { request as forward } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as forwardTls } from 'node:https';
import type { RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveHttp } from './http-servers.ts';
import type { TestServer } from './http-servers.ts';
import type { Random } from './random.ts';

/**
 * What goes wrong with a request on its way to a server, or with its answer.
 *
 * `before` and `after`: whether the request took effect. `late`: the connection is reset, and the
 * request arrives when {@link FaultProxy.settle} is called. `twice`: it arrives twice, and the second
 * answer is given; `again, late`: the first is given, and it arrives once more at `settle`. `cut`:
 * half of the answer, then the connection ends; `cut, unframed`: the same to an answer without a
 * length, so that HTTP does not say that anything is missing. `stalled`: half of it, and then nothing
 * more. `never`: no answer at all.
 */
export const WIRE_FAULTS = [
  ...(['reset before', 'reset after', 'late', 'cut', 'cut, unframed', 'stalled'] as const),
  ...(['delayed', 'twice', 'again, late', '409 before', '409 after'] as const),
  ...(['500 before', '500 after', '503 before', '503 after', 'never'] as const),
] as const;
export type WireFault = (typeof WIRE_FAULTS)[number];

/** Those that a client notices at once, and not by a time-out. */
export const QUICK_WIRE_FAULTS: readonly WireFault[] = WIRE_FAULTS.filter(
  (fault) => fault !== 'never' && fault !== 'stalled',
);

export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
}

export interface FaultProxy extends TestServer {
  /** Lets arrive what is late. */
  settle(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly statusText: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

const ERRORS: Record<string, string> = {
  409: 'ConditionalRequestConflict',
  500: 'InternalError',
  503: 'SlowDown',
};
const MAX_DELAY_MILLISECONDS = 20;

/**
 * A proxy in front of a real server. It keeps the client's `Host`, so that signatures stay good.
 *
 * @param plan asked once for each request, in the order of their arrival
 * @param random of the delays
 * @param tls who vouches for the server, and who asks, where it is one of `https:`
 */
export async function serveFaults(
  target: string,
  plan: (request: ProxiedRequest) => WireFault | undefined,
  random: Random,
  tls: { readonly [part in 'ca' | 'cert' | 'key']?: string | undefined } = {},
): Promise<FaultProxy> {
  const underWay: (() => Promise<unknown>)[] = [];

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url = '', rawHeaders, socket } = incoming;
    const body = await readAll(incoming);
    const send = (): Promise<Answer> =>
      sendOn(new URL(url, target), { method, headers: rawHeaders, ...tls }, body);
    const fault = plan({ method, target: url });
    const [status, when] = /^(\d+) (\w+)$/.exec(fault ?? '')?.slice(1) ?? [];
    if (status !== undefined) {
      if (when === 'after') await send();
      refuse(outgoing, Number(status), method);
    } else if (fault === 'reset before' || fault === 'late') {
      if (fault === 'late') underWay.push(send);
      socket.resetAndDestroy();
    } else if (fault !== 'never') {
      const first = await send();
      const answer = fault === 'twice' ? await send() : first;
      if (fault === 'again, late') underWay.push(send);
      if (fault === 'delayed') await sleep(random.below(MAX_DELAY_MILLISECONDS));
      if (fault === 'reset after') socket.resetAndDestroy();
      else if (fault === 'stalled') socket.write(half(answer, true));
      else if (fault === 'cut') socket.end(half(answer, true));
      else if (fault === 'cut, unframed') socket.end(half(answer, false));
      else give(outgoing, answer, method);
    }
  }

  const server = await serveHttp((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  return {
    ...server,
    settle: async () => {
      for (const send of underWay.splice(0)) await send().catch(() => undefined);
    },
  };
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function sendOn(url: URL, options: RequestOptions, body: Buffer): Promise<Answer> {
  const ask = url.protocol === 'https:' ? forwardTls : forward;
  const sent = ask(url, { ...options, agent: false }).end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return {
    status: answer.statusCode!,
    statusText: answer.statusMessage!,
    headers: answer.rawHeaders,
    body: await readAll(answer),
  };
}

function give(outgoing: ServerResponse, answer: Answer, method: string): void {
  outgoing.writeHead(answer.status, answer.headers as string[]);
  outgoing.end(method === 'HEAD' ? undefined : answer.body);
}

function refuse(outgoing: ServerResponse, status: number, method: string): void {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${ERRORS[status]}</Code></Error>`;
  outgoing.writeHead(status, { 'content-type': 'application/xml' });
  outgoing.end(method === 'HEAD' ? undefined : xml);
}

/**
 * Half of the body, or of the head where there is no body: no server writes that by itself.
 * @param isFramed whether the head says how long the body is
 */
function half({ status, statusText, headers, body }: Answer, isFramed: boolean): Buffer {
  const lines = [`HTTP/1.1 ${status} ${statusText}`];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if (['content-length', 'transfer-encoding', 'connection'].includes(name)) continue;
    lines.push(`${name}: ${headers[i + 1]}`);
  }
  if (isFramed) lines.push(`content-length: ${body.length}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\nconnection: close\r\n\r\n`, 'latin1');
  if (body.length === 0) return head.subarray(0, head.length / 2);
  return Buffer.concat([head, body.subarray(0, body.length / 2)]);
}
