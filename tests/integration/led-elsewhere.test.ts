// @module-tag long
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deriveIdentity } from '../../bundle/identity.ts';
import { EXIT } from '../../protocol/errors.ts';
import { formatSite } from '../../protocol/site.ts';
import { openDesk, runCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { serveHttp } from '../support/http-servers.ts';
import type { TestServer } from '../support/http-servers.ts';
import { makeMachine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';

/** What a server's answer holds besides what an administrator or a machine needs. */
type Twist = (path: string, answer: Record<string, unknown>) => unknown;

let desk: Desk;
let inside: { url: string; asked: string[]; close(): void };
const closing: TestServer[] = [];

beforeAll(async () => {
  desk = await openDesk();
  // What only this machine reaches, at another address than the server has: its services, or a cloud's.
  const asked: string[] = [];
  const server = createServer((incoming, answer) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    answer.setHeader('etag', '"x"').end('root-password');
  }).listen(0, '127.0.0.2');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  inside = { url: `http://127.0.0.2:${port}`, asked, close: () => server.close() };
});
afterAll(async () => {
  inside.close();
  await desk.close();
});
afterEach(async () => {
  await Promise.all(closing.splice(0).map((server) => server.close()));
  inside.asked.length = 0;
});

/**
 * A server that answers as the true one does, but for what is twisted; and what it is asked.
 * @param options.packs its objects go through it, too, and are packed
 */
async function liar(
  twist: Twist,
  { packs = false } = {},
): Promise<{ url: string; puts: string[][] }> {
  const puts: string[][] = [];
  const server = await serveHttp((incoming, outgoing) => {
    const { method, headers, url, rawHeaders } = incoming;
    if (method === 'PUT') puts.push(rawHeaders);
    const forwarded = request(new URL(url!, desk.url), { method, headers }, (answer) => {
      void buffer(answer).then((body) => {
        const isJson = answer.headers['content-type']?.startsWith('application/json');
        const { 'content-length': _, ...rest } = answer.headers;
        if (isJson) {
          const said = body.toString().replaceAll(packs ? desk.url : '<none>', server.url);
          const told = twist(url!, JSON.parse(said) as Record<string, unknown>);
          outgoing.writeHead(answer.statusCode!, rest).end(JSON.stringify(told));
        } else if (packs && answer.statusCode === 200) {
          outgoing.writeHead(200, { ...rest, 'content-encoding': 'gzip' }).end(gzipSync(body));
        } else outgoing.writeHead(answer.statusCode!, rest).end(body);
      });
    });
    incoming.pipe(forwarded);
  });
  closing.push(server);
  return { url: server.url, puts };
}

const codeOf = ({ stderr }: Run): string | undefined => /\[(\w+)\]\n$/.exec(stderr)?.[1];

/** Every URL of an answer leads there. */
const leadTo =
  (there: string): Twist =>
  (_, answer) =>
    JSON.parse(
      JSON.stringify(answer, (name, value: unknown) =>
        name === 'url' || name === 'rejectedUrl' ? there : value,
      ),
    ) as unknown;

const withHeaders =
  (more: Record<string, string>): Twist =>
  (_, answer) => {
    const put = answer['put'] as { headers: Record<string, string> } | undefined;
    return put === undefined
      ? answer
      : { ...answer, put: { ...put, headers: { ...put.headers, ...more } } };
  };

describe('a server that leads elsewhere', () => {
  const places = (): string[] => [
    `${inside.url}/latest/meta-data`,
    inside.url.replace('127.0.0.2', '2130706434'),
    inside.url.replace('127.0.0.2', '[::ffff:127.0.0.2]'),
    'http://169.254.169.254/latest/meta-data',
    'http://[fd00:ec2::254]/latest/meta-data',
    'http://100.100.100.200/latest/meta-data',
    'http://[64:ff9b::a9fe:a9fe]/latest/meta-data',
    'file:///etc/shadow',
  ];

  it('has a machine ask nobody, and is said to', async () => {
    const machine = makeMachine({ ...desk.site, servers: [] });
    machine.write('etc/hostname', 'mine\n');
    for (const place of places()) {
      const { url } = await liar(leadTo(place));
      for (const command of [['propose'], ['boot', '--once'], ['refresh']]) {
        const run = await machine.run('--server', url, ...command);
        expect([run.code, codeOf(run)], `${place} ${run.stderr}`).toEqual([
          EXIT.refused,
          'answer_refused',
        ]);
        expect(run.stdout + run.stderr).not.toContain('root-password');
      }
    }
    expect(inside.asked).toEqual([]);
    machine.remove();
  });

  it('has an administrator ask nobody either', async () => {
    const node = deriveIdentity(Uint8Array.from(randomBytes(32)));
    await desk.propose(node, { files: { 'etc/sysctl.d/a.conf': '1' } });
    for (const place of places()) {
      const { url } = await liar(leadTo(place));
      const run = await runCli(['--home', desk.home, '--server', url, 'diff', node.id]);
      expect(run.code, place).not.toBe(0);
      expect(run.stderr).toContain('answer_refused');
    }
    expect(inside.asked).toEqual([]);
  });

  it('is followed to where the site says that its store is, and nowhere else', async () => {
    const { url } = await liar(leadTo(`${inside.url}/copy`));
    const open = makeMachine({ ...desk.site, servers: [], stores: [inside.url] });
    const run = await open.run('--server', url, 'boot', '--once');
    expect([codeOf(run), inside.asked.length > 0]).not.toEqual(['answer_refused', false]);
    inside.asked.length = 0;
    const narrow = makeMachine({ ...desk.site, servers: [], stores: ['http://127.0.0.3:9000'] });
    const refused = await narrow.run('--server', url, 'boot', '--once');
    expect([codeOf(refused), inside.asked]).toEqual(['answer_refused', []]);
    expect(refused.stderr).toContain("one of the site's stores");
    open.remove();
    narrow.remove();
  });

  it('is not followed by a redirect of a store', async () => {
    const store = await serveHttp((_, answer) =>
      answer.writeHead(302, { location: `${inside.url}/redirect` }).end(),
    );
    closing.push(store);
    const { url } = await liar(leadTo(`${store.url}/x`));
    const machine = makeMachine({ ...desk.site, servers: [] });
    const run = await machine.run('--server', url, 'boot', '--once');
    expect([run.code, codeOf(run), inside.asked]).toEqual([
      EXIT.unavailable,
      'store_unavailable',
      [],
    ]);
    expect(run.stderr).toContain('redirects');
    machine.remove();
  });
});

describe('a server that wants more sent than an upload has', () => {
  const EXTRAS: Record<string, string>[] = [
    { authorization: 'Bearer x' },
    { cookie: 'session=x' },
    { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' },
    { 'If-None-Match': '*' },
    { 'content-type': 'application/octet-stream\r\nx-more: 1' },
    { 'content-type': 'text/html' },
  ];

  it('is sent nothing by a machine', async () => {
    const machine = makeMachine({ ...desk.site, servers: [] });
    machine.write('etc/hostname', 'mine\n');
    for (const extra of EXTRAS) {
      const { url, puts } = await liar(withHeaders(extra));
      const run = await machine.run('--server', url, 'propose');
      expect([run.code, codeOf(run), puts]).toEqual([EXIT.refused, 'answer_refused', []]);
      expect(run.stderr).toContain(Object.keys(extra)[0]);
    }
    machine.remove();
  });

  it('is sent nothing by an administrator', async () => {
    const node = deriveIdentity(Uint8Array.from(randomBytes(32)));
    const start = { 'etc/sysctl.d/a.conf': '1', 'etc/sysctl.d/b.conf': '1' };
    await desk.propose(node, { files: start });
    await desk.json('approve', node.id, '--yes');
    const { entries } = await desk.json<{ entries: { statementDigest: string }[] }>(
      'history',
      node.id,
    );
    const base = Uint8Array.from(Buffer.from(entries[0]!.statementDigest, 'hex'));
    await desk.propose(node, { base, files: { ...start, 'etc/sysctl.d/a.conf': 'theirs' } });
    await desk.json('approve', node.id, '--yes');
    await desk.propose(node, { base, files: { ...start, 'etc/sysctl.d/b.conf': 'mine' } });
    for (const extra of EXTRAS) {
      const { url, puts } = await liar(withHeaders(extra));
      const command = ['approve', node.id, '--yes', '--rebase'];
      const run = await runCli(['--home', desk.home, '--server', url, ...command]);
      expect([run.code, codeOf(run), puts]).toEqual([EXIT.refused, 'answer_refused', []]);
    }
  });
});

describe('a proxy that gzips unasked', () => {
  it('is named where what came does not verify, to a machine and to an administrator', async () => {
    const { url } = await liar((_, answer) => answer, { packs: true });
    const node = deriveIdentity(Uint8Array.from(randomBytes(32)));
    await desk.propose(node, { files: { 'etc/sysctl.d/a.conf': '1' } });
    const diff = await runCli(['--home', desk.home, '--server', url, 'diff', node.id]);
    expect([diff.code, diff.stderr]).toEqual([
      EXIT.unavailable,
      expect.stringContaining('content-encoding "gzip"'),
    ]);

    const machine = makeMachine({ ...desk.site, servers: [] });
    machine.write('etc/hostname', 'mine\n');
    expect((await machine.run('--server', desk.url, 'propose')).code).toBe(0);
    await desk.json('approve', machine.identity.id, '--yes');
    const boot = await machine.run('--server', url, 'boot', '--once');
    expect([boot.code, boot.stderr]).toEqual([
      EXIT.unavailable,
      expect.stringContaining('content-encoding "gzip"'),
    ]);
    machine.remove();
  });
});

it('has the site named by init where its store is', async () => {
  const home = join(desk.home, 'another');
  const at = ['--store-at', 'https://*.s3.example', '--store-at', 'http://10.0.0.1:9000'];
  expect((await runCli(['--home', home, 'init', '--no-passphrase', ...at])).code).toBe(0);
  const site = JSON.parse(fs.readFileSync(join(home, 'site.json'), 'utf8')) as object;
  expect(site).toMatchObject({ stores: ['https://*.s3.example', 'http://10.0.0.1:9000'] });
  expect(formatSite({ ...desk.site, stores: [] })).toContain('"stores": []');
  const wrong = await runCli(['--home', `${home}2`, 'init', '--store-at', 's3://bucket']);
  expect([wrong.code, codeOf(wrong), fs.existsSync(`${home}2`)]).toEqual([
    EXIT.usage,
    'usage',
    false,
  ]);
});
