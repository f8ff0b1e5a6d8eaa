import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../tests/support/components.ts';
import { makeAuthority } from '../../../tests/support/certificates.ts';
import { claimedTime } from './claimed-time.ts';

describeWith('openssl', 'a claimed time', () => {
  let folder: string;
  let expired: { key: string; cert: string };
  beforeAll(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-claim-'));
    const validity = ['20000101000000Z', '20010101000000Z'] as const;
    expired = makeAuthority(join(folder, 'ca')).issue('DNS:other.test', validity);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  async function claim(
    answer: (request: IncomingMessage, response: ServerResponse) => void,
  ): Promise<number | undefined> {
    const server = createServer(expired, answer);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const time = await claimedTime(`https://127.0.0.1:${port}/secret?signature=topsecret`);
    server.close();
    return time;
  }

  it('is what anybody says who answers, and nothing is said to them', async () => {
    let heard: unknown;
    const time = await claim((request, response) => {
      heard = [request.method, request.url, request.rawHeaders.filter((_, i) => i % 2 === 0)];
      response.setHeader('date', 'Tue, 24 Nov 2026 00:00:00 GMT').end();
    });
    expect(time).toBe(Date.UTC(2026, 10, 24) / 1000);
    expect(heard).toEqual(['HEAD', '/', ['Host', 'Connection']]);
  });

  it('is nothing where that is no time, or nobody answers', async () => {
    for (const date of ['soon', '', '-']) {
      const time = await claim((_, response) => void response.setHeader('date', date).end());
      expect(time).toBeUndefined();
    }
    expect(await claim((request) => request.socket.destroy())).toBeUndefined();
    expect(await claimedTime('https://127.0.0.1:9/')).toBeUndefined();
  });

  it('is nothing where an answer comes byte by byte and without an end', async () => {
    const server = createServer(expired, ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nx: ');
      const drip = setInterval(() => socket.write('x'), 50);
      socket.on('error', () => undefined).once('close', () => clearInterval(drip));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const time = await claimedTime(`https://127.0.0.1:${port}/`, { limitSeconds: 0.5 });
    server.close();
    expect(time).toBeUndefined();
  });

  it('is asked of a host that only the given resolver knows', async () => {
    const server = createServer(expired, (_, response) => void response.end());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const asked: string[] = [];
    const lookup: LookupFunction = (name, { all }, answer) => {
      asked.push(name);
      if (all === true) answer(null, [{ address: '127.0.0.1', family: 4 }]);
      else answer(null, '127.0.0.1', 4);
    };
    const time = await claimedTime(`https://time.invalid:${port}/`, { lookup });
    server.close();
    expect([asked, typeof time]).toEqual([['time.invalid'], 'number']);
  });
});
