import * as v from 'valibot';
import { toBase64Url, utf8 } from '../bundle/bytes.ts';
import type { Identity, NodeId } from '../bundle/identity.ts';
import { MAX_TIME } from '../bundle/statement.ts';
import { ERRORS, fail, hasCode, isErrorCode } from './errors.ts';
import { CAPABILITY_HEADER, ErrorAnswer, MAX_ANSWER_BYTES, NODE_ROUTES } from './node-routes.ts';
import type { Decision, DecisionSource, PutAnswer, Route, Schema } from './node-routes.ts';
import type { DigestHex } from './keys.ts';
import { addressesIn, assertWithin } from './address.ts';
import { leavingAlone } from './leave-alone.ts';
import type { LeavingAlone } from './leave-alone.ts';
import { encodingOf, isRedirect, onTheWay } from './on-the-way.ts';
import {
  AS_BYTES,
  brokeOff,
  getObject,
  putObject,
  readBody,
  reasonOf,
  SPEAKS_TLS,
} from './objects.ts';
import type { Fetch, FetchAnswer, GotObject } from './objects.ts';
import { signRequest } from './request-signature.ts';
import type { SignedHeaders, UnsignedRequest } from './request-signature.ts';

/** Which server is asked, for which site, and who signs. */
export interface ClientOptions {
  /** Address of the server: an origin, and the path below which it answers, if it has one. */
  readonly server: string;
  /** 16 bytes */
  readonly site: Uint8Array;
  /** Whoever signs; without it and `sign` only `health` and `site` can be asked. */
  readonly identity?: Identity;
  /** A capability, encoded, that is shown with every signed request: for who is no administrator. */
  readonly capability?: Uint8Array;
  /** As `signRequest` does with an identity: for a key that is in another process. */
  readonly sign?: (request: UnsignedRequest) => Promise<SignedHeaders>;
  readonly fetch?: Fetch;
  /** Unix time, seconds. */
  readonly now?: () => number;
  /**
   * For a machine whose clock may be years off: where the server refuses its time, requests to that
   * server are dated by the server's. Nothing else is, since nobody vouches for it (docs/adr/0055).
   * Absent: the refusal stands.
   */
  readonly datesByServer?: {
    /** Unix seconds: what is known to be over. No time before it is followed. */
    readonly notBefore: () => number;
  };
  /** The site's `stores`: what the answers of the server may lead to, besides it. */
  readonly stores?: readonly string[] | undefined;
  /**
   * Where a server or a store asks to be left alone, or what is in front of it fails: whether what only
   * reads waits and asks again, a few times. Without it the refusal stands, and nothing is sent there
   * before that time is over.
   */
  readonly waits?: boolean;
  /** In place of `waits`: shared with the clients of other servers, which may lead to the same store. */
  readonly left?: LeavingAlone;
  readonly timeoutSeconds?: number;
}

/** What a proposal says of itself. Bytes are bytes here; the client encodes them. */
export interface ProposalRequest {
  readonly digest: DigestHex;
  /** bytes */
  readonly size: number;
  /** The newest refusal that whoever proposes knows of. */
  readonly after?: DigestHex;
  /** Enrolment token */
  readonly token?: string;
  /** A frame of this node without its bundle: what decided the digest that it names. */
  readonly decidedBy?: Uint8Array;
}

/**
 * The calls that a node makes. Each throws `CoatcheckError`: with the server's own code and details
 * if it refused, `server_unreachable` if nothing answered, `server_garbage` if what answered is
 * not a coatcheck server.
 */
export interface NodeClient {
  /** Unix time, seconds, by the local clock. */
  now(): number;
  health(): Promise<AnswerOf<Routes['health']>>;
  site(): Promise<AnswerOf<Routes['site']>>;
  config(node: NodeId, waiting?: DigestHex): Promise<AnswerOf<Routes['config']>>;
  propose(node: NodeId, proposal: ProposalRequest): Promise<AnswerOf<Routes['propose']>>;
  report(
    node: NodeId,
    report: { digest: DigestHex; size: number; proof: Uint8Array },
  ): Promise<AnswerOf<Routes['report']>>;
  accept(
    node: NodeId,
    statement: Uint8Array,
    from?: DecisionSource,
  ): Promise<AnswerOf<Routes['accept']>>;
  /**
   * As {@link putObject}, within what an answer of the server may lead to.
   * @param options.overwrite for a report, which takes the place of the one before
   */
  put(presigned: PutAnswer, body: Uint8Array, options?: { overwrite: boolean }): Promise<void>;
  /** As {@link getObject}, within what an answer of the server may lead to. */
  get(url: string, maxBytes: number): Promise<GotObject>;
}
type Routes = typeof NODE_ROUTES;

/** What a caller knows of a route. */
export type Asked = Pick<Route, 'method' | 'path' | 'signedBy' | 'status' | 'answer' | 'body'>;
/** What a route answers, as JSON carries it. */
export type AnswerOf<R extends Pick<Route, 'answer'>> = v.InferOutput<R['answer']>;

/** What goes with a request. */
interface Parts {
  readonly node?: NodeId;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}
/** As {@link Parts}, with the body that a route takes. */
interface PartsOf<R> extends Parts {
  readonly body?: R extends { readonly body: infer S extends Schema }
    ? v.InferOutput<S>
    : undefined;
}

/** What asks one server. */
export interface Caller {
  readonly now: () => number;
  readonly put: NodeClient['put'];
  readonly get: NodeClient['get'];
  /** Asks a route. @param name of it, for messages */
  readonly call: <R extends Asked>(
    name: string,
    route: R,
    parts?: PartsOf<R>,
  ) => Promise<AnswerOf<R>>;
}

/** What is asked where a server did not answer at all: a program says behind it how another one is named. */
export const IS_IT_THERE = 'is it running, and is this its address?';

/** What asks one server. Sends nothing until it is used. */
export function createCaller(options: ClientOptions): Caller {
  const { server, site, identity, timeoutSeconds = 30 } = options;
  const fetch: Fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
  const now = options.now ?? (() => Math.floor(Date.now() / 1000));
  const base = server.replace(/\/$/, '');
  let offsetSeconds = 0;
  // Not before it gave an answer that only a server of ours gives: a name may lead to another host each time.
  const unlessAt = new Set(addressesIn(options.stores));
  const left = options.left ?? leavingAlone(options.waits === true);

  async function call<R extends Asked>(
    name: string,
    route: R,
    parts: Parts = {},
  ): Promise<AnswerOf<R>> {
    const ask = () => once(name, route, parts);
    try {
      return await (isRead(name, route) ? left.read(server, ask) : left.write(server, ask));
    } catch (error) {
      const serverNow = serverTimeOf(error);
      if (serverNow === undefined) throw error;
      const notBefore = options.datesByServer?.notBefore() ?? Infinity;
      if (serverNow < notBefore) throw clockRefused(server, now(), serverNow);
      offsetSeconds = serverNow - now();
      return await ask();
    }
  }

  async function once<R extends Asked>(name: string, route: R, parts: Parts): Promise<AnswerOf<R>> {
    const { method } = route;
    const url = new URL(base + route.path.replace(':node', parts.node ?? ''));
    for (const [key, value] of Object.entries(parts.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, value);
    }
    const body = parts.body === undefined ? undefined : utf8(JSON.stringify(parts.body));
    const headers: Record<string, string> = { accept: 'application/json', ...AS_BYTES };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (route.signedBy === 'admin or monitor' && options.capability !== undefined) {
      headers[CAPABILITY_HEADER] = toBase64Url(options.capability);
    }
    if (route.signedBy !== 'nobody') {
      const signing = { method, url, site, created: timeOfRequest() };
      Object.assign(headers, await sign(name, body === undefined ? signing : { ...signing, body }));
    }
    const { answer, json } = await send(url, { method, headers, body }, parts.signal);
    if (answer.status !== route.status) throw refusalOf(server, answer, json);
    const parsed = v.safeParse(route.answer, json);
    if (!parsed.success) throw garbage(server, `its answer to ${name} has another shape`);
    if (answer.from !== undefined) unlessAt.add(answer.from);
    return parsed.output;
  }

  function timeOfRequest(): number {
    const time = now() + offsetSeconds;
    const isBefore = offsetSeconds !== 0 && time < options.datesByServer!.notBefore();
    return isBefore ? now() : time;
  }

  async function sign(name: string, request: UnsignedRequest): Promise<SignedHeaders> {
    if (options.sign !== undefined) return options.sign(request);
    if (identity === undefined) throw fail('usage', `a key is needed to ask for ${name}`);
    return signRequest({ ...request, identity });
  }

  async function send(
    url: URL,
    init: { method: string; headers: Record<string, string>; body: Uint8Array | undefined },
    signal?: AbortSignal,
  ): Promise<{ answer: FetchAnswer; json: unknown }> {
    let answer: FetchAnswer;
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
    try {
      answer = await fetch(url.href, {
        method: init.method,
        headers: init.headers,
        ...(init.body === undefined ? {} : { body: init.body as Uint8Array<ArrayBuffer> }),
        redirect: 'manual',
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      });
    } catch (cause) {
      throw fail(
        'server_unreachable',
        `the server ${server} did not answer: ${reasonOf(cause, server)}; ${IS_IT_THERE}`,
        { cause },
      );
    }
    const body = await readBody(answer, MAX_ANSWER_BYTES).catch((cause: unknown) => {
      throw fail('server_unreachable', `the server ${server} ${brokeOff(cause)}`, { cause });
    });
    if (body === undefined) throw garbage(server, `its answer is over ${MAX_ANSWER_BYTES} bytes`);
    const text = new TextDecoder().decode(body);
    try {
      return { answer, json: JSON.parse(text) as unknown };
    } catch {
      // As Go's and nginx's servers answer in the clear.
      if (answer.status === 400 && /HTTP request (was sent )?to (an )?HTTPS/.test(text)) {
        throw fail('server_unreachable', `the server ${server} did not answer: ${SPEAKS_TLS}`);
      }
      throw refusalOf(server, answer, undefined);
    }
  }

  return {
    now,
    call,
    async put(presigned, body, { overwrite } = { overwrite: false }) {
      assertWithin(presigned.url, { server, stores: options.stores });
      const asking = { timeoutSeconds, fetch, unlessAt, overwrite };
      await left.write(presigned.url, () => putObject(presigned, body, asking));
    },
    async get(url, maxBytes) {
      assertWithin(url, { server, stores: options.stores });
      const asking = { maxBytes, timeoutSeconds, fetch, unlessAt };
      return left.read(url, () => getObject(url, asking));
    },
  };
}

/** The calls of a node, by what asks its server. */
export function nodeClient({ now, call, put, get }: Caller): NodeClient {
  const { health, site, config, propose, report, accept } = NODE_ROUTES;
  return {
    ...{ now, put, get },
    health: () => call('health', health),
    site: () => call('site', site),
    config: (node, waiting) =>
      call('config', config, { node, query: waiting === undefined ? {} : { waiting } }),
    propose: (node, { decidedBy, ...rest }) =>
      call('propose', propose, {
        node,
        body: decidedBy === undefined ? rest : { ...rest, decidedBy: toBase64Url(decidedBy) },
      }),
    report: (node, { digest, size, proof }) =>
      call('report', report, { node, body: { digest, size, proof: toBase64Url(proof) } }),
    accept: (node, statement, from) =>
      call('accept', accept, { node, body: decisionBody(statement, from) }),
  };
}

/** A decision as the routes that take one have it. */
export const decisionBody = (
  statement: Uint8Array,
  from?: DecisionSource,
  nodeBoxKey?: Uint8Array,
): v.InferOutput<typeof Decision> => ({
  statement: toBase64Url(statement),
  ...(from === undefined ? {} : { from }),
  ...(nodeBoxKey === undefined ? {} : { nodeBoxKey: toBase64Url(nodeBoxKey) }),
});

/** What a server may be asked twice: it changes nothing. */
const isRead = (name: string, { method }: Asked): boolean => method === 'GET' || name === 'read';

function serverTimeOf(error: unknown): number | undefined {
  if (!hasCode(error, 'signature_expired')) return undefined;
  const { now } = (error as ReturnType<typeof fail>).details;
  return typeof now === 'number' && Number.isInteger(now) && now >= 0 && now <= MAX_TIME
    ? now
    : undefined;
}

function clockRefused(server: string, here: number, there: number): Error {
  const [ours, theirs] = [here, there].map((time) => new Date(time * 1000).toISOString());
  return fail(
    'signature_expired',
    `the clock here says ${ours}, that of ${server} ${theirs}: set the one that is wrong`,
    { details: { now: there } },
  );
}

/**
 * The server's refusal as the error that it is; its sentence may hold anything: escape to show. What is
 * not of the server is said to be of what is in front of it.
 */
function refusalOf(server: string, answer: FetchAnswer, json: unknown): Error {
  const refusal = v.safeParse(ErrorAnswer, json);
  if (!refusal.success) return strange(server, answer, json);
  const { status } = answer;
  const { code, message, details, request = '' } = refusal.output.error;
  // Also that of what only happens on this side, where it may mean more than a server can know.
  if (!isErrorCode(code) || (ERRORS[code].status === ERRORS.internal.status && code !== 'internal'))
    return garbage(server, `it answered ${status} with an unknown code`);
  // It is true of this one only: which of several it is no server knows.
  const said =
    code === 'wrong_site'
      ? `the server ${server} is of another site than the site.json here: ask another, or take its site.json`
      : `${message.slice(0, 1000)}${/^[0-9a-f]{16}$/.test(request) ? ` (request ${request})` : ''}`;
  const { retryAfter } = onTheWay(answer);
  return fail(code, said, {
    details: { ...bounded(details), ...(retryAfter !== undefined && { retryAfter }) },
  });
}

type Details = v.InferOutput<typeof ErrorAnswer>['error']['details'];

/** Of what a server says beside its sentence as much as ours ever do: somebody prints it. */
const bounded = (details: Details): Details =>
  Object.fromEntries(
    Object.entries(details)
      .slice(0, 16)
      .map(([name, value]) => [
        name.slice(0, 64),
        typeof value === 'string' ? value.slice(0, 1000) : value,
      ]),
  );

/** An answer that is no refusal of a server of ours. */
function strange(server: string, answer: FetchAnswer, json: unknown): Error {
  const { status } = answer;
  const { says, retryAfter } = onTheWay(answer);
  // Ours names itself nowhere: it is what is in front of it, or in its place.
  const named = answer.headers.get('server')?.slice(0, 64);
  const by = named ? `, as "${named}"` : '';
  if (says === undefined || isRedirect(status)) {
    const encoding = encodingOf(answer);
    const what = json === undefined ? 'with something that is not JSON' : 'without an error code';
    const encoded = encoding === undefined ? '' : `, with content-encoding: ${encoding}`;
    return garbage(server, `it answered ${status} ${says ?? what + encoded}${by}`);
  }
  return fail(
    'server_unreachable',
    `the server ${server} did not answer: there came ${status} ${says}${by}`,
    {
      details: { status, ...(retryAfter !== undefined && { retryAfter }) },
    },
  );
}

function garbage(server: string, reason: string): Error {
  return fail('server_garbage', `${server} does not answer like a coatcheck server: ${reason}`);
}
