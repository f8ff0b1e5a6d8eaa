import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:https';
import { createServer as createNetServer } from 'node:net';
import type { AddressInfo, LookupFunction, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeWith } from '../tests/support/components.ts';
import { makeAuthority } from '../tests/support/certificates.ts';
import type { Authority } from '../tests/support/certificates.ts';
import { serveHttp } from '../tests/support/http-servers.ts';
import { hasRoot, parseCa } from './certificates.ts';
import { createFetch } from './fetch.ts';
import { readBody, reasonOf } from '../protocol/objects.ts';
import type { FetchInit } from '../protocol/objects.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const closerOf = (server: Server) => async (): Promise<void> => {
  server.close();
};

async function reason(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return reasonOf(error);
  }
  throw new Error('it succeeded');
}

async function serve(...args: Parameters<typeof serveHttp>): Promise<string> {
  const server = await serveHttp(...args);
  closing.push(server.close);
  return server.url;
}

describe('a fetch of our own', () => {
  it('undoes no content-encoding: what comes is what is stored', async () => {
    const packed = Buffer.from([0x1f, 0x8b, 8, 0, 1, 2]);
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
    });
    const { body } = await createFetch()(url);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body!) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(packed);
  });

  it('sends the headers that it is given, the length and the host, and nothing else', async () => {
    let sent: string[] = [];
    const url = await serve((request, response) => {
      sent = request.rawHeaders;
      request.resume().on('end', () => response.end());
    });
    const body = new Uint8Array(3);
    await createFetch()(url, { method: 'PUT', headers: { 'If-None-Match': '*' }, body });
    const { host } = new URL(url);
    expect(sent.slice(0, 2)).toEqual(['If-None-Match', '*']);
    expect(sent.slice(2).sort()).toEqual(
      ['Connection', 'close', 'Content-Length', '3', 'Host', host].sort(),
    );
  });

  it('stops reading, and closes, where the reader has enough', async () => {
    let closed: Promise<void> | undefined;
    const url = await serve((request, response) => {
      closed = new Promise((resolve) => request.socket.on('close', () => resolve()));
      const more = (): void => {
        if (response.write(Buffer.alloc(65_536))) setImmediate(more);
      };
      response.on('drain', more);
      more();
    });
    expect(await readBody(await createFetch()(url), 1000)).toBeUndefined();
    await closed;
  });

  it('says why it was ended: before the answer, and within it', async () => {
    const silent = await serve(() => undefined);
    const slow = await serve((_, response) => void response.write('x'));
    const ended = (url: string): Promise<unknown> =>
      createFetch()(url, { signal: AbortSignal.timeout(100) }).then((answer) =>
        readBody(answer, 10),
      );
    expect(await reason(ended(silent))).toContain('timeout');
    expect(await reason(ended(slow))).toContain('timeout');
    const over = createFetch()(silent, { signal: AbortSignal.abort(new Error('never mind')) });
    expect(await reason(over)).toBe('never mind');
  });

  it('asks whom it is told to for the address of a name', async () => {
    const url = await serve((request, response) => response.end(request.headers.host));
    const fetch = createFetch({
      lookup: (name, _, answer) =>
        name === 'cfg.lab.test'
          ? answer(null, [{ address: '127.0.0.1', family: 4 }])
          : answer(new Error(`no ${name}`), []),
    });
    const named = url.replace('127.0.0.1', 'cfg.lab.test');
    const body = await readBody(await fetch(named), 100);
    expect(`http://${new TextDecoder().decode(body)}`).toBe(named);
    expect(await reason(fetch('http://other.lab.test'))).toBe('no other.lab.test');
  });

  it('says at which address it was answered', async () => {
    const url = await serve((_, response) => response.end());
    expect((await createFetch()(url)).from).toBe('127.0.0.1');
  });

  it('connects nowhere that the answer of a server may not lead to', async () => {
    let asked = 0;
    const url = await serve((_, response) => response.end(String(++asked)));
    // Another address each time.
    const turns = ['203.0.113.7', '127.0.0.1'];
    const lookup: LookupFunction = (_, __, answer) =>
      answer(null, [{ address: turns.shift()!, family: 4 }]);
    const fetch = createFetch({ lookup });
    const signal = AbortSignal.timeout(200);
    const named = url.replace('127.0.0.1', 'cfg.lab.test');
    const unlessAt = new Set<string>();
    // Whatever the network says of the first.
    expect(await reason(fetch(named, { unlessAt, signal }))).not.toContain("server's answer");
    expect(await reason(fetch(named, { unlessAt }))).toMatch(/cfg\.lab\.test, which is 127/);
    expect(await reason(fetch(url, { unlessAt }))).toContain(
      "a server's answer leads to 127.0.0.1",
    );
    expect(asked).toBe(0);
    const there = await createFetch()(url, { unlessAt: new Set(['127.0.0.1']) });
    expect([there.status, asked]).toEqual([200, 1]);
  });

  it('keeps connections only for what is read of a store, where it is told to', async () => {
    const ports: unknown[] = [];
    const url = await serve((request, response) => {
      ports.push(request.socket.remotePort);
      request.resume().on('end', () => response.end('x'));
    });
    const unlessAt = new Set(['127.0.0.1']);
    const fetch = createFetch({ keeps: true });
    const ask = async (init: FetchInit): Promise<void> => {
      await readBody(await fetch(url, init), 10);
    };
    for (let i = 0; i < 3; i++) await ask({ unlessAt });
    await ask({ unlessAt, method: 'PUT', body: new Uint8Array(1) });
    await ask({});
    expect(new Set(ports).size).toBe(3);
    expect(new Set(ports.slice(0, 3)).size).toBe(1);
  });

  it('asks again where a connection that was kept had been closed meanwhile', async () => {
    const sockets: Socket[] = [];
    let asked = 0;
    const server = createNetServer((socket) => {
      sockets.push(socket);
      socket.on('data', () => {
        asked++;
        // The first one is closed in answer to its second request.
        if (sockets.length === 1 && asked === 2) socket.resetAndDestroy();
        else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx');
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.push(closerOf(server));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const fetch = createFetch({ keeps: true });
    const unlessAt = new Set(['127.0.0.1']);
    for (let i = 0; i < 2; i++) {
      expect(await readBody(await fetch(url, { unlessAt }), 10)).toHaveLength(1);
    }
    expect([sockets.length, asked]).toEqual([2, 3]);
    for (const socket of sockets) socket.destroy();
  });

  it.each(['file:///etc/passwd', 'ftp://127.0.0.1/', 'http://u:p@127.0.0.1/', 'nonsense'])(
    'refuses %s',
    async (url) => {
      await expect(createFetch()(url)).rejects.toThrow(TypeError);
    },
  );

  it('fails where the other side ends in the middle, or answers with no HTTP', async () => {
    const speak = async (text: string): Promise<string> => {
      const server = createNetServer((socket) => socket.once('data', () => socket.end(text)));
      await once(server.listen(0, '127.0.0.1'), 'listening');
      closing.push(closerOf(server));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    const get = async (text: string) => readBody(await createFetch()(await speak(text)), 1000);
    await expect(get('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx')).rejects.toThrow();
    await expect(
      get('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nx'),
    ).rejects.toThrow();
    await expect(get(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).rejects.toThrow();
    await expect(get('')).rejects.toThrow();
  });
});

describeWith('openssl', 'whom it believes over TLS', () => {
  let folder: string;
  let ours: Authority;
  let theirs: Authority;
  beforeAll(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-tls-'));
    ours = makeAuthority(join(folder, 'ours'));
    theirs = makeAuthority(join(folder, 'theirs'));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  async function serveTls(authority: Authority, names: string): Promise<string> {
    const server = createServer(authority.issue(names), (_, answer) => answer.end('hello'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.push(closerOf(server));
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const get = (url: string, ca?: string) => createFetch({ ca })(url);

  it('is whoever the CA that it was given vouches for, under the name that it was asked for', async () => {
    const right = await serveTls(ours, 'IP:127.0.0.1');
    expect((await get(right, ours.ca)).status).toBe(200);
    expect((await get(right, `bundle of two\n${theirs.ca}\n# ours\n${ours.ca}`)).status).toBe(200);
    expect(await reason(get(await serveTls(ours, 'DNS:other.test'), ours.ca))).toMatch(/altname/);
  });

  it('is nobody else: not another CA, not whom the system believes, not itself', async () => {
    const wrong = await serveTls(theirs, 'IP:127.0.0.1');
    expect(await reason(get(wrong, ours.ca))).toMatch(/certificate/);
    expect(await reason(get(wrong))).toMatch(/certificate/);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    expect(await reason(get(wrong, ours.ca))).toMatch(/certificate/);
    expect(await reason(get(wrong))).toMatch(/certificate/);
    vi.unstubAllEnvs();
  });

  it('is as the text says, to its last certificate', () => {
    const [first, second] = [ours.ca.trim(), theirs.ca.trim()];
    expect(parseCa(`\uFEFF${first}\r\n\r\n# theirs\n${second}`)).toHaveLength(2);
    for (const cut of [
      `${first}\n${second.slice(0, -30)}`,
      `${first}\n${second.slice(30)}`,
      `${first}\n${second.replace('A', '!')}`,
      `${first}\n${second.replaceAll(' CERT', ' TRUSTED CERT')}`,
    ]) {
      expect(() => parseCa(cut)).toThrow('of the 2 certificates in it only 1 can be read');
    }
    const wide = Buffer.from(`\uFEFF${first}`, 'utf16le').toString('latin1');
    expect(() => parseCa(wide)).toThrow('UTF-16');
    expect(hasRoot(`${first}\n${second}`)).toBe(true);
    expect(hasRoot(ours.issue('DNS:a.test').cert)).toBe(false);
  });

  it.each(['', 'garbage', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'is not left open where the CA is %j',
    (ca) => {
      expect(() => createFetch({ ca })).toThrow(/CA/);
    },
  );
});
