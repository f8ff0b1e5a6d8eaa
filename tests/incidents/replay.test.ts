// @module-tag long
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../protocol/errors.ts';
import { approvedKey } from '../../protocol/keys.ts';
import { parseCa } from '../../net/certificates.ts';
import { parseSite } from '../../protocol/site.ts';
import { createFilesystemStore } from '../../store/filesystem.ts';
import type { ObjectStore } from '../../store/port.ts';
import { runCli, startCli } from '../support/cli.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { send } from '../support/raw-http.ts';
import type { RawAnswer } from '../support/raw-http.ts';
import type { Run } from '../support/run.ts';
import { contents } from '../support/stores.ts';
import { openTap } from './tap.ts';
import type { Captured, Tap } from './tap.ts';

/** A module to preload: the same program with its clock this much ahead. */
const ahead = (seconds: number): string =>
  `data:text/javascript,const%20now=Date.now;Date.now=()=>now()+${seconds * 1000}`;

// Salt's minions obeyed a job again, and took a file again, that somebody had recorded.
describe('Salt CVE-2022-22936, CVE-2024-38823: what was captured is worth nothing later', () => {
  let folder: string;
  let home: string;
  let tap: Tap;
  let server: string;
  let store: ObjectStore;
  const machines: Machine[] = [];
  const ends: (() => Promise<unknown>)[] = [];

  const coatcheck = async (...args: string[]): Promise<Run> => {
    const run = await runCli(['--home', home, '--server', tap.url, ...args]);
    expect([args[0], run.code, run.stderr]).toEqual([args[0], 0, expect.any(String)]);
    return run;
  };
  /** Another `coatcheck serve`. @returns where it listens, whatever it is called */
  async function serve(at: string, args: readonly string[], preload?: string): Promise<string> {
    const env = preload === undefined ? {} : { NODE_OPTIONS: `--import ${preload}` };
    const command = ['--json', '--home', at, 'serve', '--port', '0', ...args];
    const { child, said, done } = await startCli(command, { env });
    ends.push(() => (child.kill('SIGINT'), done));
    while (!said.stdout.includes('}')) {
      if (child.exitCode !== null) throw new Error((await done).stderr);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return `http://127.0.0.1:${(JSON.parse(said.stdout) as { port: number }).port}`;
  }
  beforeAll(async () => {
    folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-replay-'));
    home = join(folder, 'site');
    tap = await openTap();
    await coatcheck('init', '--no-passphrase');
    server = await serve(home, ['--public-url', tap.url]);
    store = createFilesystemStore(join(home, 'store'));
  });
  afterEach(() => {
    machines.splice(0).forEach((machine) => machine.remove());
    tap.captured.length = 0;
    tap.replay = undefined;
    tap.target = server;
  });
  afterAll(async () => {
    for (const end of ends) await end();
    await tap.close();
    fs.rmSync(folder, { recursive: true });
  });

  function newMachine(keyFrom?: string): Machine {
    const site = parseSite(fs.readFileSync(join(home, 'site.json'), 'utf8'), parseCa);
    const machine = makeMachine({ ...site, servers: [tap.url] }, keyFrom);
    machines.push(machine);
    return machine;
  }
  /** A machine that applied what was approved; everything about it went past the tap. */
  async function approved(...more: string[]): Promise<Machine> {
    tap.target = server;
    const machine = newMachine();
    machine.write('etc/hostname', 'first\n');
    expect((await machine.run('boot', '--once')).code).toBe(EXIT.waiting);
    await coatcheck('approve', machine.identity.id, '--yes', ...more);
    await machine.json('boot', '--once');
    return machine;
  }
  const code = ({ stderr }: Run): string | undefined => /\[(\w+)\]\n$/.exec(stderr)?.[1];
  const again = ({ method, url, headers, body }: Captured, to = server): Promise<RawAnswer> =>
    send(new URL(url, to).href, { method, headers, body });
  const codeIn = ({ body }: RawAnswer): string | undefined =>
    /"code":"(\w+)"/.exec(body.toString())?.[1];
  const lastPart = ({ url }: Captured): string => url.split('?')[0]!.split('/').at(-1)!;

  /** What was asked by the machine and by an administrator, each with its signature. */
  function signedOnes(): Captured[] {
    const found = tap.captured.filter(({ headers }) => 'signature' in headers);
    expect(new Set(found.map(lastPart))).toEqual(
      new Set(['config', 'proposals', 'reports', 'list', 'read', 'decisions']),
    );
    return found;
  }

  it('a signed request, five minutes and a second later', async () => {
    await approved();
    const later = await serve(home, ['--public-url', tap.url], ahead(301));
    const before = await contents(store);
    for (const one of signedOnes()) {
      const answer = await again(one, later);
      expect([answer.status, codeIn(answer)], one.url).toEqual([401, 'signature_expired']);
    }
    expect(await contents(store)).toEqual(before);
  });

  it('a signed request at another site, for another host, on another route', async () => {
    await approved();
    const signed = signedOnes();
    const other = join(folder, 'other');
    expect((await runCli(['--home', other, 'init', '--no-passphrase'])).code).toBe(0);
    const otherSite = await serve(other, ['--public-url', tap.url]);
    const otherHost = await serve(home, ['--public-url', 'http://mirror.example']);
    const before = await contents(store);
    for (const one of signed) {
      expect(codeIn(await again(one, otherSite))).toBe('wrong_site');
      expect(codeIn(await again(one, otherHost))).toBe('signature_invalid');
      for (const { url, method } of signed) {
        if (lastPart({ ...one, url }) === lastPart(one)) continue;
        const moved = await again({ ...one, url, method });
        expect([400, 401], `${one.url} on ${url}`).toContain(moved.status);
      }
    }
    expect(await contents(store)).toEqual(before);
  });

  it('a signed request at once: it gives what it gave, sealed, and changes nothing', async () => {
    await approved();
    const before = await contents(store);
    for (const one of signedOnes()) {
      const answer = await again(one);
      expect([200, 201], `${one.url}: ${answer.body.toString()}`).toContain(answer.status);
      if (lastPart(one) === 'decisions') expect(answer.body.toString()).toContain('"already"');
    }
    expect(await contents(store)).toEqual(before);
  });

  it('an upload: the same bytes or none, and what was decided stays decided', async () => {
    await approved();
    const before = await contents(store);
    const puts = tap.captured.filter(({ method }) => method === 'PUT');
    expect(puts).toHaveLength(2); // the proposal and the report
    for (const put of puts) {
      const other = { ...put, body: Buffer.from(put.body.map((byte) => byte ^ 1)) };
      expect((await again(other)).status).toBe(400);
      expect((await again(put)).status).toBe(200);
    }
    // The proposal lies there again; nobody is asked about it, and it is gone.
    const { stdout } = await coatcheck('--json', 'pending');
    expect(JSON.parse(stdout)).toEqual({ pending: [], cosigned: [] });
    expect(await contents(store)).toEqual(before);
  });

  it('an approval, once another decision was made', async () => {
    const machine = await approved();
    const decision = signedOnes().find((one) => lastPart(one) === 'decisions')!;
    await coatcheck('revoke', machine.identity.id, '--reason', 'stolen', '--yes');
    const { etag } = (await store.head(approvedKey(machine.identity.id)))!;
    expect((await again(decision)).body.toString()).toContain('"already"');
    expect((await store.head(approvedKey(machine.identity.id)))!.etag).toBe(etag);
    expect(code(await machine.run('boot', '--once'))).toBe('revoked');
  });

  it('an answer of the server, and of the store', async () => {
    const machine = await approved();
    const gets = tap.captured.filter(({ method }) => method === 'GET');
    const objects = gets.filter(({ url }) => url.startsWith('/objects/approved/'));
    const [nothing, first] = [404, 200].map((s) => objects.find(({ status }) => status === s)!);
    const config = gets.findLast((one) => lastPart(one) === 'config')!;
    machine.write('etc/hostname', 'second\n');
    await machine.json('propose');
    await coatcheck('approve', machine.identity.id, '--yes');
    await machine.json('boot', '--once');
    for (const object of [first, nothing]) {
      tap.replay = [config, object!];
      const run = await machine.run('boot', '--once');
      expect([run.code, code(run)]).toEqual([EXIT.refused, 'rollback_refused']);
      expect(machine.read('etc/hostname')).toBe('second\n');
    }
  });

  it('an approval that has ended, with the time that was captured beside it', async () => {
    const machine = await approved('--expires', '1h');
    tap.replay = tap.captured.filter(({ status }) => status === 200);
    for (const [seconds, expected] of [
      [0, [EXIT.ok, undefined]],
      [2 * 3600, [EXIT.waiting, 'expired']],
    ] as const) {
      const fresh = newMachine(machine.path('etc/coatcheck/key')); // without a memory
      const command = [process.execPath, '--import', ahead(seconds), agentProgram()];
      const run = await fresh.start(command, ['--root', fresh.root, 'boot', '--once']).done;
      expect([run.code, code(run)]).toEqual(expected);
      expect(fs.existsSync(fresh.path('etc/hostname'))).toBe(seconds === 0);
    }
  });
});
