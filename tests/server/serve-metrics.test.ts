import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { createClient } from '../../protocol/client.ts';
import { openDesk, openSession, runCli, startServe } from '../support/cli.ts';
import type { Desk, Served } from '../support/cli.ts';
import { itWith } from '../support/components.ts';
import { fleet, waits } from '../support/many-nodes.ts';
import { makeNode } from '../support/site.ts';

let desk: Desk;
const served: Served[] = [];
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(async () => {
  for (const server of served) await server.stop();
  await desk.close();
});

async function start(...args: string[]): Promise<Served & { metrics: string }> {
  const server = await startServe(['--home', desk.home, '--json', 'serve', ...args]);
  served.push(server);
  const { metrics } = JSON.parse(server.said.stdout) as { metrics: string };
  return { ...server, metrics };
}

/** The text, and the values of one family, by those of its labels. */
async function scrape(url: string): Promise<{ text: string; of: (name: string) => Samples }> {
  const answer = await fetch(url);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await answer.text();
  const of = (name: string): Samples => {
    const samples = text.matchAll(/^(\w+)(?:\{(.*)\})? ([\d.e+-]+)$/gm);
    return Object.fromEntries(
      [...samples]
        .filter(([, family]) => family === name)
        .map(([, , labels = '', value]) => [
          [...labels.matchAll(/"([^"]*)"/g)].map(([, text]) => text).join(' '),
          Number(value),
        ]),
    );
  };
  return { text, of };
}
type Samples = Readonly<Record<string, number>>;

describe('the metrics of serve', () => {
  it('count what was asked and how the nodes stand, and name none of them', async () => {
    const session = await openSession(desk);
    const ones = await fleet(desk, session, {
      ...{ prefix: 'metric', count: 3 },
      filesOf: (name) => ({ 'etc/hostname': `${name}\n` }),
    });
    await waits(desk, ones[0]!, { 'etc/hostname': 'secret-name\n' });
    const fresh = { node: makeNode('metrics, fresh'), name: 'fresh' };
    await waits(desk, fresh, { 'etc/hostname': 'fresh\n' });

    const { url, metrics } = await start('--metrics', '127.0.0.1:0');
    const client = createClient({ server: url, site: desk.site.id, identity: ones[1]!.node });
    const { url: object } = await client.config(ones[1]!.node.id);
    expect((await client.get(object, 100_000)).found).toBe(true);

    const { text, of } = await scrape(metrics);
    expect(of('coatcheck_requests_total')).toMatchObject({
      '/v1/nodes/:node/config 200 none': 1,
      '/objects/* 200 none': 1,
    });
    expect(of('coatcheck_request_duration_seconds_count')).toMatchObject({
      '/v1/nodes/:node/config': 1,
    });
    expect(of('coatcheck_store_duration_seconds_count')['get']).toBeGreaterThanOrEqual(4);
    expect(of('coatcheck_nodes')).toEqual({
      ...{ in_force: 3, expiring: 0, expired: 0, revoked: 0, unreadable: 0, none: 1 },
    });
    expect(of('coatcheck_proposals_waiting')).toEqual({ '': 2 });
    expect(of('coatcheck_oldest_waiting_seconds')['']).toBeGreaterThanOrEqual(0);
    for (const { id } of [...ones, fresh].map(({ node }) => node)) {
      expect(text).not.toContain(id);
      expect(text).not.toContain(nodeWords(id).split(' ').slice(0, 2).join(' '));
    }
    expect(text).not.toContain('secret-name');
  });

  itWith('promtool', 'are what Prometheus reads, and named as it wants', async () => {
    const { url, metrics } = await start('--metrics', '0');
    for (const path of ['/v1/site', '/v1/ready', '/nothing', '/objects/x']) await fetch(url + path);
    const { text } = await scrape(metrics);
    const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], {
      ...{ input: text, encoding: 'utf8' },
    });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  it('do not grow by what strangers ask for', async () => {
    const { url, metrics } = await start('--metrics', '0');
    const ask = async (round: string): Promise<string> => {
      for (let i = 0; i < 100; i++) {
        const id = makeNode(`${round} ${i}`).id;
        for (const path of [
          `/${round}/${i}`,
          `/v1/nodes/${id}/config`,
          `/objects/approved/${id}`,
        ]) {
          await fetch(url + path, { headers: { 'user-agent': `${round}"}` } });
        }
      }
      const { text } = await scrape(metrics);
      return text.replaceAll(/ [\d.e+-]+$/gm, '');
    };
    expect(await ask('second')).toBe(await ask('third'));
  });

  it('say that the store is away, and show no nodes as they were', async () => {
    const { metrics } = await start('--metrics', '0', '--store', `${desk.home}/gone`);
    await rm(`${desk.home}/gone/objects`, { recursive: true });
    const { text, of } = await scrape(metrics);
    expect(of('coatcheck_store_up')).toEqual({ '': 0 });
    expect(Object.keys(of('coatcheck_store_errors_total'))).toContain('list no_such_bucket');
    expect(text).not.toContain('coatcheck_nodes{');
  });

  it('are on a listener of their own, which answers nothing else', async () => {
    const { url, metrics } = await start('--metrics', '[::1]:0');
    expect(metrics).toMatch(/^http:\/\/\[::1\]:\d+\/metrics$/);
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    const other = metrics.replace('/metrics', '/v1/health');
    expect((await fetch(other)).status).toBe(404);
    expect((await fetch(metrics, { method: 'POST' })).status).toBe(405);
  });

  it('keep nothing from ending', async () => {
    const server = await start('--metrics', '0');
    const { port, hostname } = new URL(server.metrics);
    const silent = connect(Number(port), hostname);
    silent.on('error', () => undefined);
    await new Promise((resolve) => silent.once('connect', resolve));
    expect((await server.stop()).code).toBe(0);
  });

  it.each(['', 'x', '70000', '127.0.0.1', 'a:b:1', '[::1:1'])('are not on %j', async (where) => {
    const { code, stderr } = await runCli(['--home', desk.home, 'serve', '--metrics', where]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--metrics')]);
  });
});
