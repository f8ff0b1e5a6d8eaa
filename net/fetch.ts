import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as requestPlain } from 'node:http';
import type { Agent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { parseCa } from './certificates.ts';
import type { Fetch, FetchAnswer } from '../protocol/objects.ts';

/** Whom to believe, and how names are resolved. */
export interface FetchOptions {
  /** PEM, one certificate or more: whoever speaks TLS must show one that these vouch for, and no others. */
  readonly ca?: string | undefined;
  /** How names become addresses; the system's own way where it is not given. */
  readonly lookup?: LookupFunction | undefined;
}

/** A host that is off does not even refuse: another one may be there. */
const MAX_CONNECT_MILLISECONDS = 10_000;

/**
 * A {@link Fetch} on `node:http` and `node:https`: nothing is followed, decoded or kept, no header
 * is sent but what is asked for, `host`, `connection` and `content-length`. Unlike the global one it
 * can be told whom to believe, and loads no HTTP client of its own, which takes longer than a whole boot.
 *
 * It throws what the connection throws, at an abort its reason, and a TypeError for what is not a
 * URL of `http:` or `https:` without a password.
 *
 * @throws file_malformed as {@link parseCa}
 */
export function createFetch({ ca, lookup }: FetchOptions = {}): Fetch {
  const trusted = ca === undefined ? undefined : parseCa(ca);
  let tls: Transport | undefined;
  return async (text, init = {}) => {
    const { method = 'GET', headers = {}, body, signal } = init;
    const url = new URL(text);
    const isTls = url.protocol === 'https:';
    if (!isTls && url.protocol !== 'http:') throw new TypeError('its URL is not one of http');
    if (url.username !== '' || url.password !== '') throw new TypeError('its URL has a password');
    const { agent, request: open } = isTls ? (tls ??= overTls(trusted)) : PLAIN;
    const options: RequestOptions = {
      method,
      headers,
      agent,
      ...(lookup !== undefined && { lookup }),
      ...(signal !== undefined && { signal }),
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = open(url, options);
      request.once('response', resolve);
      request.on('error', (error) => reject(aborted(signal) ?? error));
      request.once('socket', (socket) => {
        const timer = setTimeout(() => {
          request.destroy(new Error('no connection within 10 s'));
        }, MAX_CONNECT_MILLISECONDS);
        socket.once(isTls ? 'secureConnect' : 'connect', () => clearTimeout(timer));
        socket.once('close', () => clearTimeout(timer));
      });
      request.end(body);
    });
    return answerOf(answer, signal);
  };
}

interface Transport {
  readonly agent: Agent | false;
  readonly request: typeof requestPlain;
}

const PLAIN: Transport = { agent: false, request: requestPlain };

/** Loaded for the first URL that needs it: most of what a machine starts with is never used. */
function overTls(ca: string[] | undefined): Transport {
  const { Agent, request } = process.getBuiltinModule('node:https');
  // Explicit: the environment can switch it off otherwise.
  const strict = { rejectUnauthorized: true };
  return { agent: new Agent(ca === undefined ? strict : { ...strict, ca }), request };
}

function answerOf(message: IncomingMessage, signal: AbortSignal | undefined): FetchAnswer {
  const { statusCode: status = 0, headers } = message;
  return {
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
