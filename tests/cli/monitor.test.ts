import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MonitorView } from '../../admin/index.ts';
import { deriveIdentity } from '../../bundle/index.ts';
import type { Identity } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, refusal, runCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

const newNode = (): Identity => deriveIdentity(Uint8Array.from(randomBytes(32)));

describe('keys monitor', () => {
  it('gives a file by which states are read without an administrator’s key, until the keyset changes', async () => {
    const [known, fresh] = [newNode(), newNode()];
    await desk.propose(known, { metadata: { hostname: 'gx001' } });
    await desk.json('approve', known.id, '--yes', '--expires', '10d');
    const file = join(desk.home, '..', 'nagios.json');
    await desk.json('keys', 'monitor', file, '--for', 'nagios', '--expires', '30d');
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(refusal(await desk.run('keys', 'monitor', file))).toEqual([EXIT.usage, 'file_exists']);

    // On a machine that has nothing else.
    const look = (...args: string[]) =>
      runCli(['--home', '/nowhere', '--server', desk.url, ...args, '--capability', file]);
    expect((await look('status', '--exit-code')).code).toBe(0);
    await desk.propose(fresh, { metadata: { hostname: 'gx002' } });
    const { stdout } = await look('--json', 'status');
    const { nodes } = JSON.parse(stdout) as { nodes: MonitorView[] };
    const states = new Map(nodes.map((view) => [view.node, view.states]));
    expect(states).toEqual(
      new Map([
        [known.id, ['expiring', 'never-booted', 'in-force']],
        [fresh.id, ['waiting', 'first']],
      ]),
    );
    expect(stdout).not.toContain('gx00');
    const shown = (await look('status')).stdout;
    expect(shown).toContain(nodes.find(({ node }) => node === fresh.id)!.words);
    expect(refusal(await look('status', '--exit-code'))).toEqual([EXIT.waiting, 'waiting']);
    for (const more of [['gx*'], ['--where', 'state=waiting'], ['--watch']]) {
      expect(refusal(await look('status', ...more))).toEqual([EXIT.usage, 'usage']);
    }

    const other = join(desk.home, '..', 'bob');
    const request = join(desk.home, '..', 'bob.json');
    const asked = ['init', '--request', request, '--admin-name', 'bob', '--no-passphrase'];
    expect((await runCli(['--home', other, ...asked])).code).toBe(0);
    expect((await desk.run('keys', 'add', request, '--yes')).code).toBe(0);
    // A server follows the keysets at the latest after a minute, and at once for who is refused else.
    const anew = join(desk.home, '..', 'anew.json');
    await desk.json('keys', 'monitor', anew);
    const by = (path: string) =>
      runCli(['--home', '/nowhere', '--server', desk.url, 'status', '--capability', path]);
    await expect.poll(async () => (await by(anew)).code).toBe(0);
    expect(refusal(await look('status'))).toEqual([EXIT.denied, 'capability_refused']);
  });

  it('refuses an end that is none, and a file that is none', async () => {
    const file = join(desk.home, '..', 'never.json');
    for (const expires of ['never', '401d']) {
      const { code } = await desk.run('keys', 'monitor', file, '--expires', expires);
      expect([expires, code]).toEqual([expires, expires === 'never' ? EXIT.usage : EXIT.refused]);
      expect(fs.existsSync(file)).toBe(false);
    }
    fs.writeFileSync(file, '{"coatcheck":"monitor/1","seed":"secret"}', { mode: 0o600 });
    const wrong = await desk.run('status', '--capability', file);
    expect(refusal(wrong)).toEqual([EXIT.usage, 'file_malformed']);
    expect(wrong.stderr).not.toContain('secret');
    fs.chmodSync(file, 0o644);
    expect(refusal(await desk.run('status', '--capability', file))).toEqual([
      ...[EXIT.usage, 'file_unsafe'],
    ]);
  });
});
