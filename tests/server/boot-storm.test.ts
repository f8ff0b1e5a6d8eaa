import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { bootStorm } from '../../bench/storm/boot-storm.ts';
import { EMBEDDED } from '../../bench/storm/contenders.ts';
import { buildGenerator } from '../../bench/storm/generator.ts';
import type { Generator, StormRequest } from '../../bench/storm/generator.ts';
import { describeWith } from '../support/components.ts';
import { serveHttp } from '../support/http-servers.ts';
import type { TestServer } from '../support/http-servers.ts';

describeWith('go', 'the load generator of the benchmarks', () => {
  let folder: string;
  let generator: Generator;
  let server: TestServer;
  let connections: Set<unknown>;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'coatcheck-storm-'));
    generator = buildGenerator(folder);
    server = await serveHttp((request, response) => {
      connections.add(request.socket);
      if (request.url === '/ask') response.end(JSON.stringify({ url: `${server.url}/object` }));
      else response.end('the object');
    });
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const run = (...requests: StormRequest[]): Promise<number> => {
    connections = new Set();
    const visitors = Array.from({ length: 5 }, () => ({ requests }));
    return generator.run({ parallel: 2, visitors }).then(({ milliseconds }) => milliseconds.length);
  };
  const ask = (): StormRequest => ({ method: 'GET', url: `${server.url}/ask`, status: 200 });

  it('gives each visitor one fresh connection, and follows the URL that it was given', async () => {
    const object: StormRequest = { method: 'GET', presigned: true, status: 200 };
    expect(await run(ask(), { ...object, sha256: sha256('the object') })).toBe(5);
    expect(connections.size).toBe(5);
  });

  it('ends at a wrong status, and at wrong bytes', async () => {
    await expect(run({ ...ask(), status: 201 })).rejects.toThrow('status 200');
    await expect(run({ ...ask(), sha256: sha256('another') })).rejects.toThrow('other bytes');
  });

  it('lets ten nodes boot from the embedded store', async () => {
    const { rows } = await bootStorm({
      ...{ folder: join(folder, 'fleet'), commands: inject('commands'), generator },
      ...{ nodes: 10, parallel: 5, rounds: 1, only: [EMBEDDED] },
    });
    expect(rows).toMatchObject([{ name: EMBEDDED, value: expect.any(Number) as number }]);
  });
});
