import * as v from 'valibot';
import { utf8 } from '../../../bundle/bytes.ts';
import { decodeFrame, verifyFrame } from '../../../bundle/frame.ts';
import { ERRORS, isErrorCode } from '../../../protocol/errors.ts';
import { COMMON_ERRORS, ErrorAnswer, ROUTES, SIGNED_ERRORS } from '../../../protocol/http.ts';
import type { Route, RouteName } from '../../../protocol/http.ts';
import { parseKey } from '../../../protocol/keys.ts';
import { SIGNATURE_HEADERS, signRequest } from '../../../protocol/request-signature.ts';
import { makeApp, NOW, ORIGIN } from '../../server/http-world.ts';
import { Choices } from '../engine/choices.ts';
import { valueOf } from '../engine/shape.ts';
import type { Target } from '../engine/target.ts';
import { demand } from '../engine/verdict.ts';
import { changed, restore, store, stored, world } from './http/store.ts';
import { nodes, signers, values } from './http/values.ts';

const NAMES = Object.keys(ROUTES) as RouteName[];
await restore();
const app = makeApp(world, store);

/** What the answer must be like, whatever was asked. */
function checkAnswer(
  route: Route | undefined,
  status: number,
  text: string,
  method: string,
): string {
  if (method === 'HEAD') return `${status}`;
  const json: unknown = JSON.parse(text);
  if (status < 400) {
    demand(route !== undefined && status === route.status, `it answers ${status}`);
    demand(v.safeParse(route!.answer, json).success, 'the answer has another shape');
    return 'ok';
  }
  const { code } = v.parse(ErrorAnswer, json).error;
  demand(isErrorCode(code) && code !== 'internal', `it refuses with ${code}: ${text}`);
  if (!isErrorCode(code)) return code;
  demand(ERRORS[code].status === status, `${code} with ${status}`);
  const known: readonly string[] = [
    ...COMMON_ERRORS,
    ...(route === undefined ? ['no_such_route', 'method_not_allowed'] : route.errors),
    ...(route?.signedBy === 'nobody' ? [] : SIGNED_ERRORS),
  ];
  demand(known.includes(code), `${code} is not in the table of the route`);
  return code;
}

/** What was decided verifies, and what a node is shown, each of its own node. */
async function checkChanges(): Promise<void> {
  for (const key of changed) {
    const parsed = parseKey(key);
    demand(parsed !== undefined, `${key} is no key`);
    if (parsed?.prefix !== 'approved' && parsed?.prefix !== 'history') continue;
    const body = (await stored(key))!;
    const frame = verifyFrame(decodeFrame(body, { maxBytes: body.length }), world.site);
    demand(frame.statement.node === parsed.node, `${key} is about another node`);
    demand(
      frame.statement.type !== 'reject' || parsed.prefix === 'history',
      'a rejection in force',
    );
  }
}

/** The path and the query that a route is asked with. */
function targetOf(route: Route, choices: Choices): string {
  const node = choices.below(8) === 7 ? encodeURIComponent(choices.text()) : choices.pick(nodes).id;
  const path = route.path.replace(':node', node);
  if (route.query === undefined) return path;
  const query = valueOf(route.query, choices, values);
  const pairs = Object.entries(Object(query) as object).filter(([, value]) => value !== undefined);
  return `${path}?${new URLSearchParams(pairs.map(([k, value]) => [k, String(value)])).toString()}`;
}

/** Mostly the same headers; else one of the signature's is missing, or is another text. */
function tampered(headers: Readonly<Record<string, string>>, choices: Choices): Headers {
  const sent = new Headers(headers);
  if (choices.below(16) < 14) return sent;
  const name = choices.pick(SIGNATURE_HEADERS);
  const text = choices.text();
  if (text === '') sent.delete(name);
  else sent.set(name, text);
  return sent;
}

/**
 * The whole server: a route, a query and a body as their schemas say, or nearly, signed by a node or
 * an administrator; or any method, path and body. Every answer is one of its route's, and nothing
 * that was decided is lost.
 */
export const target: Target = {
  async run(input) {
    const choices = new Choices(input);
    const name = choices.pick(NAMES);
    const route: Route = ROUTES[name];
    const isOdd = choices.below(8) === 7;
    const method = isOdd
      ? choices.pick(['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'PROPFIND'])
      : route.method;
    const path = isOdd ? `/${choices.text()}` : targetOf(route, choices);
    if (!URL.canParse(ORIGIN + path)) return 'no URL';
    const url = new URL(ORIGIN + path);
    const isRaw = choices.below(8) === 7;
    const value = route.body && !isRaw ? valueOf(route.body, choices, values) : undefined;
    const body = isRaw ? choices.bytes() : utf8(value === undefined ? '' : JSON.stringify(value));
    const identity = choices.pick([...signers, undefined]);
    const hasBody = method !== 'GET' && method !== 'HEAD';
    const headers = identity
      ? signRequest({
          method,
          url,
          identity,
          created: NOW,
          site: world.site.id,
          ...(hasBody && { body }),
        })
      : {};
    let request: Request;
    try {
      request = new Request(url, {
        ...{ method, headers: tampered(headers, choices) },
        ...(hasBody && { body: body.slice() }),
      });
    } catch (error) {
      if (error instanceof TypeError) return 'no request';
      throw error;
    }
    const response = await app.request(request);
    const asked = NAMES.find(
      (n) => ROUTES[n].method === method && matches(ROUTES[n].path, url.pathname),
    );
    const outcome = checkAnswer(
      asked && ROUTES[asked],
      response.status,
      await response.text(),
      method,
    );
    if (changed.size === 0) return `${asked ?? 'none'} ${outcome}`;
    await checkChanges();
    await restore();
    return `${asked ?? 'none'} ${outcome} wrote`;
  },
  seeds: NAMES.flatMap((_, i) =>
    [0, 1, 2, 3].flatMap((by) => [
      Uint8Array.of(i, 0, 0, 0, by, by, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      Uint8Array.from({ length: 40 }, (__, at) => (at === 0 ? i : (at * (by + 3)) % 7)),
      Uint8Array.from({ length: 60 }, (__, at) => (at === 0 ? i : at % 2 === by % 2 ? 0 : 1)),
    ]),
  ),
  words: ['__proto__', '/v1/nodes/', '/v1/admin/list', '..', '%2e', '{"', '":', '[]', 'null'],
  limits: { maxBytes: 256, work: [60_000, 200], allocated: [1024 * 1024, 256] },
};

function matches(pattern: string, path: string): boolean {
  return new RegExp(`^${pattern.replace(':node', '[^/]+')}$`).test(path);
}
