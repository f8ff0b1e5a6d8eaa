// @module-tag long
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createClient } from '../../protocol/client.ts';
import { codeOf } from '../../protocol/errors.ts';
import { openDesk, startServe } from '../support/cli.ts';
import type { Desk, Served } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { until } from '../support/network.ts';
import { makeNode } from '../support/site.ts';

/** The configurations of docs/self-hosting.md, in the real proxies, on sockets of this test. */

const PUBLIC = 'https://boot.example';
const page = fs.readFileSync('docs/self-hosting.md', 'utf8');

/** A configuration of the page. @param changes each text that must be there, and what this test has instead */
function configuration(language: string, changes: readonly (readonly [string, string])[]): string {
  let text = page.split(`\`\`\`${language}\n`)[1]!.split('```')[0]!;
  for (const [from, to] of changes) {
    expect(text).toContain(from);
    text = text.replace(from, to);
  }
  return text;
}

interface Proxy {
  readonly name: string;
  /** Its configuration, before a server on `port`, listening on `socket`; @param passes the client's Host */
  readonly text: (at: { port: string; socket: string; folder: string; passes: boolean }) => string;
  readonly command: (file: string) => readonly [string, ...string[]];
}

const PROXIES: readonly Proxy[] = [
  {
    name: 'nginx',
    text: ({ port, socket, folder, passes }) => {
      const server = configuration('nginx', [
        ['listen 443 ssl;', `listen unix:${socket};`],
        ['    ssl_certificate /etc/ssl/boot.example.pem;\n', ''],
        ['    ssl_certificate_key /etc/ssl/private/boot.example.key;\n', ''],
        ['127.0.0.1:8420', `127.0.0.1:${port}`],
        ...(passes ? [] : ([['proxy_set_header Host $http_host;', '']] as const)),
      ]);
      const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (name) => `${name}_temp_path ${folder}/${name};`,
      );
      return `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
        events {} http { access_log off; ${paths.join(' ')}\n${server}}`;
    },
    command: (file) => ['nginx', '-c', file],
  },
  {
    name: 'haproxy',
    text: ({ port, socket, passes }) =>
      configuration('haproxy', [
        ['bind :443 ssl crt /etc/haproxy/boot.example.pem', `bind unix@${socket}`],
        ['127.0.0.1:8420', `127.0.0.1:${port}`],
        ...(passes
          ? []
          : ([
              [
                'backend coatcheck\n',
                'backend coatcheck\n    http-request set-header Host inner\n',
              ],
            ] as const)),
      ]),
    command: (file) => ['haproxy', '-db', '-f', file],
  },
  {
    name: 'caddy',
    text: ({ port, socket, passes }) =>
      `{\n\tadmin off\n}\n${configuration('caddy', [
        ['boot.example {', `http://boot.example {\n\tbind unix/${socket}`],
        [
          'reverse_proxy 127.0.0.1:8420',
          `reverse_proxy 127.0.0.1:${port}${passes ? '' : ' {\n\t\theader_up Host inner\n\t}'}`,
        ],
      ])}`,
    command: (file) => ['caddy', 'run', '--adapter', 'caddyfile', '--config', file],
  },
];

describeWith('proxies', 'behind', () => {
  let desk: Desk;
  let folder: string;
  const ends: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    desk = await openDesk();
  });
  afterAll(() => desk.close());
  beforeEach(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-proxy-'));
    // nginx as root works as another user.
    fs.chmodSync(folder, 0o777);
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  /** Sends to the proxy what is for {@link PUBLIC}. */
  const through =
    (socketPath: string) =>
    (text: string, init: RequestInit = {}): Promise<Response> =>
      new Promise((resolve, reject) => {
        const { pathname, search, host } = new URL(text);
        const headers = { ...Object.fromEntries(new Headers(init.headers)), host };
        const { method = 'GET' } = init;
        const sent = request({ socketPath, method, path: pathname + search, headers }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => {
            const { statusCode: status = 500, headers: given } = answer;
            const named = Object.entries(given).map(
              ([name, value]) => [name, String(value)] as [string, string],
            );
            resolve(new Response(Buffer.concat(chunks), { status, headers: named }));
          });
        });
        sent.on('error', reject);
        sent.end(init.body as Uint8Array | undefined);
      });

  async function start(proxy: Proxy, server: Served, passes: boolean): Promise<string> {
    const socket = join(folder, 'proxy.sock');
    const file = join(folder, 'configuration');
    const { port } = new URL(originOf(server));
    fs.writeFileSync(file, proxy.text({ port, socket, folder, passes }));
    const [program, ...args] = proxy.command(file);
    const child = spawn(program, args, {
      ...{ stdio: ['ignore', 'pipe', 'pipe'], cwd: folder },
      env: { PATH: process.env['PATH'], HOME: folder },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    }
    const ended = new Promise((resolve) => child.once('exit', resolve));
    ends.push(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`${proxy.name}: ${said}`);
      const answer = await through(socket)(`${PUBLIC}/v1/health`).catch(() => undefined);
      return answer?.status === 200;
    });
    return socket;
  }
  const originOf = ({ said }: Served): string => {
    const { port } = JSON.parse(said.stdout) as { port: number };
    return `http://127.0.0.1:${port}`;
  };

  it.each(
    PROXIES.flatMap((proxy) =>
      [true, false].flatMap((passes) =>
        [true, false].map((isTold) => ({ proxy, name: proxy.name, passes, isTold })),
      ),
    ),
  )('$name, Host passed: $passes, --public-url: $isTold', async ({ proxy, passes, isTold }) => {
    const told = isTold ? ['--public-url', PUBLIC] : [];
    const server = await startServe(['--home', desk.home, '--json', 'serve', ...told]);
    ends.push(() => server.stop());
    const socket = await start(proxy, server, passes);
    const node = makeNode(`behind ${proxy.name}`);
    const client = createClient({
      ...{ server: PUBLIC, site: desk.site.id, identity: node },
      fetch: through(socket),
    });
    const outcome = await client.config(node.id).catch(codeOf);
    if (!passes && !isTold) {
      expect(outcome).toBe('signature_invalid');
      return;
    }
    const { url } = outcome as { url: string };
    // Without the address that clients use, the URLs of a folder lead to the listener.
    expect(url.startsWith(`${isTold ? PUBLIC : originOf(server)}/objects/approved/`)).toBe(true);
    if (isTold) expect(await client.get(url, 1000)).toEqual({ found: false });
  });
});
