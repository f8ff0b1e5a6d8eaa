import * as fs from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveIdentity, utf8 } from '../../bundle/index.ts';
import { ROUTES } from '../../protocol/http.ts';
import type { Route } from '../../protocol/http.ts';
import { approvedKey } from '../../protocol/keys.ts';
import { signRequest } from '../../protocol/request-signature.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { serveHttp } from '../support/http-servers.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { freshBucket } from '../support/minio.ts';
import { send, sendLines } from '../support/raw-http.ts';
import { contents } from '../support/stores.ts';

// One real server on a folder, and one machine whose configuration is approved.
const SECRET = 'a-line-of-shadow-that-nobody-else-reads';
const MAC = '52:54:00:77:00:01';
let desk: Desk;
let machine: Machine;
beforeAll(async () => {
  desk = await openDesk();
  machine = makeMachine({ ...desk.site, servers: [desk.url] });
  machine.write('etc/hostname', 'lab-1\n');
  machine.write('etc/shadow', `root:${SECRET}:1::::::\n`, 0o600);
  await machine.json('propose');
  await desk.json('approve', machine.identity.id, '--yes');
  await machine.json('boot', '--once');
});
afterAll(async () => {
  machine.remove();
  await desk.close();
});

const ROUTES_NOW: readonly Route[] = Object.values(ROUTES);
const OPEN = ROUTES_NOW.filter(({ signedBy }) => signedBy === 'nobody').map(({ path }) => path);
const pathOf = (route: Route, node = machine.identity.id as string): string =>
  route.path.replace(':node', node);

async function ask(
  method: string,
  target: string,
  headers: readonly string[] = [],
  body = '',
): Promise<{ status: number; text: string; code: string | undefined }> {
  const length = body === '' ? [] : [`Content-Length: ${body.length}`];
  const lines = [`${method} ${target} HTTP/1.1`, ...headers, ...length];
  const answer = await sendLines(desk.url, lines, body);
  return { ...answer, code: /"code":"(\w+)"/.exec(answer.text)?.[1] };
}

/** A request with a good signature over exactly this target. */
async function askSigned(
  method: string,
  target: string,
  identity = machine.identity,
): Promise<Awaited<ReturnType<typeof ask>>> {
  const [pathname, search] = target.split('?') as [string, string?];
  const headers = signRequest({
    ...{ method, identity, site: desk.site.id, created: Math.floor(Date.now() / 1000) },
    url: { host: new URL(desk.url).host, pathname, search: search ? `?${search}` : '' },
    ...(method === 'POST' && { body: utf8('{}') }),
  });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return ask(method, target, lines, method === 'POST' ? '{}' : '');
}

// Ironic gave a node's record, with its credentials, to whoever named its MAC address.
describe('Ironic CVE-2016-4985: an id or a MAC alone yields nothing', () => {
  it('refuses whoever knows only the id, on every route that names a node', async () => {
    for (const route of ROUTES_NOW.filter(({ path }) => path.includes(':node'))) {
      const body = route.method === 'POST' ? '{}' : '';
      const { status, code, text } = await ask(route.method, pathOf(route), [], body);
      expect([status, code], route.path).toEqual([401, 'signature_missing']);
      expect(text).not.toMatch(/https?:/);
    }
  });

  it('takes nothing else for a name: a MAC, a host name, an address, a serial number', async () => {
    for (const name of [MAC, MAC.replaceAll(':', '-'), 'lab-1', '127.0.0.1', 'VMware-56%204d']) {
      expect((await ask('GET', `/v1/nodes/${name}/config`)).code, name).toBe('bad_node_id');
      expect((await askSigned('GET', `/v1/nodes/${name}/config`)).code).toBe('bad_node_id');
    }
  });

  it('says nothing about a node where nobody has to sign', async () => {
    for (const path of OPEN) {
      const asked = `${path}?mac=${MAC}&node=${machine.identity.id}&hostname=lab-1`;
      const headers = [`X-Forwarded-For: 10.0.0.1`, `X-Mac: ${MAC}`];
      const { status, text } = await ask('GET', asked, headers);
      expect([path, status]).toEqual([path, 200]);
      for (const word of [machine.identity.id, 'lab-1', SECRET]) expect(text).not.toContain(word);
    }
  });

  it('gives no object by its key alone', async () => {
    const key = approvedKey(machine.identity.id);
    expect(await desk.store.head(key)).toBeDefined();
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      const { status, text } = await ask(
        method,
        `/objects/${key}`,
        [],
        method === 'PUT' ? 'x' : '',
      );
      expect([403, 405], method).toContain(status);
      expect(text).not.toContain('ccf');
    }
  });

  describeWith('minio', 'on a real MinIO', () => {
    it('gives no object by its key alone', async () => {
      const bucket = await freshBucket();
      const key = approvedKey(machine.identity.id);
      await bucket.store('root').create(key, utf8('sealed'));
      for (const path of [key, '', `?prefix=approved/`, `?list-type=2`]) {
        const url = `${bucket.endpoint}/${bucket.name}/${path}`;
        expect(await send(url, { method: 'GET' }), path).toMatchObject({ status: 403 });
      }
    });
  });
});

// The inspector put what an unauthenticated POST said into an SQL statement.
describe('ironic-inspector CVE-2019-10141: hostile facts stay data', () => {
  const INJECTIONS = [
    `'; DROP TABLE nodes; --`,
    `{"digest":"' OR 1=1 --"}`,
    '{"__proto__":{"by":"admin"},"constructor":{"prototype":{}}}',
    '$(touch /tmp/owned)',
    '{{7*7}}${7*7}#{7*7}',
    '\0'.repeat(100),
    '['.repeat(50_000),
  ];

  it('reads no body of whoever does not sign', async () => {
    const before = await contents(desk.store);
    for (const route of ROUTES_NOW.filter(({ method }) => method === 'POST')) {
      for (const body of INJECTIONS) {
        const { status, code } = await ask('POST', pathOf(route), [], body);
        expect([status, code], `${route.path} ${body.slice(0, 20)}`).toEqual([
          ...[401, 'signature_missing'],
        ]);
      }
    }
    expect(await contents(desk.store)).toEqual(before);
  });

  it('shows what a machine says of itself, and obeys none of it', async () => {
    const owned = join(dirname(desk.home), 'owned');
    const hostile = [
      '\u001b]0;title\u0007\u001b[2J\u001b[1;1H',
      `$(touch ${owned})\`touch ${owned}\`; touch ${owned}`,
      '\u202egnp.exe\u2066\u200b',
      `%s%n%x {{7*7}} <script>fetch('//evil')</script>`,
      '\r\u0085\u2028coatcheck: approved',
    ].join('\n');
    const node = deriveIdentity(Uint8Array.from(randomBytes(32)));
    const paths = [
      'etc/motd',
      'etc/cron.d/;touch owned',
      'etc/sssd/--help',
      'etc/sudoers.d/\'"$(id)',
    ];
    const files = Object.fromEntries(paths.map((path) => [path, hostile]));
    const digest = await desk.propose(node, { files });
    const approve = [
      ...['approve', node.id, '--yes', '--reason', hostile.slice(0, 40)],
      // Secret, in no format that is known.
      '--unseen=etc/sssd/--help',
    ];
    for (const command of [
      ...[['pending'], ['show', digest], ['diff', node.id, '--show-secrets'], approve],
      ...[
        ['list'],
        ['history', node.id],
        ['--json', 'show', node.id],
        ['--json', 'history', node.id],
      ],
    ]) {
      const { code, stdout, stderr } = await desk.run(...command);
      expect([command[0], code, stderr]).toEqual([command[0], 0, expect.any(String)]);
      expect((stdout + stderr).replace(/[\n\t]/g, '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }
    expect(fs.existsSync(owned)).toBe(false);
  });
});

// In both, methods could be called that asked for no credential at all.
describe('MAAS CVE-2024-6107, Salt CVE-2020-11651: no method goes without its credential', () => {
  it('answers nobody but where the table of routes says so', async () => {
    for (const route of ROUTES_NOW) {
      const { status } = await ask(route.method, pathOf(route), [], route.body ? '{}' : '');
      expect([route.path, status]).toEqual([route.path, OPEN.includes(route.path) ? 200 : 401]);
    }
  });

  it('has no path that the table does not have', async () => {
    const guesses = [
      ...['/', '/v1', '/v1/', '/v1/admin', '/v1/nodes', '/v1/rpc', '/run', '/metrics', '/debug'],
      ...['/_prep_auth_info', '/v1/keys', '/admin', '/status', '/.env', '/.git/HEAD'],
      ...['/site.json', '/admin.key', '/store/secrets.json', '/objects', '/objects/'],
      ...['/objects/secrets.json', '/objects/../secrets.json', '/objects/..%2fsecrets.json'],
      ...['/objects/%2e%2e/secrets.json', '/v1/health/../../objects/secrets.json'],
      ...['/objects/keysets/0000000001', `/objects/approved/${machine.identity.id}?x=/v1/health`],
    ];
    for (const path of guesses) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
        const { status, text } = await ask(method, path);
        expect([400, 403, 404, 405], `${method} ${path}`).toContain(status);
        expect(text).not.toContain('secrets/1');
      }
    }
  });

  it('finds no other way to write a path around the check', async () => {
    for (const route of ROUTES_NOW.filter(({ path }) => !OPEN.includes(path))) {
      const path = pathOf(route);
      const last = path.at(-1)!;
      const variants = [
        ...[`/${path}`, path.replaceAll('/', '//'), `${path}/`, `${path}//`, `${path}/.`],
        ...[`${path};x=1`, `${path}%00`, `${path}%2f`, `${path}?`, `${path}#x`, `/.${path}`],
        `/v1/health/../..${path}`,
        `/v1/health/%2e%2e/%2e%2e${path}`,
        `${path.slice(0, -1)}%${last.charCodeAt(0).toString(16)}`,
        path.toUpperCase(),
        `${desk.url}${path}`,
        `http://other.example${path}`,
      ];
      for (const variant of variants) {
        const { status } = await ask(route.method, variant, [], route.body ? '{}' : '');
        expect([400, 401, 404], variant).toContain(status);
      }
    }
  });

  it('takes no other method, and no header, for the one that was asked', async () => {
    const list = ROUTES.list.path;
    for (const method of ['HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'PATCH', 'get']) {
      const { status } = await ask(method, `${list}?prefix=pending`);
      expect([400, 401, 405], method).toContain(status);
    }
    for (const header of [
      ...['X-HTTP-Method-Override: GET', 'X-Original-URL: /v1/health', 'X-Rewrite-URL: /v1/health'],
      ...['Authorization: Basic YWRtaW46YWRtaW4=', 'X-Forwarded-For: 127.0.0.1', 'Cookie: admin=1'],
    ]) {
      expect((await ask('GET', `${list}?prefix=pending`, [header])).status, header).toBe(401);
    }
  });

  it('takes no header twice', async () => {
    const { host } = new URL(desk.url);
    const target = `/v1/nodes/${machine.identity.id}/config`;
    const headers = signRequest({
      ...{ method: 'GET', identity: machine.identity, site: desk.site.id },
      url: { host, pathname: target, search: '' },
      created: Math.floor(Date.now() / 1000),
    });
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    expect((await ask('GET', target, lines)).status).toBe(200);
    for (const line of lines) {
      for (const again of [line, line.replace(/: .*/, ': x'), line.slice(0, -2)]) {
        const { status } = await ask('GET', target, [...lines, again]);
        expect([400, 401, 403], again).toContain(status);
      }
    }
    const hosts = [`Host: ${host}`, 'Host: other.example'];
    expect((await ask('GET', target, [...hosts.toReversed(), ...lines])).status).not.toBe(200);
  });
});

// Salt made a path of the id that a minion named, and so took one without its key.
describe('Salt CVE-2017-12791: an id is checked before any key is built', () => {
  const HOSTILE = [
    ...['../../../../etc', '..', '.', '%2e%2e%2f%2e%2e%2fetc%2fpasswd', '..%2f..%2fsecrets.json'],
    ...['%252e%252e%252f', '%c0%ae%c0%ae%2f', '..%5c..%5c', '%00', 'a%00b', '/etc/passwd', '~root'],
    ...['A'.repeat(32), 'a'.repeat(31), '1'.repeat(32), 'a'.repeat(4096), '*', '__proto__', 'con'],
  ];
  /** Every path below the administrator's folder, the store included. */
  const everything = (): string[] =>
    fs.readdirSync(dirname(desk.home), { recursive: true, encoding: 'utf8' }).sort();

  it('over HTTP, whatever the signature', async () => {
    const before = everything();
    for (const route of ROUTES_NOW.filter(({ path }) => path.includes(':node'))) {
      for (const id of HOSTILE) {
        const { status, code } = await askSigned(route.method, pathOf(route, id));
        expect([400, 404, 422], `${route.path} ${id}`).toContain(status);
        expect(['bad_node_id', 'no_such_route', undefined]).toContain(code);
      }
    }
    expect(everything()).toEqual(before);
  });

  it('and the right id needs the key that it is the hash of', async () => {
    const stranger = deriveIdentity(Uint8Array.from(randomBytes(32)));
    const target = `/v1/nodes/${machine.identity.id}/config`;
    // The id is a hash of both public keys: half of them is nobody.
    for (const thief of [stranger, { ...stranger, boxKey: machine.identity.boxKey }]) {
      expect((await askSigned('GET', target, thief)).code).toBe('not_this_node');
    }
    const half = { ...machine.identity, boxKey: stranger.boxKey };
    expect((await askSigned('GET', target, half)).code).toBe('not_this_node');
  });

  it("in an administrator's hand, and in what a lying server lists", async () => {
    const before = everything();
    for (const id of ['../../../etc', '__proto__']) {
      for (const command of [
        ['show', id],
        ['approve', id, '--yes'],
        ['history', id],
        ['repair', id],
      ]) {
        const { code, stderr } = await desk.run(...command);
        expect([2, 5], `${command.join(' ')}: ${stderr}`).toContain(code);
      }
    }
    const { chain } = (await (await fetch(`${desk.url}/v1/site`)).json()) as { chain: string };
    const keys = [
      'pending/../../../tmp/x',
      `pending/${'a'.repeat(32)}/../../x`,
      'approved/..',
      '../x',
    ];
    const liar = await serveHttp((request, response) => {
      const now = Math.floor(Date.now() / 1000);
      const { id, name, approval, maxBundleBytes } = desk.site;
      const site = {
        site: Buffer.from(id).toString('hex'),
        name,
        approval,
        maxBundleBytes,
        chain,
        now,
      };
      const objects = keys.map((key) => ({ key, size: 1, modified: now }));
      response.end(JSON.stringify(request.url === '/v1/site' ? site : { objects }));
    });
    for (const command of ['pending', 'list']) {
      const { code, stdout } = await desk.run('--json', '--server', liar.url, command);
      expect([code, stdout]).toEqual([0, expect.not.stringContaining('..') as string]);
    }
    await liar.close();
    expect(everything()).toEqual(before);
  });
});
