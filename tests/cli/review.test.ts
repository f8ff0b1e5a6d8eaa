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

describe('what nobody was shown', { tags: 'long' }, () => {
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

  it('is not signed: what executes, where only names were wanted', async () => {
    const node = await proposed({ 'etc/cron.d/job': 'evil\n', 'etc/motd': 'x\n' });
    const refused = await desk.run('approve', node.id, '--yes', '--stat');
    expect([refused.code, refused.stdout]).toEqual([
      EXIT.declined,
      expect.not.stringContaining('evil'),
    ]);
    expect(refused.stderr).toContain(
      'not all was shown of etc/cron.d/job, which can run something: --full shows it, without --stat',
    );
    const data = await proposed({ 'etc/motd': 'x\n' });
    expect((await desk.run('approve', data.id, '--yes', '--stat')).code).toBe(0);
  });

  it('is signed where it is data, however long', async () => {
    const node = await proposed({ 'etc/motd': 'token'.repeat(190_000) });
    const { code, stdout } = await desk.run('approve', node.id, '--yes');
    expect(code).toBe(0);
    expect(stdout).toContain('(2 more lines not shown; --full shows them)');
  });
});

describe('what a bundle says of its image', { tags: 'long' }, () => {
  const baseline = 'ab'.repeat(32);
  const files = { 'etc/motd': 'x\n', 'etc/issue': 'y\n' };
  const left = { 'etc/issue': '01234567', 'etc/services': '01234567' };
  const claim = '(as the maker claims)';

  it('is shown wherever it is looked at, and what becomes the images own', async () => {
    const node = deriveIdentity(Uint8Array.from(randomBytes(32)));
    await desk.propose(node, { files, metadata: { image: '1', baseline } });
    const first = await desk.run('approve', node.id, '--yes');
    expect(first.stdout).toContain(`image: "1", baseline ${baseline}, 0 files left to it ${claim}`);
    expect(first.stdout).not.toContain('image of what is in force');
    const { entries } = await desk.json<{ entries: { statementDigest: string }[] }>(
      ...['history', node.id],
    );
    const base = Uint8Array.from(Buffer.from(entries[0]!.statementDigest, 'hex'));
    const metadata = { image: '2 <U+202E>', baseline: 'cd'.repeat(32), left };
    await desk.propose(node, { base, files: { 'etc/motd': 'x\n' }, metadata });

    const said = `"2 <U+003C>U+202E>", baseline ${'cd'.repeat(32)}, 2 files left to it`;
    const was = `image of what is in force: "1", baseline ${baseline}, 0 files left to it\n`;
    const goes = `- etc/issue  becomes the image's own, which is ANOTHER ${claim}, `;
    const diff = await desk.run('diff', node.id);
    expect(diff.stdout).toContain(goes);
    expect(diff.stderr).toContain(`image: ${said} ${claim}\n${was}`);
    const json = await desk.json('diff', node.id);
    const image = { version: '2 <U+202E>', baseline: 'cd'.repeat(32), left: 2 };
    const facts = { bundle: { image }, imageInForce: { version: '1', baseline, left: 0 } };
    const gone = [{ path: 'etc/issue', change: 'removed', becomesImages: 'other' }];
    expect(json).toMatchObject({ ...facts, files: gone });
    const approved = await desk.run('--json', 'approve', node.id, '--yes');
    expect(JSON.parse(approved.stdout)).toMatchObject({ ...facts, shown: { files: gone } });
    expect((await desk.run('show', node.id)).stdout).toContain(`image      ${said} ${claim}\n`);
    expect(await desk.json('show', node.id)).toMatchObject({ bundle: { image } });
    const back = await desk.run('rollback', node.id, '1', '--yes');
    expect(back.stdout).toContain(`image: "1", baseline ${baseline}`);
    expect(back.stdout).toContain(`image of what is in force: ${said}\n`);
  });

  it('is said not to be said', async () => {
    const node = await proposed({ 'etc/motd': 'x\n' });
    expect((await desk.run('show', node.id)).stdout).toContain('image      not said\n');
    expect((await desk.run('approve', node.id, '--yes')).stdout).toContain('image: not said\n');
  });
});

describe('settings that run something', () => {
  it('come first, are marked, and are named at the end', async () => {
    const node = deriveIdentity(Uint8Array.from(randomBytes(32)));
    const metadata = {
      ...{ alias: ['a.service=x.service'], wants: ['a.target.wants/x.service'], hostname: 'n' },
      ...{ enable: ['y.service'], mask: ['z.service'] },
    };
    await desk.propose(node, { files: { 'etc/cron.d/job': '\n' }, metadata });
    const { stdout, stderr } = await desk.run('approve', node.id, '--yes');
    expect(stdout.match(/^[+] .*? {2}|^[+] .*/gm)).toEqual([
      ...['alias:a.service', 'unit:y.service', 'wants:a.target.wants/x.service'].map(
        (name) => `+ setting ${name}  `,
      ),
      '+ etc/cron.d/job  ',
      '+ setting hostname',
      '+ setting unit:z.service',
    ]);
    expect(stderr).toContain(
      '1 file and 3 settings can run or let somebody in: etc/cron.d/job, setting alias:a.service, setting unit:y.service, setting wants:a.target.wants/x.service\n',
    );
    expect((await desk.run('show', node.id)).stdout).toMatch(
      /setting unit:y\.service +RUNS OR LETS IN +enable\n/,
    );
  });

  it('are not signed where there are too many to be shown', async () => {
    const node = deriveIdentity(Uint8Array.from(randomBytes(32)));
    const wants = Array.from({ length: 5_000 }, (_, i) => `a.target.wants/x${i}.service`);
    await desk.propose(node, { files: { 'etc/motd': 'x\n' }, metadata: { wants } });
    const refused = await desk.run('approve', node.id, '--yes');
    expect(refused.code).toBe(EXIT.declined);
    expect(refused.stdout.split('\n').length).toBeLessThan(8_200);
    expect(refused.stdout).toContain('(1000 more settings not shown; --full shows them)');
    expect(refused.stderr).toContain('5000 settings can run or let somebody in: ');
    expect(refused.stderr).toContain(' and 4800 more\n');
    expect(refused.stderr).toContain('not all was shown of 1000 settings, which can run something');
    expect((await desk.run('approve', node.id, '--yes', '--full')).code).toBe(0);
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

  it.each([0, 1, 20])('is asked for on a terminal that says %i columns', async (columns) => {
    const node = await proposed({ 'etc/cron.d/job': `#${'Q'.repeat(50)}\n` });
    const screen = await approves(node, 'cat', `stty cols ${columns} rows ${columns}; `);
    await screen.until('●');
    const asked = screen.text();
    // No row of a content begins as one of ours does, however narrow it is; no word of ours has a Q.
    expect(asked.split('\n').filter((row) => /^Q/.test(row))).toEqual([]);
    screen.type('y');
    await screen.until(columns === 1 ? '\na\n' : 'approved ');
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
