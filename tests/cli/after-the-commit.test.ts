// @module-tag long
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer, request as forward } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveIdentity } from '../../bundle/index.ts';
import type { Identity } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, runCli, startCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { itOnSmallDisk } from '../support/small-disk.ts';

/** Once a decision was sent, the answer is that it is decided, or that this is not known. */

type Pass = (options?: { readonly answerIsKept: true }) => void;
type Held = (request: IncomingMessage, response: ServerResponse, pass: Pass) => void;

let desk: Desk;
let url = '';
let hold: Held = (_request, _response, pass) => pass();
/** Passes requests on to the server of the desk, as `hold` lets it. */
const between = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const pass: Pass = (options) => {
      const { method, headers } = request;
      const target = `${desk.url}${request.url!}`;
      const onward = forward(target, { method, headers }, (answer) => {
        if (options?.answerIsKept) {
          answer.resume();
          return;
        }
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      });
      onward.end(Buffer.concat(chunks));
    };
    if (request.url!.endsWith('/decisions')) hold(request, response, pass);
    else pass();
  });
});
beforeAll(async () => {
  desk = await openDesk();
  between.listen(0, '127.0.0.1');
  await once(between, 'listening');
  url = `http://127.0.0.1:${(between.address() as AddressInfo).port}`;
});
afterAll(async () => {
  between.closeAllConnections();
  between.close();
  await desk.close();
});

const newNode = (): Identity => deriveIdentity(Uint8Array.from(randomBytes(32)));
async function waits(files: Record<string, string> = { 'etc/motd': 'x\n' }): Promise<Identity> {
  const node = newNode();
  await desk.propose(node, { files });
  return node;
}
const isApproved = async (node: Identity): Promise<boolean> =>
  (await desk.json<{ entries: unknown[] }>('history', node.id)).entries.length > 0;

describe('a decision that was sent', () => {
  it.each([
    ['SIGINT', false],
    ['SIGTERM', true],
  ] as const)('and then %s: it is said not to be known', async (signal, reaches) => {
    const node = await waits();
    const sent = new Promise<void>((resolve) => {
      // The answer is kept for ever, also where the request arrived.
      hold = (_request, _response, pass) => {
        if (reaches) pass({ answerIsKept: true });
        resolve();
      };
    });
    const args = ['--home', desk.home, '--server', url, 'approve', node.id, '--yes'];
    const { child, done } = await startCli(args);
    await sent;
    while (reaches && !(await isApproved(node)));
    child.kill(signal);
    const { code, stderr } = await done;
    hold = (_request, _response, pass) => pass();
    expect(code).toBe(EXIT.interrupted);
    expect(stderr).toMatch(
      /whether the decision that was sent is recorded is not known: look at coatcheck history, and send it again if it is not there \[interrupted\]\n$/,
    );
    expect(await isApproved(node)).toBe(reaches);
  });

  it('is said not to be known where a proxy answers', async () => {
    const node = await waits();
    hold = (_request, response) => void response.writeHead(504).end('<h1>Gateway Timeout</h1>');
    const run = await runCli([
      ...['--home', desk.home, '--server', url, '--json', 'approve', node.id, '--yes'],
    ]);
    hold = (_request, _response, pass) => pass();
    expect(run.code).toBe(EXIT.unavailable);
    expect(JSON.parse(run.stderr)).toMatchObject({
      error: {
        code: 'store_unknown',
        message: expect.stringContaining('send it again if it is not there') as string,
      },
    });
  });

  it('is decided where only what comes after it fails, in the document too', async () => {
    const node = newNode();
    await desk.propose(node, { files: { 'etc/motd': '1' } });
    await desk.json('approve', node.id, '--yes');
    const { entries } = await desk.json<{ entries: { statementDigest: string }[] }>(
      'history',
      node.id,
    );
    const base = Uint8Array.from(Buffer.from(entries[0]!.statementDigest, 'hex'));
    await desk.propose(node, { base, files: { 'etc/motd': '1', 'etc/hosts': '2' } });
    await desk.json('approve', node.id, '--yes');
    await desk.propose(node, { base, files: { 'etc/motd': '3' } });
    let decisions = 0;
    hold = (request, _response, pass) => {
      if (++decisions > 1) request.socket.destroy();
      else pass();
    };
    const run = await runCli([
      ...['--home', desk.home, '--server', url, '--json', 'approve', node.id, '--yes', '--rebase'],
    ]);
    hold = (_request, _response, pass) => pass();
    expect(run.code).toBe(EXIT.unavailable);
    expect(JSON.parse(run.stdout)).toMatchObject({ decisions: [{ type: 'approve', seq: 3 }] });
    expect(JSON.parse(run.stderr)).toMatchObject({
      error: {
        code: 'store_unknown',
        message: expect.stringMatching(/^approve \(seq 3\) is decided; then: whether/) as string,
      },
    });
  });

  it('leaves nothing behind that blocks the node: the next decision takes back what was uploaded', async () => {
    const node = newNode();
    const decide = (...args: string[]) =>
      runCli(['--home', desk.home, '--server', url, 'approve', node.id, '--yes', ...args]);
    await desk.propose(node, { files: { 'etc/motd': '1' } });
    expect((await decide()).code).toBe(0);
    type Entries = { entries: { statementDigest: string; type: string; digest: string }[] };
    const history = async () => (await desk.json<Entries>('history', node.id)).entries;
    const base = Uint8Array.from(Buffer.from((await history())[0]!.statementDigest, 'hex'));
    await desk.propose(node, { base, files: { 'etc/motd': '1', 'etc/hosts': '2' } });
    expect((await decide()).code).toBe(0);
    const original = await desk.propose(node, { base, files: { 'etc/motd': '3' } });
    hold = (_request, response) => void response.writeHead(504).end();
    const unknown = await decide('--rebase');
    hold = (_request, _response, pass) => pass();
    expect(unknown.code).toBe(EXIT.unavailable);
    const [, left] = /may still wait, as ([0-9a-f]{64}): your next/.exec(unknown.stderr)!;
    const waiting = async () =>
      (await desk.json<{ waiting: string[] }>('show', node.id)).waiting.toSorted();
    expect(await waiting()).toEqual([left!, original].toSorted());
    // The same command again, which names no digest.
    const again = await decide('--rebase');
    expect([again.code, again.stderr]).toEqual([
      0,
      expect.stringMatching(
        `warning: took back ${left}, which you uploaded 20.* UTC for a decision`,
      ),
    ]);
    expect((await history()).map(({ type }) => type)).toEqual([
      ...['approve', 'approve', 'approve', 'reject'],
    ]);
    expect((await history()).map(({ digest }) => digest)).not.toContain(left);
    expect(await waiting()).toEqual([]);
    await desk.propose(node, { base, files: { 'etc/motd': '4' }, after: original });
  });

  itOnSmallDisk(
    '16k',
    'is decided where the home folder is full, and that is told',
    async (disk) => {
      const home = join(disk.path, 'home');
      fs.mkdirSync(home);
      for (const name of ['site.json', 'admin.key']) {
        fs.copyFileSync(join(desk.home, name), join(home, name));
        fs.chmodSync(join(home, name), 0o600);
      }
      for (const json of [true, false]) {
        const node = await waits();
        for (let i = 0; ; i++) {
          try {
            fs.writeFileSync(join(disk.path, `full${i}`), Buffer.alloc(4096));
          } catch {
            break;
          }
        }
        const run = await runCli([
          ...['--home', home, '--server', desk.url, ...(json ? ['--json'] : [])],
          ...['approve', node.id, '--yes'],
        ]);
        const told = /recorded, but this tool cannot remember that it was: .* \[disk_full\]/;
        expect([run.code, json, run.stderr]).toEqual([0, json, expect.stringMatching(told)]);
        if (json) {
          const { warnings } = JSON.parse(run.stderr) as { warnings: string[] };
          expect(warnings).toContainEqual(expect.stringMatching(told));
          expect(JSON.parse(run.stdout)).toMatchObject({
            decisions: [{ type: 'approve', unremembered: { code: 'disk_full' } }],
          });
        }
        expect(await isApproved(node)).toBe(true);
      }
    },
  );

  it('is what the exit code tells, where nobody reads the result', async () => {
    const node = await waits();
    const args = ['--home', desk.home, '--server', desk.url, 'approve', node.id, '--yes'];
    const { child, done } = await startCli(args);
    child.stdout!.destroy();
    expect((await done).code).toBe(0);
    expect(await isApproved(node)).toBe(true);
    const again = await startCli(args);
    again.child.stdout!.destroy();
    expect((await again.done).code).toBe(EXIT.notFound);
  });

  it('is told where the result cannot be written', async () => {
    const node = await waits();
    const run = await runCli(
      ['--home', desk.home, '--server', desk.url, '--json', 'approve', node.id, '--yes'],
      { stdout: '/dev/full' },
    );
    expect(run.code).toBe(EXIT.failed);
    expect(JSON.parse(run.stderr)).toMatchObject({
      error: {
        code: 'disk_full',
        message: expect.stringMatching(/^approve of .* \(seq 1\) is decided; then: /) as string,
      },
    });
    expect(await isApproved(node)).toBe(true);
  });
});
