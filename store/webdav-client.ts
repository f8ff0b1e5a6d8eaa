import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent as HttpAgent, request as requestPlain } from 'node:http';
import { Agent as HttpsAgent, request as requestTls } from 'node:https';
import { fail } from '../protocol/errors.ts';
import type { CoatcheckError } from '../bundle/errors.ts';
import { errnoOf } from '../files/errors.ts';
import { isFull } from '../protocol/objects.ts';

/** A collection of a WebDAV server, and who we are there. */
export interface WebdavOptions {
  /** `https://dav.lan/coatcheck/`; of `http:` or `https:`, and without a password */
  readonly url: string;
  readonly user?: string;
  /** Sent with each request (RFC 7617) */
  readonly password?: string;
  /** PEM: who alone vouches for the server, instead of those whom the system believes */
  readonly ca?: string;
  /** PEM, with those between it and its root */
  readonly certificate?: string;
  /** PEM, of the certificate */
  readonly key?: string;
}

/** What is asked of a WebDAV server. */
export interface WebdavRequest {
  readonly method: 'DELETE' | 'GET' | 'HEAD' | 'MKCOL' | 'OPTIONS' | 'PROPFIND' | 'PUT';
  /** Below the URL of the collection; each segment as it is, not encoded */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Of the answer: what is longer is an error. */
  readonly maxBytes?: number;
  /** Runs before the body is sent, when the server has said that it may come (RFC 9110, 10.1.1). */
  readonly between?: () => Promise<void>;
}

/** An answer that was read to its end. */
export interface WebdavAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** The body was longer than `maxBytes`; then it is empty here. */
  readonly isTooLarge: boolean;
}

/** Sends requests below one collection. */
export interface WebdavClient {
  /** Ends in a slash. */
  readonly url: URL;
  /**
   * Nothing is followed. A write is sent once, and given up after {@link WRITE_SECONDS}.
   * @throws store_unavailable; store_unknown for a write that may have been done
   */
  readonly ask: (request: WebdavRequest) => Promise<WebdavAnswer>;
  /** The path of a URL of this server, as `href` in an answer has it. */
  readonly pathOf: (path: string) => string;
}

/** How long a write may take, seconds: the lease rests on it (webdav-lease.ts). */
export const WRITE_SECONDS = 20;
/** How long nothing may come of an answer. */
const IDLE_SECONDS = 20;
/** The server's own words about a refusal. */
const MAX_WORDS = 64 * 1024;
const READ_SOCKETS = 16;
const READS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'PROPFIND'];

/** Whether what was asked for changes nothing. */
export const isRead = ({ method }: Pick<WebdavRequest, 'method'>): boolean =>
  READS.includes(method);

/** Sends nothing until it is used. */
export function createWebdavClient(options: WebdavOptions): WebdavClient {
  const url = new URL(options.url.replace(/\/*$/, '/'));
  const { user, password, ca, certificate, key } = options;
  const isTls = url.protocol === 'https:';
  const trust = {
    // Explicit: the environment can switch it off otherwise.
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { cert: certificate }),
    ...(key !== undefined && { key }),
  };
  const request = isTls ? requestTls : requestPlain;
  const agentOf = (how: object): HttpAgent =>
    isTls ? new HttpsAgent({ ...trust, ...how }) : new HttpAgent(how);
  const reader = agentOf({ keepAlive: true, maxSockets: READ_SOCKETS });
  // On a fresh connection: one that was kept may be lost with the request, done or not.
  const writer = agentOf({});
  const authorization =
    user === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}` };
  const pathOf = (path: string): string =>
    url.pathname + path.split('/').map(encodeURIComponent).join('/');

  async function once(asked: WebdavRequest, sent: { at?: ClientRequest }): Promise<WebdavAnswer> {
    const isWrite = !isRead(asked);
    const length = asked.body?.length ?? 0;
    const target = new URL(url);
    target.pathname = pathOf(asked.path);
    const outgoing = request(target, {
      method: asked.method,
      agent: isWrite ? writer : reader,
      headers: {
        'accept-encoding': 'identity',
        'content-length': String(length),
        ...authorization,
        ...asked.headers,
        ...(asked.between && { expect: '100-continue' }),
      },
      ...(isWrite && { signal: AbortSignal.timeout(WRITE_SECONDS * 1000) }),
    });
    sent.at = outgoing;
    const incoming = await answerTo(outgoing, asked);
    if (!isFramed(asked, incoming)) throw new Error('the answer does not say how long it is');
    const answer = await answerOf(incoming, asked.maxBytes ?? MAX_WORDS);
    // Refused before its body was asked for, it would wait for it.
    if (asked.between !== undefined) outgoing.destroy();
    return answer;
  }

  return {
    url,
    pathOf,
    async ask(asked) {
      const sent: { at?: ClientRequest } = {};
      try {
        try {
          return await once(asked, sent);
        } catch (error) {
          // Whoever closed it meanwhile has heard nothing, and a read may be asked for twice.
          if (!isRead(asked) || sent.at?.reusedSocket !== true) throw error;
          return await once(asked, sent);
        }
      } catch (error) {
        const isUnknown = !isRead(asked) && reached.has(sent.at?.socket ?? {});
        const code = isUnknown ? 'store_unknown' : 'store_unavailable';
        const said = errnoOf(error) ?? (error as Error).message;
        throw fail(code, `${asked.method} ${target(url, asked.path)}: no answer (${said})`, {
          cause: error,
        });
      }
    },
  };
}

/** How a request's place is named to people. */
const target = (url: URL, path: string): string => url.origin + url.pathname + path;

/** Connections that were made: only there a request may have been heard. */
const reached = new WeakSet<object>();

function answerTo(
  outgoing: ClientRequest,
  { body, between }: WebdavRequest,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.once('socket', (socket) => {
      const event = outgoing.protocol === 'https:' ? 'secureConnect' : 'connect';
      if (outgoing.reusedSocket) reached.add(socket);
      else socket.once(event, () => reached.add(socket));
    });
    outgoing.setTimeout(IDLE_SECONDS * 1000, () => {
      outgoing.destroy(new Error(`nothing came within ${IDLE_SECONDS} s`));
    });
    if (between === undefined) outgoing.end(body);
    else {
      outgoing.once('continue', () => {
        between().then(() => outgoing.end(body), reject);
      });
      outgoing.flushHeaders();
    }
  });
}

/** Whether it is seen if the answer is cut (RFC 9112, 6.3): otherwise half of an object would pass for it. */
const isFramed = (
  { method }: WebdavRequest,
  { statusCode, headers }: Pick<IncomingMessage, 'statusCode' | 'headers'>,
): boolean =>
  method === 'HEAD' ||
  statusCode === 204 ||
  headers['content-length'] !== undefined ||
  headers['transfer-encoding'] !== undefined;

/** @throws what the connection throws; where the answer is shorter than it says */
async function answerOf(incoming: IncomingMessage, maxBytes: number): Promise<WebdavAnswer> {
  const { statusCode: status = 0, headers } = incoming;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Leaving the loop closes the connection.
    if (length > maxBytes) return { status, headers, body: new Uint8Array(), isTooLarge: true };
    chunks.push(chunk);
  }
  if (!incoming.complete) throw new Error('the answer was cut');
  return { status, headers, body: new Uint8Array(Buffer.concat(chunks)), isTooLarge: false };
}

/** The port's error for a status that is not about the object itself. */
export function refusal(
  { url }: Pick<WebdavClient, 'url'>,
  asked: Pick<WebdavRequest, 'method' | 'path'>,
  { status, headers }: Pick<WebdavAnswer, 'status' | 'headers'>,
): CoatcheckError {
  const { code, what } = meaningOf(status, isRead(asked));
  const where = headers.location === undefined ? '' : `, which leads to ${headers.location}`;
  return fail(
    code,
    `${asked.method} ${target(url, asked.path)}: ${what}: ${status}${where.slice(0, 200)}`,
    { details: { status } },
  );
}

function meaningOf(
  status: number,
  isRead: boolean,
): { code: 'store_denied' | 'store_full' | 'store_unavailable' | 'store_unknown'; what: string } {
  if (isFull(status, '')) return { code: 'store_full', what: 'the server is full' };
  if (status === 401 || status === 403) {
    return { code: 'store_denied', what: 'the server refused these credentials' };
  }
  if (status === 423) {
    return { code: 'store_unavailable', what: 'another program of WebDAV has locked it' };
  }
  if (status === 405) {
    return { code: 'store_unavailable', what: 'the server does not do that: is it one of WebDAV?' };
  }
  if (isRead) return { code: 'store_unavailable', what: 'the server could not be asked' };
  // A redirect or a 4xx did nothing; 409 (what else is there), 400 and 404 (below a file), 5xx may be half done.
  const isDone = status < 300 || status > 499 || [400, 404, 408, 409].includes(status);
  return isDone
    ? { code: 'store_unknown', what: 'whether the write was done is not known' }
    : { code: 'store_unavailable', what: 'the server refused it' };
}
