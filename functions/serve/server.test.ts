import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../bundle/bytes.ts';
import { createClient } from '../../protocol/client.ts';
import type { Client } from '../../protocol/client.ts';
import { codeOf } from '../../protocol/errors.ts';
import { parseDigest } from '../../protocol/keys.ts';
import { signRequest } from '../../protocol/request-signature.ts';
import { makeNode, makeSite, propose } from '../../tests/support/site.ts';
import { startServer } from './server.ts';
import type { RunningServer, ServerOptions } from './server.ts';
import { openFolder } from '../stores/folder.ts';

const { site } = makeSite();
const node = makeNode();

let folder: string;
const running: RunningServer[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-serve-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
  await rm(folder, { recursive: true });
});

async function start(more: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const server = await startServer({
    ...{ site, host: '127.0.0.1', port: 0, store: await openFolder(folder, { create: true }) },
    ...more,
  });
  running.push(server);
  return server;
}
const failure = (more: Partial<ServerOptions>): Promise<unknown> =>
  start(more).then(String, codeOf);
const clientOf = ({ url }: { url: string }): Client =>
  createClient({ server: url, site: site.id, identity: node });

async function upload(client: Client): Promise<Uint8Array> {
  const { bytes, digest } = propose({ keyset: site.pinned.keyset, node });
  const asked = { digest: parseDigest(toHex(digest)), size: bytes.length };
  await client.put((await client.propose(node.id, asked)).put, bytes);
  return bytes;
}

describe('a server on a folder', () => {
  it('takes an upload by its own presigned URL, and says that nothing is approved', async () => {
    const client = clientOf(await start());
    await upload(client);
    const { url } = await client.config(node.id);
    expect(await client.get(url, 1000)).toEqual({ found: false });
  });

  it('makes the store and secrets.json, 0600, and nothing else', async () => {
    await start();
    expect((await readdir(folder)).sort()).toEqual(['locks', 'objects', 'secrets.json', 'staging']);
    expect((await stat(join(folder, 'secrets.json'))).mode & 0o777).toBe(0o600);
  });

  it('signs with the same secrets after a restart', async () => {
    const first = await start();
    const { url } = await clientOf(first).config(node.id);
    await first.close();
    const second = await start();
    const moved = url.replace(first.url, second.url);
    expect(await clientOf(second).get(moved, 1000)).toEqual({ found: false });
  });

  it('shares its secrets with a server that starts at the same moment', async () => {
    const [first, second] = await Promise.all([start(), start()]);
    const { url } = await clientOf(first).config(node.id);
    const moved = url.replace(first.url, second.url);
    expect(await clientOf(second).get(moved, 1000)).toEqual({ found: false });
  });

  it('does not make a store in a folder where none is, unless told', async () => {
    expect(await openFolder(folder).then(String, codeOf)).toBe('no_such_bucket');
    expect(await readdir(folder)).toEqual([]);
  });

  it('says that the store is missing, not that nothing is approved, when it goes away', async () => {
    const server = await start();
    const client = clientOf(server);
    const { url } = await client.config(node.id);
    await rm(join(folder, 'objects'), { recursive: true });
    const ready = await fetch(`${server.url}/v1/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { error: { code: 'no_such_bucket', details: {} } },
    ]);
    expect((await client.health()).ok).toBe(true);
    expect(await client.get(url, 1000).catch(codeOf)).toBe('no_such_bucket');
    expect(await upload(client).catch(codeOf)).toBe('no_such_bucket');
  });
});

describe('its secrets', () => {
  const path = (): string => join(folder, 'secrets.json');
  const good = async (): Promise<Record<string, string>> => {
    await (await start()).close();
    return JSON.parse(await readFile(path(), 'utf8')) as Record<string, string>;
  };

  it.each([
    [
      'all zero',
      (file: Record<string, string>) => ({ ...file, upload: 'A'.repeat(43) }),
      'weak_secret',
    ],
    [
      'used twice',
      (file: Record<string, string>) => ({ ...file, upload: file['admin']! }),
      'weak_secret',
    ],
    ['empty', (file: Record<string, string>) => ({ ...file, admin: '' }), 'file_malformed'],
    ['short', (file: Record<string, string>) => ({ ...file, admin: 'c2hvcnQ' }), 'file_malformed'],
    [
      'not canonical base64url',
      (file: Record<string, string>) => ({ ...file, admin: `${file['admin']!.slice(0, -1)}_` }),
      'file_malformed',
    ],
    [
      'missing',
      (file: Record<string, string>) => ({ upload: file['upload']!, admin: file['admin']! }),
      'file_malformed',
    ],
  ])(
    'refuse to start where one is %s, and name the file, not the secret',
    async (_, change, code) => {
      const file = change(await good());
      await writeFile(path(), JSON.stringify(file));
      const message = await start().then(String, String);
      expect(await failure({})).toBe(code);
      expect(message).toContain(path());
      for (const secret of Object.values(file).filter((text) => text.length > 20)) {
        expect(message).not.toContain(secret);
      }
    },
  );
  it('refuse to start where others can read them', async () => {
    await good();
    await chmod(path(), 0o644);
    expect(await failure({})).toBe('file_unsafe');
  });
  it('refuse to start where they are no JSON', async () => {
    await writeFile(path(), 'secret!', { mode: 0o600 });
    expect(await failure({})).toBe('file_malformed');
  });
});

describe('where it listens', () => {
  it('says that a port is in use, and leaves it to whoever has it', async () => {
    const { port, url } = await start();
    expect(await failure({ port })).toBe('port_in_use');
    expect((await clientOf({ url }).health()).ok).toBe(true);
  });
  it('says that an address is not one of this machine', async () => {
    expect(await failure({ host: '192.0.2.1' })).toBe('usage');
  });
  it.each(['0.0.0.0', '::', '0', '::0', '0:0:0:0:0:0:0:0', '::ffff:0.0.0.0', '0x0', ''])(
    'wants to be told its own URL where it listens on every address: %j',
    async (host) => {
      expect(await failure({ host })).toBe('usage');
      expect(await failure({ host, publicUrl: [] })).toBe('usage');
    },
  );
  it('may have several names, and its URLs begin with the first', async () => {
    const publicUrl = ['https://boot.example', 'https://lan.example'];
    const { port, url: own } = await start({ host: '0.0.0.0', publicUrl });
    expect(own).toBe(publicUrl[0]);
    for (const server of publicUrl) {
      const client = createClient({
        ...{ server, site: site.id, identity: node },
        fetch: (url, init) => fetch(url.replace(server, `http://127.0.0.1:${port}`), init),
      });
      const { url } = await client.config(node.id);
      expect(url.startsWith(`${publicUrl[0]!}/objects/approved/`)).toBe(true);
    }
    const direct = await clientOf({ url: `http://127.0.0.1:${port}` })
      .config(node.id)
      .catch((error: unknown) => error);
    expect([codeOf(direct), (direct as Error).message]).toEqual([
      'signature_invalid',
      expect.stringContaining('boot.example, lan.example'),
    ]);
  });
  it('takes the signatures, and gives the URLs, of the name that clients use', async () => {
    const publicUrl = 'https://boot.example';
    const { port } = await start({ publicUrl });
    const behindProxy = createClient({
      ...{ server: publicUrl, site: site.id, identity: node },
      fetch: (url, init) => fetch(url.replace(publicUrl, `http://127.0.0.1:${port}`), init),
    });
    const { url } = await behindProxy.config(node.id);
    expect(url.startsWith(`${publicUrl}/objects/approved/`)).toBe(true);
    expect(await behindProxy.get(url, 1000)).toEqual({ found: false });
    const direct = clientOf({ url: `http://127.0.0.1:${port}` });
    expect(await direct.config(node.id).catch(codeOf)).toBe('signature_invalid');
  });
  it('does not start at all with a weak enrolment token', async () => {
    expect(await failure({ token: 'changeme' })).toBe('weak_secret');
  });
});

describe('bad clients', () => {
  it('are cut off after the limit of a body that was not declared', async () => {
    const { port, url } = await start();
    const path = `/v1/nodes/${node.id}/proposals`;
    const target = { port, host: '127.0.0.1', path, method: 'POST' };
    const signed = signRequest({
      ...{ method: 'POST', url: new URL(path, url), site: site.id, identity: node },
      created: Math.floor(Date.now() / 1000),
    });
    const status = await new Promise<number>((resolve, reject) => {
      const sent = request({ ...target, headers: signed }, (answer) => {
        answer.resume();
        resolve(answer.statusCode!);
      });
      sent.on('error', reject);
      const chunk = Buffer.alloc(64 * 1024, 32);
      for (let i = 0; i < 16; i++) sent.write(chunk);
      sent.end();
    });
    expect(status).toBe(413);
  });
  it.each([
    ['a balancer that names no host, in HTTP/1.0, is answered', 'HTTP/1.0\r\n\r\n', 200],
    ['one that names none in HTTP/1.1 is not', 'HTTP/1.1\r\n\r\n', 400],
    ['nor is one that names two', 'HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n', 400],
  ])('%s', async (_, rest, status) => {
    const { port } = await start();
    const socket = connect(port, '127.0.0.1', () => socket.write(`GET /v1/health ${rest}`));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(answer.toString('latin1')).toContain(`HTTP/1.1 ${status} `);
  });
  it('that say nothing, or no HTTP, do not keep it from closing', async () => {
    const server = await start();
    const silent = connect(server.port, '127.0.0.1');
    const odd = connect(server.port, '127.0.0.1');
    odd.on('error', () => undefined).write('SSH-2.0-x\r\n\r\n');
    silent.on('error', () => undefined);
    await new Promise((resolve) => silent.once('connect', resolve));
    await server.close();
    silent.destroy();
    odd.destroy();
  });
});
