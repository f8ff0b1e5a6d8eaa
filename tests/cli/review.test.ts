import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deriveIdentity } from '../../bundle/index.ts';
import type { Identity } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { cliProgram, openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { openScreen } from '../support/tmux.ts';
import type { Screen } from '../support/tmux.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

async function proposed(files: Record<string, string>): Promise<Identity> {
  const node = deriveIdentity(Uint8Array.from(randomBytes(32)));
  await desk.propose(node, { files });
  return node;
}
const waits = async (node: Identity): Promise<boolean> =>
  (await desk.run('show', node.id)).stdout.includes('waits for a decision');

/** Two letters a line, in an order that has nothing in common with another. */
const random = (lines: number): string =>
  Array.from(randomBytes(lines), (byte) => (byte & 1 ? 'a\n' : 'b\n')).join('');

describe('what a node would refuse', () => {
  it('is told before it is approved: file and line, and not what is in it', async () => {
    const node = await proposed({
      'etc/group': 'root:x:0:\nusers:x:100:http:ann\n',
      'etc/hostname': 'no name\n',
      'etc/machine-id': `${'a'.repeat(32)}\n`,
    });
    const { code, stdout, stderr: said } = await desk.run('approve', node.id, '--yes');
    const stderr = `${stdout}${said}`;
    expect(code).toBe(0);
    expect(stderr).toContain(
      'a node refuses this, but for lines that its image has too: etc/group, line 2: has 5 fields, and 4 belong there',
    );
    expect(stderr).toContain('etc/hostname gives "no name", which is no host name');
    expect(stderr).toContain('no configuration, and never put in place: etc/machine-id\n');
  });
});

describe('what nobody was shown', () => {
  it('is not signed: a secret in no format that is known', async () => {
    const path = 'etc/ssl/private/host.key';
    const node = await proposed({ [path]: '#!/bin/sh\nevil\n', 'etc/motd': 'x\n' });
    const { stdout } = await desk.run('diff', node.id);
    expect(stdout).not.toContain('evil');
    for (const flags of [[], ['--stat'], ['--show-secrets', 'etc/shadow'], ['--unseen', 'etc/x']]) {
      const refused = await desk.run('approve', node.id, '--yes', ...flags);
      expect([flags, refused.code]).toEqual([flags, EXIT.declined]);
      expect(refused.stderr).toMatch(/--show-secrets etc.* shows it, .* \[not_shown\]\n$/);
    }
    expect(await waits(node)).toBe(true);
    const shown = await desk.run('approve', node.id, '--yes', '--show-secrets', path);
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('| +evil\n')]);
  });

  it('is signed where whoever says yes names it', async () => {
    const path = 'etc/ssl/private/host.key';
    const node = await proposed({ [path]: 'in a format of its own\n' });
    const { code, stdout } = await desk.run('approve', node.id, '--yes', '--unseen', path);
    expect([code, stdout]).toEqual([0, expect.not.stringContaining('format of its own')]);
  });

  it('is not signed: what executes, of a review that is too long', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 26 }, (_, i) => [`etc/cron.d/job${i}`, random(1_000)]),
    );
    const node = await proposed(files);
    const refused = await desk.run('approve', node.id, '--yes');
    expect(refused.code).toBe(EXIT.declined);
    expect(refused.stdout.split('\n').length).toBeLessThan(4_200);
    expect(refused.stdout).toContain('more lines not shown; --full shows them)');
    expect(refused.stderr).toContain('26 files can run or let somebody in: etc/cron.d/job0, ');
    expect(refused.stderr).toMatch(/not all was shown of .*etc\/cron.d\/job9, which can run/);
    expect(await waits(node)).toBe(true);
    const full = await desk.run('approve', node.id, '--yes', '--full');
    expect(full.code).toBe(0);
    expect(full.stdout.split('\n').length).toBeGreaterThan(26 * 1_000);
  });

  it('is signed where it is data, however long', async () => {
    const node = await proposed({ 'etc/motd': 'token'.repeat(190_000) });
    const { code, stdout } = await desk.run('approve', node.id, '--yes');
    expect(code).toBe(0);
    expect(stdout).toContain('(2 more lines not shown; --full shows them)');
  });
});

describe('a review in JSON', () => {
  it('says what a file can set off and whether it is secret, apart', async () => {
    const node = await proposed({ 'etc/shadow': 'backup::19000:0:99999:7:::\n', 'etc/motd': 'x' });
    expect(await desk.json('diff', node.id)).toMatchObject({
      files: [
        {
          ...{ path: 'etc/shadow', executes: 'by place', secret: true },
          accounts: [{ name: 'backup', after: { password: 'empty' }, passwordChanged: true }],
        },
        { path: 'etc/motd', executes: 'no', secret: false },
      ],
    });
    const { stderr } = await desk.run('diff', node.id);
    expect(stderr).not.toContain('warning');
    expect((await desk.run('approve', node.id, '--yes')).stderr).toContain(
      'warning: without a password: backup\n',
    );
  });
});

describeWith('terminal', 'consent', () => {
  const screens: Screen[] = [];
  afterEach(() => screens.splice(0).forEach((screen) => screen.close()));

  async function approves(node: Identity, pager: string, delay = ''): Promise<Screen> {
    const command = [
      ...['env', `PAGER=${pager}`, 'TERM=xterm', 'sh', '-c', `${delay}exec "$@"`, 'sh'],
      ...[process.execPath, cliProgram(), '--home', desk.home, '--server', desk.url],
      ...['approve', node.id],
    ];
    const screen = await openScreen(command, { rows: 30, term: 'xterm' });
    screens.push(screen);
    return screen;
  }

  it('is to what was seen: what was typed before the question counts for nothing', async () => {
    const node = await proposed({ 'etc/motd': 'x\n' });
    const screen = await approves(node, 'cat', 'stty -echo; sleep 1; ');
    screen.type('y\ny\n');
    await screen.until('Approve this for');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await waits(node)).toBe(true);
    screen.type('y');
    await screen.until('approved ');
    expect(await waits(node)).toBe(false);
  });

  it('is asked for after a long review went through the pager, whole', async () => {
    const node = await proposed({ 'etc/cron.d/job': random(5_000) });
    const file = join(desk.home, 'paged');
    const screen = await approves(node, `cat > ${file}`);
    await screen.until('Approve this for');
    expect(fs.readFileSync(file, 'utf8').match(/^.*\| .*[+][ab]/gm)).toHaveLength(5_000);
    expect(screen.text()).toContain('1 file can run or let somebody in: etc/cron.d/job');
    screen.type('y');
    await screen.until('approved ');
  });
});
