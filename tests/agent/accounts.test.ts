import * as fs from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../protocol/errors.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';

let lab: Lab;
const machines: Machine[] = [];
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());
afterEach(() => {
  machines.splice(0).forEach((machine) => machine.remove());
});

const machine = (of: Machine = makeMachine(lab.site)): Machine => {
  machines.push(of);
  return of;
};
const ROOT = 'root:x:0:0:root:/root:/bin/bash\n';
const ANN = 'ann:x:1000:1000::/home/ann:/bin/bash\n';
const GROUPS = 'root:x:0:\nann:x:1000:\n';

/** A machine that is given these files, proposes them, is approved, and boots into an empty root. */
async function throughApproval(files: Readonly<Record<string, string>>): Promise<Machine> {
  const first = machine();
  for (const [path, text] of Object.entries(files)) first.write(path, text);
  const { digest } = await first.json('propose');
  await lab.approve(first.identity, digest as string);
  const second = machine(first.reboot());
  const boot = await second.run('boot', '--once');
  expect([boot.code, boot.stderr.includes('decision 1')]).toEqual([EXIT.ok, true]);
  return second;
}

describe('accounts of a real machine', () => {
  it.each([
    ['an @ in a name', `${ANN}ann@corp.example.com:x:1001:1001::/home/ann2:/bin/bash\n`, GROUPS],
    [
      'a name that begins with digits',
      `${ANN}2022.example.com:x:1001:1001::/srv:/bin/false\n`,
      GROUPS,
    ],
    ['a group with a space', ANN, `${GROUPS}domain users:x:10513:\n`],
  ])('come back after an approval: %s', async (_, users, groups) => {
    const passwd = `${ROOT}${users}`;
    const booted = await throughApproval({ 'etc/passwd': passwd, 'etc/group': groups });
    expect(booted.read('etc/passwd')).toBe(passwd);
    expect(booted.read('etc/group')).toBe(groups);
  });

  it('come back once where a line is there twice', async () => {
    const booted = await throughApproval({
      'etc/passwd': `${ROOT}${ANN}${ANN}`,
      'etc/group': GROUPS,
    });
    expect(booted.read('etc/passwd')).toBe(`${ROOT}${ANN}`);
  });

  const ODD = [
    [
      'etc/group',
      `users:x:100:http:ann\n${GROUPS}`,
      'etc/group, line 1: has 5 fields, and 4 belong',
    ],
    [
      'etc/passwd',
      `${ROOT}${ANN}ann:x:1001:1000:::\n`,
      'etc/passwd, line 3: names the account or group of line 2 again',
    ],
    [
      'etc/passwd',
      `${ROOT}# us\n\n${ANN.replace('\n', '\r\n')}`,
      'etc/passwd, line 4: holds a carriage return',
    ],
    ['etc/shadow', 'root:$6$secret:\n', 'etc/shadow, line 1: has 3 fields, and 9 belong'],
    ['etc/gshadow', 'root:*:\n', 'etc/gshadow, line 1: has 3 fields'],
    ['etc/hostname', 'not a name\n', 'etc/hostname gives "not a name", which is no host name'],
  ] as const;
  const isRefused = async (path: string, text: string, said: string): Promise<void> => {
    const node = machine();
    node.write('etc/motd', 'hello\n');
    node.write(path, text);
    const refused = await node.run('propose');
    expect(refused.code).toBe(EXIT.refused);
    expect(refused.stderr).toContain(said);
    expect(refused.stderr).not.toContain('secret');
    expect(refused.stderr).toMatch(/\[path_refused\]\n$/);
    const { objects } = await lab.admin.list({ prefix: 'pending', node: node.identity.id });
    expect(objects).toEqual([]);
    const captured = await node.run('capture');
    expect(captured.code).toBe(EXIT.ok);
    expect(captured.stderr).toContain(said);
  };
  const REFUSED = 'are refused where they are proposed, and told where they are captured: %s';
  it.each(ODD.slice(0, 1))(REFUSED, isRefused);
  it.each(ODD.slice(1))(REFUSED, { tags: 'long' }, isRefused);

  it('leave a line to the image that the image has too', async () => {
    const node = machine();
    const odd = 'users:x:100:http:ann\n';
    const digest = await lab.propose(node.identity, { 'etc/group': `${odd}${GROUPS}` });
    await lab.approve(node.identity, digest);
    node.write('etc/group', `root:x:0:\n${odd}`);
    expect((await node.run('boot', '--once')).code).toBe(EXIT.ok);
    expect(node.read('etc/group')).toBe(`root:x:0:\n${odd}ann:x:1000:\n`);
  });

  it('are merged through a link, which comes back when no bundle has them any more', async () => {
    const node = machine();
    node.write('usr/lib/passwd', `${ROOT}daemon:x:2:2::/:/bin/false\n`);
    node.write('etc/group', 'root:x:0:\n');
    fs.symlinkSync('../usr/lib/passwd', node.path('etc/passwd'));
    const digest = await lab.propose(node.identity, { 'etc/passwd': ANN, 'etc/motd': 'hello\n' });
    await lab.approve(node.identity, digest);
    expect((await node.run('boot', '--once')).code).toBe(EXIT.ok);
    expect(fs.lstatSync(node.path('etc/passwd')).isFile()).toBe(true);
    expect(node.read('etc/passwd')).toBe(`${ROOT}daemon:x:2:2::/:/bin/false\n${ANN}`);
    expect(node.read('usr/lib/passwd')).not.toContain('ann');

    await lab.approve(node.identity, await lab.propose(node.identity, { 'etc/motd': 'hello\n' }));
    expect((await node.run('boot', '--once')).code).toBe(EXIT.ok);
    expect(fs.readlinkSync(node.path('etc/passwd'))).toBe('../usr/lib/passwd');
  });

  it.each([
    ['nothing', undefined, 'is a link to nothing'],
    [
      'what others may write',
      0o666,
      'is a link to usr/lib/passwd, which is no file that root alone may write',
    ],
  ])('are not merged through a link to %s', async (_, mode, said) => {
    const node = machine();
    node.write('etc/motd', 'image\n');
    fs.symlinkSync('../usr/lib/passwd', node.path('etc/passwd'));
    if (mode !== undefined) node.write('usr/lib/passwd', ROOT, mode);
    const digest = await lab.propose(node.identity, { 'etc/passwd': ANN, 'etc/motd': 'hello\n' });
    await lab.approve(node.identity, digest);
    const before = node.tree();
    const refused = await node.run('boot', '--once');
    expect([refused.code, refused.stderr.includes(said)]).toEqual([EXIT.refused, true]);
    expect(node.tree()).toEqual(before);
  });

  it('own files by number, where no bundle can hold their name', async () => {
    if (process.getuid?.() !== 0) return;
    const first = machine();
    first.write('etc/passwd', `${ROOT}2022.example.com:x:1001:1001::/srv:/bin/false\n`);
    first.write('etc/motd', 'hello\n');
    fs.chownSync(first.path('etc/motd'), 1001, 0);
    const { digest } = await first.json('propose');
    expect((await first.run('capture')).stderr).toContain(
      'no bundle can hold the name of owner 2022.example.com, who is 1001 by number: of etc/motd\n',
    );
    await lab.approve(first.identity, digest as string);
    const second = machine(first.reboot());
    expect((await second.run('boot', '--once')).code).toBe(EXIT.ok);
    expect(fs.statSync(second.path('etc/motd')).uid).toBe(1001);
  });

  it('pass the machine id over, with a word', async () => {
    const node = machine();
    node.write('etc/machine-id', `${'a'.repeat(32)}\n`);
    const files = { 'etc/machine-id': `${'b'.repeat(32)}\n`, 'etc/motd': 'hello\n' };
    await lab.approve(node.identity, await lab.propose(node.identity, files));
    const boot = await node.run('boot', '--once');
    expect(boot.code).toBe(EXIT.ok);
    expect(boot.stderr).toContain('etc/machine-id is no configuration: passed over');
    expect(node.read('etc/machine-id')).toBe(`${'a'.repeat(32)}\n`);
    // Nor is it proposed again.
    node.write('etc/motd', 'changed\n');
    const { fileCount } = await node.json('propose');
    expect(fileCount).toBe(1);
  });
});
