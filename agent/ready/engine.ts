import * as v from 'valibot';
import { utf8 } from '../../bundle/bytes.ts';
import { fail } from '../../protocol/errors.ts';
import { createFetch } from '../../net/fetch.ts';
import type { Fetch, FetchInit } from '../../protocol/objects.ts';
import { ask, patiently } from './ask.ts';
import type { Reply, Manners } from './ask.ts';
import type { Credentials, Engine } from './config.ts';
import { fetchEngineCa } from './engine-ca.ts';

/** What the engine shall know this machine by. */
export interface Host {
  readonly name: string;
  /** Host name or address by which the engine reaches it */
  readonly address: string;
}

const TokenAnswer = v.object({ access_token: v.pipe(v.string(), v.regex(/^[!-~]+$/)) });
const HostList = v.object({
  host: v.optional(v.array(v.object({ name: v.string(), address: v.optional(v.string()) })), []),
});
const Fault = v.object({ reason: v.optional(v.string()), detail: v.optional(v.string()) });

/**
 * Makes this machine a host of an oVirt Engine, by its REST API (version 4): a token of its single
 * sign-on service, then `POST /ovirt-engine/api/hosts`. The engine logs in there with its own SSH
 * key, which the machine's `authorized_keys` must have. It does not start the machine anew once it has
 * installed it, which is the default since 4.4 (older ones have no such parameter, and ignore it): what it
 * installed would be gone. A host that is there already is left as it is. TLS is believed by the engine's own,
 * pinned CA only.
 *
 * @returns whether it was not there yet
 * @throws server_unreachable after six tries of one request; step_failed with the engine's reason
 */
export async function registerHost(
  engine: Engine,
  credentials: Credentials,
  host: Host,
  manners?: Manners,
): Promise<boolean> {
  const fetch = createFetch({ ca: await patiently(() => fetchEngineCa(engine, manners), manners) });
  const api = createApi(fetch, engine, credentials, manners);
  const added = await api('POST', '/ovirt-engine/api/hosts?reboot=false', {
    name: host.name,
    address: host.address,
    cluster: { name: engine.cluster },
    ssh: { authentication_method: 'publickey' },
  });
  if (added.status === 201 || added.status === 202) return true;
  // Which fault says "it exists" depends on the version and the language: look.
  if (![400, 409].includes(added.status)) throw refusal(engine, added);
  const search = new URLSearchParams({ search: `name=${host.name} or address=${host.address}` });
  const found = await api('GET', `/ovirt-engine/api/hosts?${search.toString()}`);
  const { host: hosts } = found.status === 200 ? parse(engine, HostList, found) : { host: [] };
  const isThere = hosts.some(({ name, address }) => name === host.name && address === host.address);
  if (!isThere) throw refusal(engine, added);
  return false;
}

const ACCEPT = { accept: 'application/json' };

type Api = (method: string, path: string, body?: unknown) => Promise<Reply>;

/** Asks with a token, and once more with a new one where that has expired (401). */
function createApi(
  fetch: Fetch,
  engine: Engine,
  credentials: Credentials,
  manners: Manners | undefined,
): Api {
  const { server: host, port } = engine;
  const origin = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const asking = (path: string, init: FetchInit): Promise<Reply> =>
    patiently(() => ask(fetch, 'the engine', new URL(path, origin), init, manners), manners);

  async function newToken(): Promise<string> {
    const form = new URLSearchParams({
      ...{ grant_type: 'password', scope: 'ovirt-app-api' },
      ...credentials,
    });
    const answer = await asking('/ovirt-engine/sso/oauth/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...ACCEPT },
      body: bytes(form.toString()),
    });
    if (answer.status === 200) return parse(engine, TokenAnswer, answer).access_token;
    const { server } = engine;
    const said = `the engine ${server} gave no token to ${credentials.username}: ${answer.said}`;
    throw fail('step_failed', said);
  }

  const send: Api = (method, path, body) => {
    const headers = { ...ACCEPT, authorization: `Bearer ${token!}`, version: '4' };
    if (body === undefined) return asking(path, { method, headers });
    const withType = { ...headers, 'content-type': 'application/json' };
    return asking(path, { method, headers: withType, body: bytes(JSON.stringify(body)) });
  };

  let token: string | undefined;
  return async (...request) => {
    token ??= await newToken();
    const answer = await send(...request);
    if (answer.status !== 401) return answer;
    token = await newToken();
    return await send(...request);
  };
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => utf8(text) as Uint8Array<ArrayBuffer>;

function parse<T>(engine: Engine, schema: v.GenericSchema<unknown, T>, { text }: Reply): T {
  const parsed = v.safeParse(schema, json(text));
  if (parsed.success) return parsed.output;
  throw fail('step_failed', `${engine.server} does not speak oVirt's REST API`);
}

function refusal(engine: Engine, { said: answered, text }: Reply): Error {
  const fault = v.safeParse(Fault, json(text));
  const { reason = '', detail = '' } = fault.success ? fault.output : {};
  const said = [answered, reason, detail].filter((part) => part !== '').join(', ');
  return fail(
    'step_failed',
    `the engine ${engine.server} did not take this host: ${oneLine(said)}`,
  );
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').slice(0, 300);

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
