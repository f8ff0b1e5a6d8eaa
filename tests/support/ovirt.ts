import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Authority } from './certificates.ts';

/**
 * Stands in for oVirt Engine's REST API, strictly: whatever a request has that the published
 * specification does not say, or lacks of what it says, is answered 400 and noted in `complaints`.
 * After `AuthenticationAndSecurity` and `CommonConcepts` of ovirt-engine-api-model, and its
 * `services/HostsService.java` (`Add`, `UsingSsh`, `List`), version 4.
 */
export interface Ovirt {
  readonly port: number;
  /** Hosts that were added. */
  readonly hosts: { readonly name: string; readonly address: string }[];
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
}): Promise<Ovirt> {
  const { authority, user, shows = authority } = options;
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
    if (request.method === 'GET') {
      const query = [...new URL(request.url!, 'https://x').searchParams];
      const search = /^name=([\w.-]+) or address=([\w.:-]+)$/.exec(query[0]?.[1] ?? '');
      if (query.length !== 1 || query[0]![0] !== 'search' || search === null) {
        return complain(`search ${request.url!}`);
      }
      const found = hosts.filter(
        ({ name, address }) => name === search[1] || address === search[2],
      );
      const shown = found.map((host, id) => ({ ...host, id: String(id), href: `${HOSTS}/${id}` }));
      return { status: 200, json: shown.length === 0 ? {} : { host: shown } };
    }
    if (request.method !== 'POST' || request.url !== HOSTS) return complain('method or query');
    if (request.headers['content-type'] !== 'application/json') return complain('content-type');
    const { name, address, cluster, ssh, ...more } = JSON.parse(body) as Record<string, never>;
    if (typeof name !== 'string' || typeof address !== 'string') return complain('name, address');
    if (JSON.stringify(cluster) !== '{"name":"Default"}') return complain('cluster');
    if (JSON.stringify(ssh) !== '{"authentication_method":"publickey"}') return complain('ssh');
    if (Object.keys(more).length > 0) return complain(Object.keys(more).join(' '));
    if (hosts.some((host) => host.name === name)) {
      const detail = '[Cannot add Host. The Host name is already in use,\n choose another one.]';
      return { status: 409, json: { reason: 'Operation Failed', detail } };
    }
    hosts.push({ name, address });
    return { status: 201, json: { id: '1', href: `${HOSTS}/1`, name, address } };
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
