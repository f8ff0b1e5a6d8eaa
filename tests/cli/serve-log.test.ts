import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveIdentity, utf8 } from '../../bundle/index.ts';
import { createClient } from '../../protocol/client.ts';
import { signRequest } from '../../protocol/request-signature.ts';
import { openDesk, runCli, startServe } from '../support/cli.ts';
import type { Desk, Served } from '../support/cli.ts';
import { sendLines } from '../support/raw-http.ts';

/** What strangers, nodes and a store say is in the log of `serve`: as text, and in lines of ours. */

/** What drives a terminal, turns the direction of writing, is not seen, or begins a line of its own. */
const HOSTILE = '\u001b]0;title\u0007\u001b[2J\u009b1;1H\u202egnp\u2066\u200b\u00ad\u{e0041}';
const FORGED = '\n200 GET /v1/health 1 ms\r200 POST forged\u2028200\u0085';

/** A line of the log, or of what the server says of itself. */
const OURS =
  /^(\d{3} [A-Z]+ [/\w*:-]+ \d+ ms\b.*|\S.* Ctrl-C stops|only this machine reaches \S+ .*|stopped)$/;

function demandSafe(text: string): void {
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
  for (const line of text.trimEnd().split('\n')) expect(line).toMatch(OURS);
}

interface LogLine {
  readonly time: string;
  readonly milliseconds: number;
  readonly notice?: string;
  readonly reason?: string;
}

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

describe('the log of serve', () => {
  it('has nothing of what a stranger says: paths, names, headers', async () => {
    const server = await startServe(['--home', desk.home, 'serve']);
    const hostile = encodeURIComponent(HOSTILE + FORGED);
    const raw = Buffer.from(HOSTILE).toString('latin1');
    for (const path of [
      ...[`/${hostile}`, `/v1/nodes/${hostile}/config`, `/v1/site?x=${hostile}`],
      ...[`/v1/${raw}`, `/objects/${raw}`, `/objects/history/${hostile}`, `http://${raw}/v1/site`],
    ]) {
      await sendLines(server.url, [`GET ${path} HTTP/1.1`, `User-Agent: ${raw}`, `X-A: ${raw}`]);
    }
    for (const line of [
      `${raw} / HTTP/1.1`,
      `GET / ${raw}`,
      `GET /v1/site HTTP/1.1\r\nHost: ${raw}`,
    ]) {
      await sendLines(server.url, [line]);
    }
    const node = deriveIdentity(Uint8Array.from(randomBytes(32)));
    const pathname = `/v1/nodes/${node.id}/proposals`;
    const body = JSON.stringify({ digest: HOSTILE + FORGED, size: 1, token: HOSTILE });
    const headers = signRequest({
      ...{ method: 'POST', identity: node, site: desk.site.id, body: utf8(body) },
      url: { host: new URL(server.url).host, pathname, search: '' },
      created: Math.floor(Date.now() / 1000),
    });
    const answer = await fetch(server.url + pathname, {
      method: 'POST',
      headers: { ...headers },
      body,
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { error: { code: 'bad_request' } },
    ]);
    const { stderr } = await server.stop();
    expect(stderr).toMatch(/^400 POST \/v1\/nodes\/:node\/proposals \d+ ms bad_request$/m);
    demandSafe(stderr);
  });

  it('is one object a line where that is asked for, with the id that the answer has, and no secret', async () => {
    const args = ['--home', desk.home, 'serve', '--log', 'json'];
    const server = await startServe(args);
    const node = deriveIdentity(Uint8Array.from(randomBytes(32)));
    const client = createClient({ server: server.url, site: desk.site.id, identity: node });
    const { url } = await client.config(node.id);
    const { searchParams } = new URL(url);
    const body = utf8(
      JSON.stringify({ digest: 'ab'.repeat(32), size: 900, token: 'not-to-be-logged' }),
    );
    const target = new URL(`/v1/nodes/${node.id}/proposals`, server.url);
    const headers = signRequest({
      ...{ method: 'POST', url: target, identity: node, site: desk.site.id, body },
      created: Math.floor(Date.now() / 1000),
    });
    const answers = [
      await fetch(target, { method: 'POST', headers, body: body as BodyInit }),
      await fetch(
        `${server.url}/v1/nodes/${encodeURIComponent(HOSTILE)}/config?secret=not-to-be-logged`,
      ),
    ];
    await fs.promises.rm(join(desk.home, 'store', 'objects'), { recursive: true });
    try {
      answers.push(await fetch(`${server.url}/v1/ready`));
    } finally {
      fs.mkdirSync(join(desk.home, 'store', 'objects'));
    }
    const ids = answers.map((answer) => answer.headers.get('x-request-id'));
    const failed = (await answers[2]!.json()) as { error: { request: string } };
    expect(failed.error.request).toBe(ids[2]);

    const { stderr, stdout } = await server.stop();
    expect(stdout).not.toContain('{');
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as LogLine);
    const ofRequests = lines.filter(({ notice }) => notice === undefined);
    for (const { time, milliseconds } of ofRequests) {
      expect(new Date(time).toISOString()).toBe(time);
      expect(milliseconds).toBeGreaterThanOrEqual(0);
    }
    const facts = ofRequests.map(({ time, milliseconds, ...rest }) => rest);
    const [, proposed, hostile, ready] = facts;
    expect(facts).toHaveLength(4);
    expect(proposed).toEqual({
      ...{
        id: ids[0],
        method: 'POST',
        route: '/v1/nodes/:node/proposals',
        node: node.id,
        status: 201,
      },
    });
    expect(hostile).toMatchObject({ id: ids[1], status: 422, code: 'bad_node_id' });
    expect(hostile).not.toHaveProperty('node');
    expect(ready).toMatchObject({ id: ids[2], status: 503, code: 'no_such_bucket' });
    expect(ready!.reason).toContain(join(desk.home, 'store'));
    for (const secret of ['not-to-be-logged', searchParams.get('X-Coatcheck-Signature') ?? url]) {
      expect(stderr).not.toContain(secret);
    }
    expect(stderr).not.toMatch(/[^\n\x20-\x7e]/);
  });

  it('has each request of a flood, or says how many it left out, in either form', async () => {
    for (const form of ['text', 'json']) {
      const server = await startServe(['--home', desk.home, 'serve', '--log', form]);
      const sent = 400;
      await Promise.all(Array.from({ length: sent }, () => fetch(`${server.url}/flood`)));
      const lines = (await server.stop()).stderr.split('\n');
      const shown = lines.filter((line) => line.includes('no_such_route')).length;
      const left = lines.map((line) =>
        Number(/(\d+) lines? of the log left out/.exec(line)?.[1] ?? 0),
      );
      expect(shown + left.reduce((a, b) => a + b, 0)).toBe(sent);
    }
  });

  it('shows what a store says as text, once', async () => {
    const said = `<Error><Code>Internal${HOSTILE}</Code><Message>down ${HOSTILE}${FORGED}end</Message></Error>`;
    const store = createServer((_request, response) => {
      response.writeHead(500, { 'content-type': 'application/xml', 'x-amz-request-id': 'x' });
      // Control characters as XML 1.0 cannot have them, too.
      response.end(said);
    }).listen(0, '127.0.0.1');
    await once(store, 'listening');
    const endpoint = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
    const credentials = join(desk.home, 's3.json');
    const key = (name: string) => ({
      accessKeyId: `AKIA${name}`,
      secretAccessKey: randomBytes(20).toString('hex'),
    });
    fs.writeFileSync(
      credentials,
      JSON.stringify({
        ...{ download: key('down'), upload: key('up'), admin: key('admin') },
      }),
      { mode: 0o600 },
    );
    let server: Served | undefined;
    try {
      server = await startServe([
        ...['--home', desk.home, 'serve', '--store', 's3://bucket', '--endpoint', endpoint],
        ...['--credentials', credentials],
      ]);
      const run = await runCli(['--home', desk.home, '--server', server.url, 'pending']);
      expect(run.stderr).not.toContain('down');
      expect(run.stderr.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      const { stderr } = await server.stop();
      expect(stderr).toMatch(/^503 GET .* store_unavailable: .*<U\+202E>gnp<U\+2066><U\+200B>/m);
      demandSafe(stderr);
    } finally {
      server?.child.kill('SIGKILL');
      store.close();
    }
  });
});
