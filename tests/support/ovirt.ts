import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Authority } from './certificates.ts';

/** What of the published model is asked of, by version of the engine: see {@link MODEL}. */
interface Operation {
  readonly mandatory: readonly string[];
  /** One of each is mandatory. */
  readonly either: readonly (readonly string[])[];
  readonly optional: readonly string[];
}

/**
 * Of github.com/oVirt/ovirt-engine-api-model, at the newest tag of each version: `services/HostsService.java` (`Add`, `UsingSsh`,
 * `List`: what `@InputDetail` and `@In` say), `types/SshAuthenticationMethod.java` and `types/HostStatus.java`, in the names
 * that JSON has.
 */
const MODEL = JSON.parse(
  readFileSync(new URL('../fixtures/ovirt-model.json', import.meta.url), 'utf8'),
) as Readonly<
  Record<
    OvirtVersion,
    {
      readonly add: Operation;
      readonly usingSsh: Operation;
      readonly addParameters: readonly string[];
      readonly listParameters: readonly string[];
      readonly authenticationMethods: readonly string[];
      readonly statuses: readonly string[];
    }
  >
>;

/** Versions of the engine whose published model is here. */
export const OVIRT_VERSIONS = ['4.3', '4.4', '4.5'] as const;
export type OvirtVersion = (typeof OVIRT_VERSIONS)[number];

/** A host as the engine has it. */
export interface OvirtHost {
  readonly name: string;
  readonly address: string;
  readonly cluster: string;
  status: string;
  /** Whether it is started anew once it is installed. */
  readonly reboots: boolean;
}

/**
 * Stands in for oVirt Engine's REST API, strictly: whatever a request has that the published
 * model of that version does not say, or lacks of what it says, is answered 400 and noted in `complaints`.
 * Tokens and the CA after its `AuthenticationAndSecurity`. The engine itself is where this is tried for good.
 */
export interface Ovirt {
  readonly port: number;
  /** Hosts that were added. */
  readonly hosts: OvirtHost[];
  readonly complaints: string[];
  /** What was asked, in its order: `POST /ovirt-engine/api/hosts`. */
  readonly asked: string[];
  /** Answers the next request of this kind otherwise: the status, or `lost` after it was done. */
  fail(path: string, ...answers: (number | 'lost')[]): void;
  /** Every token given so far is over. */
  expireTokens(): void;
  close(): Promise<void>;
}

const TOKEN = '/ovirt-engine/sso/oauth/token';
const HOSTS = '/ovirt-engine/api/hosts';
const CA = '/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA';

export async function startOvirt(options: {
  readonly authority: Authority;
  /** What it shows as its CA; its own where it is not given. */
  readonly shows?: Authority;
  readonly user: { readonly username: string; readonly password: string };
  /** The newest unless given. */
  readonly version?: OvirtVersion;
  readonly clusters?: readonly string[];
}): Promise<Ovirt> {
  const { authority, user, shows = authority, version = '4.5', clusters = ['Default'] } = options;
  const model = MODEL[version];
  const hosts: Ovirt['hosts'] = [];
  const complaints: string[] = [];
  const asked: string[] = [];
  const failing = new Map<string, (number | 'lost')[]>();
  const tokens = new Set<string>();
  let issued = 0;

  function answer(request: IncomingMessage, body: string): { status: number; json: unknown } {
    const path = request.url!.split('?')[0]!;
    const complain = (what: string): { status: number; json: unknown } => {
      complaints.push(`${request.method!} ${path}: ${what}`);
      return { status: 400, json: { reason: 'Bad request', detail: what } };
    };
    if (request.headers.accept !== 'application/json') return complain('accept');
    if (path === TOKEN) {
      if (request.method !== 'POST' || request.url !== TOKEN) return complain('method or query');
      if (request.headers['content-type'] !== 'application/x-www-form-urlencoded') {
        return complain('content-type');
      }
      const form = [...new URLSearchParams(body)].toSorted();
      const { username, password } = Object.fromEntries(form) as Record<string, string>;
      const names = form.map(([name]) => name).join(' ');
      if (names !== 'grant_type password scope username') return complain(names);
      if (!body.includes('grant_type=password&scope=ovirt-app-api'))
        return complain('grant, scope');
      if (username !== user.username || password !== user.password) {
        return { status: 400, json: { error: 'access_denied', error_code: 'access_denied' } };
      }
      const token = `token${++issued}/+=`;
      tokens.add(token);
      return {
        status: 200,
        json: { access_token: token, token_type: 'bearer', scope: 'x', exp: 1 },
      };
    }
    if (path !== HOSTS) return complain('no such resource');
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (bearer === undefined) return complain('authorization');
    if (!tokens.has(bearer)) return { status: 401, json: {} };
    const query = [...new URL(request.url!, 'https://x').searchParams];
    if (request.method === 'GET') {
      const unknown = query.filter(([name]) => !model.listParameters.includes(name));
      if (unknown.length > 0) return complain(`parameter ${unknown.join()}`);
      const search = /^name=([\w.-]+) or address=([\w.:-]+)$/.exec(query[0]?.[1] ?? '');
      if (query.length !== 1 || query[0]![0] !== 'search' || search === null) {
        return complain(`search ${request.url!}`);
      }
      const found = hosts.filter(
        ({ name, address }) => name === search[1] || address === search[2],
      );
      const shown = found.map(({ name, address, status }, id) => ({
        ...{ name, address, status, id: String(id), href: `${HOSTS}/${id}` },
      }));
      return { status: 200, json: shown.length === 0 ? {} : { host: shown } };
    }
    if (request.method !== 'POST') return complain('method');
    // 4.3 does not say what it makes of `reboot`; an engine reads those that it knows.
    const known = [...model.addParameters, 'reboot'];
    const unknown = query.filter(
      ([name, value]) => !known.includes(name) || !/^(true|false)$/.test(value),
    );
    if (unknown.length > 0) return complain(`parameter ${unknown.join()}`);
    if (request.headers['content-type'] !== 'application/json') return complain('content-type');
    if (request.headers['version'] !== '4') return complain('version');
    const given = attributesOf(JSON.parse(body) as object);
    const { mandatory, either, optional } = model.add;
    const all = [mandatory, ...either, optional, model.usingSsh.optional].flat();
    const missing = [
      ...mandatory.filter((name) => !given.has(name)),
      ...either.filter((names) => !names.some((name) => given.has(name))).flat(),
    ];
    const foreign = [...given.keys()].filter((name) => !all.includes(name));
    if (missing.length + foreign.length > 0)
      return complain(`-${missing.join()} +${foreign.join()}`);
    const method = given.get('ssh.authentication_method');
    if (!model.authenticationMethods.includes(String(method)))
      return complain(`method ${String(method)}`);
    const name = String(given.get('name'));
    const address = String(given.get('address'));
    const cluster = String(given.get('cluster.name'));
    if (!clusters.includes(cluster)) {
      return {
        status: 404,
        json: { reason: 'Entity not found', detail: `Cluster: name=${cluster}` },
      };
    }
    for (const [what, isIt] of [
      ['name', (host: OvirtHost) => host.name === name],
      ['address', (host: OvirtHost) => host.address === address],
    ] as const) {
      if (!hosts.some(isIt)) continue;
      const detail = `[Cannot add Host. The Host ${what} is already in use,\n choose another one.]`;
      return { status: 409, json: { reason: 'Operation Failed', detail } };
    }
    const parameters = Object.fromEntries(query);
    const status = 'installing';
    hosts.push({ name, address, cluster, status, reboots: parameters['reboot'] !== 'false' });
    return { status: 201, json: { id: '1', href: `${HOSTS}/1`, name, address, status } };
  }

  function handle(request: IncomingMessage, response: ServerResponse, body: string): void {
    const path = request.url!.split('?')[0]!;
    asked.push(`${request.method!} ${path}`);
    const otherwise = failing.get(path)?.shift();
    if (typeof otherwise === 'number') {
      response.writeHead(otherwise).end('<html>not now</html>');
      return;
    }
    if (request.url === CA) {
      response.writeHead(200, { 'content-type': 'application/x-x509-ca-cert' }).end(shows.ca);
      return;
    }
    const { status, json } = answer(request, body);
    if (otherwise === 'lost') request.socket.destroy();
    else {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    }
  }

  const { key, cert } = authority.issue('DNS:localhost,IP:127.0.0.1');
  const server = createServer({ key, cert }, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => handle(request, response, body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    ...{ hosts, complaints, asked },
    fail: (path, ...answers) => void failing.set(path, answers),
    expireTokens: () => tokens.clear(),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What a representation has, by the path of each value: `ssh.authentication_method`. */
function attributesOf(value: object, below = ''): Map<string, unknown> {
  return new Map(
    Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
      typeof inner === 'object' && inner !== null
        ? [...attributesOf(inner, `${below}${name}.`)]
        : [[`${below}${name}`, inner] as const],
    ),
  );
}
