import { quote } from '../bundle/errors.ts';
import { fail, hasCode } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { isRedirect, onTheWay } from './on-the-way.ts';
import { ownPutHeaders } from './put-headers.ts';

/**
 * Plain HTTP against an object store: what whoever holds a presigned URL does, without
 * credentials and without an SDK.
 */

/** The part of `fetch` that is used: it follows no redirect, and can be replaced by fetch.ts. */
export type Fetch = (url: string, init?: FetchInit) => Promise<FetchAnswer>;

/** What a request carries: the part of the Fetch standard's `RequestInit` that is used. */
export interface FetchInit {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly redirect?: 'manual';
  readonly signal?: AbortSignal;
  /**
   * Where a server's answer named the URL: of the addresses that no stranger's word leads to
   * (`net/reach.ts`) those that may be connected to all the same. Absent: whoever runs this named it.
   */
  readonly unlessAt?: ReadonlySet<string>;
}

/** An answer: the part of the Fetch standard's `Response` that is used. */
export interface FetchAnswer {
  readonly status: number;
  /** 200 to 299 */
  readonly ok: boolean;
  readonly headers: { get(name: string): string | null };
  /** The address of whoever answered; not known in a browser */
  readonly from?: string | undefined;
  /** Left early, it is cancelled. */
  readonly body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | null;
}

/**
 * What everything is asked for with: the bytes as they were stored. What an answer says of a
 * `content-encoding` changes nothing about them, so nobody undoes one; only a browser, and the global
 * `fetch`, do all the same, and send a wish of their own.
 */
export const AS_BYTES = { 'accept-encoding': 'identity' } as const;

/** A store's error documents are short; what is longer is not one. */
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * The body of an answer. Undefined if it is longer than `maxBytes`: the rest is not read.
 * Throws what the connection throws.
 */
export async function readBody(
  message: Pick<FetchAnswer, 'body'> | Request,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  if (message.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(message.body)) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined) return first;
  const body = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

/** Safari cannot iterate over a `ReadableStream`; a reader it has. */
function chunksOf(
  body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  return 'getReader' in body ? readThrough(body) : body;
}

async function* readThrough(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let isOver = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      isOver = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!isOver) await reader.cancel().catch(() => undefined);
  }
}

/** How an object is asked for. */
interface Asking {
  readonly timeoutSeconds: number;
  readonly fetch: Fetch;
  /** As in {@link FetchInit} */
  readonly unlessAt?: ReadonlySet<string> | undefined;
}

/** An object, or that there is none. */
export type GotObject =
  { readonly found: true; readonly body: Uint8Array } | { readonly found: false };

/**
 * Fetches an object by its presigned URL. `found: false` **only** for a 404 whose body says
 * `NoSuchKey`: a missing bucket, a proxy's 404, a refusal are failures, never "not there". What it
 * begins with is looked at only to name a `content-encoding` as the reason of what will not verify.
 *
 * @throws too_large above `maxBytes`, store_unavailable, store_denied, no_such_bucket, answer_refused
 */
export async function getObject(
  url: string,
  { maxBytes, ...asking }: Asking & { readonly maxBytes: number },
): Promise<GotObject> {
  const init = { method: 'GET', headers: AS_BYTES };
  const answer = await send(asking, url, init, 'store_unavailable');
  if (answer.status !== 200) {
    const code = await errorCodeOf(answer);
    if (answer.status === 404 && code === 'NoSuchKey') return { found: false };
    throw refusal(url, answer, code, 'store_unavailable');
  }
  const body = await readBody(answer, maxBytes).catch((cause: unknown) => {
    throw fail('store_unavailable', `the object store at ${hostOf(url)} ${brokeOff(cause)}`, {
      cause,
    });
  });
  if (body === undefined) {
    throw fail('too_large', `an object of ${hostOf(url)} is larger than ${maxBytes} bytes`);
  }
  const packed = packedBy(answer.headers.get('content-encoding'), body);
  if (packed === undefined) return { found: true, body };
  throw fail('store_unavailable', `an object of ${hostOf(url)} ${packed}`);
}

/**
 * Why what was read would not verify, where the answer says it: something on the way packed it. Every
 * object of ours begins with `cc`, and nothing that is packed does.
 *
 * @param encoding the answer's `content-encoding`
 */
export function packedBy(
  encoding: string | null | undefined,
  [first, second]: Uint8Array,
): string | undefined {
  if (!encoding || (first === 0x63 && second === 0x63)) return undefined;
  return `came with content-encoding ${quote(encoding)}, which is not undone: does a proxy compress what passes?`;
}

/**
 * Uploads by a presigned PUT, with the headers of {@link pinnedPutHeaders} and no others.
 *
 * @param options.overwrite as for the headers
 * @throws answer_refused where its headers are others; already_exists if something is at that key,
 *   store_denied (also for an expired URL), store_full, no_such_bucket, store_unknown if it may have been stored all the same
 */
export async function putObject(
  presigned: { url: string; headers: Readonly<Record<string, string>> },
  body: Uint8Array,
  { overwrite = false, ...asking }: Asking & { readonly overwrite?: boolean },
): Promise<void> {
  const { url } = presigned;
  // fetch sends the length by itself, and sends a given one twice.
  const { 'content-length': _, ...headers } = ownPutHeaders(presigned.headers, body, overwrite);
  const init = { method: 'PUT', headers, body: body as Uint8Array<ArrayBuffer> };
  const answer = await send(asking, url, init, 'store_unknown');
  if (!answer.ok) throw refusal(url, answer, await errorCodeOf(answer), 'store_unknown');
  await readBody(answer, 0).catch(() => undefined);
  // Every store says the ETag of what it stored; a log-in page that answers 200 does not.
  if (answer.headers.get('etag') === null) {
    throw fail('store_unknown', `what answers for the object store at ${hostOf(url)} is none`);
  }
}

async function send(
  { fetch, timeoutSeconds, unlessAt }: Asking,
  url: string,
  init: FetchInit,
  otherwise: ErrorCode,
): Promise<FetchAnswer> {
  try {
    return await fetch(url, {
      ...init,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
      ...(unlessAt !== undefined && { unlessAt }),
    });
  } catch (cause) {
    if (hasCode(cause, 'answer_refused')) throw cause;
    throw unreachable(url, cause, otherwise);
  }
}

/** The `<Code>` of an S3 error document. */
async function errorCodeOf(answer: FetchAnswer): Promise<string | undefined> {
  const body = await readBody(answer, MAX_ERROR_BYTES).catch(() => undefined);
  return /<Code>([A-Za-z]{1,60})<\/Code>/.exec(new TextDecoder().decode(body))?.[1];
}

function refusal(
  url: string,
  answer: FetchAnswer,
  s3Code: string | undefined,
  otherwise: ErrorCode,
): Error {
  const { status } = answer;
  const { says, retryAfter } = onTheWay(answer);
  const why = s3Code ?? says ?? 'without a code';
  const said = `the object store at ${hostOf(url)} answered ${status} ${why}`;
  return fail(codeFor(status, s3Code, otherwise), said, {
    details: {
      status,
      ...(s3Code !== undefined && { s3Code }),
      ...(retryAfter !== undefined && { retryAfter }),
    },
  });
}

const FULL = ['XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded', 'QuotaExceeded'];

/** Whether an S3 error says that there is no room: on a disk, or in a quota (400 or 403). */
export function isFull(status: number, s3Code: string | undefined): boolean {
  return status === 507 || (s3Code !== undefined && FULL.includes(s3Code));
}

function codeFor(status: number, s3Code: string | undefined, otherwise: ErrorCode): ErrorCode {
  if (s3Code === 'NoSuchBucket') return 'no_such_bucket';
  if (status === 412) return 'already_exists';
  if (isFull(status, s3Code)) return 'store_full';
  // Who redirects, or wants a log-in, is no store that could have taken anything.
  if (s3Code === undefined && (isRedirect(status) || status === 407)) return 'store_unavailable';
  if (status === 409 || status === 429 || status >= 500) return otherwise;
  return status === 404 ? 'store_unavailable' : 'store_denied';
}

function unreachable(url: string, cause: unknown, code: ErrorCode): Error {
  return fail(code, `the object store at ${hostOf(url)} did not answer: ${reasonOf(cause, url)}`, {
    cause,
  });
}

/** What is said of an answer that began and has no end. */
export const brokeOff = (cause: unknown): string =>
  `broke off in the middle of its answer: ${reasonOf(cause)}`;

/** Never the whole URL: a presigned one is a credential. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'an unreadable URL';
}

/** What is said of an address with the wrong one of `http:` and `https:`. */
export const SPEAKS_TLS = 'it speaks TLS, and its address must begin with https:';
const SPEAKS_PLAIN = 'it speaks plain HTTP, and its address must begin with http:';

/** What is behind the "fetch failed" of a fetch. @param url what was asked */
export function reasonOf(error: unknown, url = ''): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause ? cause.code : undefined;
  // OpenSSL's code, or its sentence behind a code of the system.
  const isNoTls = /wrong.version.number|packet.length.too.long/i;
  if (isNoTls.test(String(code)) || (code === 'EPROTO' && isNoTls.test(cause.message))) {
    return SPEAKS_PLAIN;
  }
  // What speaks TLS only hangs up on plain HTTP, or answers with an alert.
  const isNoHttp =
    cause.name === 'HTTPParserError' || /^(UND_ERR_SOCKET|HPE_.*|ECONNRESET)$/.test(String(code));
  if (isNoHttp && /^http:/.test(url)) return `${cause.message}; if it speaks TLS, say https:`;
  return 'code' in cause && typeof cause.code === 'string' && cause.message === ''
    ? cause.code
    : cause.message;
}
