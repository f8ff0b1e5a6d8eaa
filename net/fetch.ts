import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request as requestPlain } from 'node:http';
import type { LookupFunction, Socket } from 'node:net';
import { parseCa } from './certificates.ts';
import { plainAddress, reachOnly } from './reach.ts';
import type { Fetch, FetchAnswer } from '../protocol/objects.ts';

/** Whom to believe, and how names are resolved. */
export interface FetchOptions {
  /** PEM, one certificate or more: whoever speaks TLS must show one that these vouch for, and no others. */
  readonly ca?: string | undefined;
  /** How names become addresses; the system's own way where it is not given. */
  readonly lookup?: LookupFunction | undefined;
  /** Whether connections are kept for what reads many objects of a store. */
  readonly keeps?: boolean;
}

/** A host that is off does not even refuse: another one may be there. */
const MAX_CONNECT_MILLISECONDS = 10_000;

/**
 * A {@link Fetch} on `node:http` and `node:https`: nothing is followed or decoded, no header
 * is sent but what is asked for, `host`, `connection` and `content-length`. Unlike the global one it
 * can be told whom to believe and where not to connect ({@link reachOnly}), and loads no HTTP client of
 * its own, which takes longer than a whole boot.
 *
 * It throws what the connection throws, at an abort its reason, and a TypeError for what is not a
 * URL of `http:` or `https:` without a password.
 *
 * @throws file_malformed as {@link parseCa}
 */
export function createFetch({ ca, lookup, keeps = false }: FetchOptions = {}): Fetch {
  const trusted = ca === undefined ? undefined : parseCa(ca);
  const transports = new Map<string, Transport>();
  return async (text, init = {}) => {
    const { method = 'GET', signal, unlessAt } = init;
    const url = new URL(text);
    if (!/^https?:$/.test(url.protocol)) throw new TypeError('its URL is not one of http');
    if (url.username !== '' || url.password !== '') throw new TypeError('its URL has a password');
    const resolve = unlessAt === undefined ? lookup : reachOnly(url, unlessAt, lookup);
    // A write that a kept connection lost may have happened.
    const keep = keeps && method === 'GET' && unlessAt !== undefined;
    const once = async (transport: Transport): Promise<FetchAnswer> => {
      const request = transport.request(url, {
        method,
        ...(init.headers !== undefined && { headers: init.headers }),
        agent: transport.agent,
        ...(resolve !== undefined && { lookup: resolve }),
        ...(signal !== undefined && { signal }),
      });
      return answerOf(await answerTo(request, init.body, signal), signal);
    };
    const transport = transportFor(url, trusted, keep, transports);
    try {
      return await once(transport);
    } catch (error) {
      // Whoever closed it meanwhile has heard nothing, and a read may be asked for twice.
      if (!(error instanceof StaleConnection)) throw aborted(signal) ?? error;
      return await once(transportFor(url, trusted, false, transports));
    }
  };
}

/** A connection that was kept was closed by the other side when it was used again. */
class StaleConnection extends Error {}

function answerTo(
  request: ClientRequest,
  body: Uint8Array | undefined,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', (error) => {
      const isStale = request.reusedSocket && signal?.aborted !== true;
      reject(isStale ? new StaleConnection('', { cause: error }) : (aborted(signal) ?? error));
    });
    request.once('socket', (socket: Socket) => {
      if (request.reusedSocket) return;
      const timer = setTimeout(() => {
        request.destroy(new Error('no connection within 10 s'));
      }, MAX_CONNECT_MILLISECONDS);
      socket.once(request.protocol === 'https:' ? 'secureConnect' : 'connect', () =>
        clearTimeout(timer),
      );
      socket.once('close', () => clearTimeout(timer));
    });
    request.end(body);
  });
}

interface Transport {
  readonly agent: Agent | false;
  readonly request: typeof requestPlain;
}

/** TLS is loaded for the first URL that needs it: most of what a machine starts with is never used. */
function transportFor(
  { protocol }: URL,
  ca: string[] | undefined,
  keepAlive: boolean,
  made: Map<string, Transport>,
): Transport {
  if (protocol === 'http:' && !keepAlive) return { agent: false, request: requestPlain };
  const name = `${protocol}${keepAlive}`;
  let transport = made.get(name);
  if (transport === undefined) {
    if (protocol === 'http:') {
      transport = { agent: new Agent({ keepAlive }), request: requestPlain };
    } else {
      const https = process.getBuiltinModule('node:https');
      // Explicit: the environment can switch it off otherwise.
      const strict = { rejectUnauthorized: true, keepAlive };
      const agent = new https.Agent(ca === undefined ? strict : { ...strict, ca });
      transport = { agent, request: https.request };
    }
    made.set(name, transport);
  }
  return transport;
}

function answerOf(message: IncomingMessage, signal: AbortSignal | undefined): FetchAnswer {
  const { statusCode: status = 0, headers, socket } = message;
  const from = socket.remoteAddress;
  return {
    ...(from !== undefined && { from: plainAddress(from) }),
    status,
    ok: status >= 200 && status <= 299,
    headers: { get: (name) => oneOf(headers[name.toLowerCase()]) },
    body: bytesOf(message, signal),
  };
}

/** Its end, early too, closes the connection. */
async function* bytesOf(
  message: IncomingMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    }
  } catch (error) {
    throw aborted(signal) ?? error;
  }
}

/** What `AbortSignal.timeout` says is why, and not that the socket was closed. */
function aborted(signal: AbortSignal | undefined): Error | undefined {
  return signal?.aborted === true ? (signal.reason as Error) : undefined;
}

const oneOf = (value: string | string[] | undefined): string | null =>
  Array.isArray(value) ? value.join(', ') : (value ?? null);
