import type { Context } from 'hono';
import * as v from 'valibot';
import { fromBase64Url, equalBytes } from '../bundle/bytes.ts';
import {
  decodeSignedCapability,
  MAX_CAPABILITY_BYTES,
  verifyCapability,
} from '../bundle/capability.ts';
import { CoatcheckError } from '../bundle/errors.ts';
import { nodeIdOf } from '../bundle/identity.ts';
import type { NodeId, PublicKeys } from '../bundle/identity.ts';
import type { SignedKeyset } from '../bundle/keyset.ts';
import { codeOf, fail } from '../protocol/errors.ts';
import { CAPABILITY_HEADER, MAX_REQUEST_BYTES } from '../protocol/http.ts';
import type { Answer, Body, Query, Route, RouteName } from '../protocol/http.ts';
import { parseNodeId } from '../protocol/keys.ts';
import { readBody } from '../protocol/objects.ts';
import { verifyHead } from '../protocol/request-signature.ts';
import type { VerifiedHead } from '../protocol/request-signature.ts';
import type { Site } from '../protocol/site.ts';
import { adminWith } from './keysets.ts';
import type { ChainReader } from './keysets.ts';

/** As what somebody asks; `first` is an administrator whose key may only approve what is first. */
export type Caller = 'node' | 'admin' | 'first' | 'monitor';

/** What a handler is given: everything checked that can be checked without knowing the route. */
export interface Call<N extends RouteName> {
  /** Of the path; the empty string where the path names none. */
  readonly node: NodeId;
  /** Who signed, and as what; absent where nobody has to. */
  readonly by: Caller | undefined;
  /** Its keys */
  readonly signer: PublicKeys | undefined;
  readonly query: Query<N>;
  readonly body: Body<N>;
  /** Unix time, seconds */
  readonly now: number;
}

/** What a route does with a call that was admitted. Throws what the route refuses with. */
export type Handler<N extends RouteName> = (call: Call<N>) => Answer<N> | Promise<Answer<N>>;
/** By the routes that there are. */
export type Handlers = { readonly [N in RouteName]?: Handler<N> };

/** A route, whoever serves it. */
export type Mounted = Omit<Route, 'credential'>;

/** What the checks in front of every handler need. */
export interface Gate {
  readonly site: Site;
  readonly clock: () => number;
  /** The hosts that clients name, where they are known: any other is refused. Else that of the request. */
  readonly publicHosts: readonly string[] | undefined;
  /** Path below which clients find the routes, if it is not known from the request's own. */
  readonly basePath: string | undefined;
}

const NO_BODY = new Uint8Array();
/** How long a key that was added is not known to be one, at most. */
const NEW_ADMIN_SECONDS = 5;

/**
 * The way of every request to its handler: the node id, the length of the body, the signature, who
 * may; then the body, and the shapes. In this order, so that nothing is read, held or parsed for
 * somebody who may not ask.
 *
 * @param chain the administrators that may ask, for routes that an administrator signs
 */
export async function admit<N extends RouteName>(
  c: Context,
  route: Mounted,
  gate: Gate,
  chain: ChainReader | undefined,
): Promise<Call<N>> {
  const now = gate.clock();
  const node = route.path.includes(':node')
    ? parseNodeId(c.req.param('node') ?? '')
    : ('' as NodeId);
  if (route.body !== undefined) demandLength(c.req.raw);
  const head = route.signedBy === 'nobody' ? undefined : verify(c, route, gate, now);
  const shown = c.req.header(CAPABILITY_HEADER);
  const by = head && (await authorize(route, { node, shown, now }, head.signer, chain));
  const bytes = route.body === undefined ? NO_BODY : await readRequestBody(c.req.raw);
  head?.demandBody(bytes);
  return {
    node,
    ...{ by, signer: head?.signer },
    query: check(route.query, () => c.req.query()) as Query<N>,
    body: check(route.body, () => parseJson(bytes)) as Body<N>,
    now,
  };
}

function verify(c: Context, route: Mounted, gate: Gate, now: number): VerifiedHead {
  const { host, pathname, search } = new URL(c.req.url);
  return verifyHead({
    method: c.req.method,
    target: { pathname: publicPath(gate, route, pathname), search },
    hosts: gate.publicHosts ?? [host],
    header: (name) => c.req.header(name),
    site: gate.site.id,
    now,
  });
}

/** As the client named it, whatever of it was taken off on the way here. */
function publicPath({ basePath }: Gate, route: Mounted, pathname: string): string {
  if (basePath === undefined) return pathname;
  const own = pathname.split('/').slice(1 - route.path.split('/').length);
  return `${basePath}/${own.join('/')}`;
}

async function authorize(
  route: Mounted,
  { node, shown, now }: { node: NodeId; shown: string | undefined; now: number },
  signer: PublicKeys,
  chain: ChainReader | undefined,
): Promise<Caller> {
  const { signedBy } = route;
  if (signedBy.startsWith('node') && nodeIdOf(signer) === node) return 'node';
  if (signedBy === 'node' || chain === undefined) {
    throw fail('not_this_node', `the request is not signed by node ${node}`);
  }
  if (signedBy === 'admin or monitor' && shown !== undefined) {
    await demandCapability(shown, signer, now, chain);
    return 'monitor';
  }
  const admin =
    adminWith(await chain(), signer) ??
    // It may have been added since. However many strangers ask, that is read again this often.
    adminWith(await chain(NEW_ADMIN_SECONDS), signer);
  if (admin?.may === 'all') return 'admin';
  if (admin?.may === 'first') {
    if (route.mayFirst === true) return 'first';
    throw fail(
      'key_not_allowed',
      'a "first" key decides what is first, and asks for nothing else: ask with another key',
    );
  }
  throw signedBy.startsWith('admin')
    ? fail('not_an_admin', 'the key that signed the request is not in the newest keyset')
    : fail(
        'not_this_node',
        `the request is signed neither by node ${node} nor by an administrator`,
      );
}

/** @throws capability_refused */
async function demandCapability(
  text: string,
  { signKey }: PublicKeys,
  now: number,
  chain: ChainReader,
): Promise<void> {
  const newest = async (maxAge?: number): Promise<SignedKeyset> => (await chain(maxAge)).at(-1)!;
  try {
    if (text.length > MAX_CAPABILITY_BYTES * 2)
      throw fail('too_large', 'the capability is too long');
    const signed = decodeSignedCapability(fromBase64Url(text));
    const { capability } = signed;
    if (!equalBytes(capability.signKey, signKey)) {
      throw fail(
        'bad_signer',
        'the capability is of another key than that which signed the request',
      );
    }
    const known = await newest();
    const isNewer = !equalBytes(capability.keyset, known.digest);
    verifyCapability(signed, isNewer ? await newest(NEW_ADMIN_SECONDS) : known);
    if (now >= capability.expires) {
      throw fail(
        'bad_time',
        `the capability ended at ${new Date(capability.expires * 1000).toISOString()}`,
      );
    }
  } catch (cause) {
    if (!(cause instanceof CoatcheckError) || codeOf(cause).startsWith('store_')) throw cause;
    throw fail(
      'capability_refused',
      `${cause.message}: an administrator gives a new one (coatcheck keys monitor)`,
      { cause },
    );
  }
}

const declaredLength = ({ headers }: Request): number => Number(headers.get('content-length') ?? 0);

function demandLength(request: Request): void {
  if (declaredLength(request) > MAX_REQUEST_BYTES) throw bodyTooLarge();
}

async function readRequestBody(request: Request): Promise<Uint8Array> {
  if (request.bodyUsed) throw bodyIsGone();
  const body = await readBody(request, MAX_REQUEST_BYTES);
  if (body === undefined) throw bodyTooLarge();
  if (body.length === 0 && declaredLength(request) > 0) throw bodyIsGone();
  return body;
}

const bodyTooLarge = (): Error =>
  fail('body_too_large', `a request may have at most ${MAX_REQUEST_BYTES} bytes`);

/** A digest of what is left would tell the client that it is at fault. */
function bodyIsGone(): Error {
  return fail('body_was_read', 'the body of the request was read before it came to coatcheck');
}

function parseJson(bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw fail('bad_json', 'the body is not JSON in UTF-8', { cause });
  }
  // A schema of an object takes a list for one without members.
  if (Array.isArray(value)) throw fail('bad_request', 'the request: a list is not an object');
  return value;
}

function check(schema: v.GenericSchema | undefined, input: () => unknown): unknown {
  if (schema === undefined) return undefined;
  const result = v.safeParse(schema, input());
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue) ?? 'the request';
  throw fail('bad_request', `${where}: ${issue.message}`.slice(0, 200));
}
