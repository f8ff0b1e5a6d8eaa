import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openReport, readBundle } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { reportKey } from '../../protocol/keys.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeAdmin } from '../support/site.ts';

const isRoot = process.getuid?.() === 0;
let lab: Lab;
let node: Machine;
const cleanUp: (() => void)[] = [];
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());
afterEach(() => {
  cleanUp.splice(0).forEach((act) => act());
  node.remove();
});

/** A machine for which these files are approved. */
async function approved(files: Readonly<Record<string, string>>): Promise<void> {
  node = makeMachine(lab.site);
  await approve(files);
}
const approve = async (files: Readonly<Record<string, string>>): Promise<void> =>
  lab.approve(node.identity, await lab.propose(node.identity, files));

/** Runs the agent in mounts of its own, once `script` has mounted something: `$1` is the root. */
async function mounted(script: string, ...args: string[]): Promise<Run> {
  const shell = `set -e; ${script}; root=$1; shift; exec "$@"`;
  const unshare = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', shell, 'sh'];
  const agent = [process.execPath, agentProgram(), '--root', node.root];
  return node.start([...unshare, node.root, ...agent], args).done;
}
function chattr(flag: 'a' | 'i', path: string): void {
  execFileSync('chattr', [`+${flag}`, node.path(path)]);
  cleanUp.push(() => execFileSync('chattr', [`-${flag}`, node.path(path)]));
}

/** What the machine told the administrators last. */
async function reported(): Promise<string> {
  const { body } = (await lab.store.get(reportKey(node.identity.id), { maxBytes: 4096 }))!;
  const sealed = readBundle(body, { maxBytes: 4096, expect: 'report' });
  return openReport(sealed, makeAdmin('ada').identity).result;
}

const FILES = {
  'etc/cron.d/job': '#\n',
  'etc/hostname': 'n1\n',
  'etc/hosts': '127.0.0.1 localhost\n',
  'etc/motd': 'hello\n',
  'etc/resolv.conf': 'nameserver 192.0.2.53\n',
};
const BIND = (path: string): string => `mount --bind "$1"/container "$1"/${path}`;

describe.runIf(isRoot)('what a container has mounted', () => {
  it('is left and named, and the rest is applied', async () => {
    await approved(FILES);
    node.write('container', 'of the container\n');
    const places = ['etc/hosts', 'etc/hostname', 'etc/resolv.conf'];
    places.forEach((path) => node.write(path, 'of the image\n'));
    const mounts = places.map(BIND).join(' && ');
    const boot = await mounted(mounts, '--json', 'boot', '--once');
    expect(boot.code).toBe(EXIT.partial);
    const left = places.map((path) => ({ path, why: 'is a mount point: unmount it' }));
    expect(JSON.parse(boot.stdout)).toMatchObject({
      changed: ['etc/cron.d/job', 'etc/motd'],
      reported: true,
    });
    expect(
      (JSON.parse(boot.stdout) as { left: { path: string }[] }).left.map(({ path }) => path).sort(),
    ).toEqual([...places].sort());
    expect(boot.stderr).toContain('etc/resolv.conf is a mount point: unmount it');
    expect(boot.stderr).toContain('"code": "partial"');
    expect(node.read('etc/motd')).toBe('hello\n');
    places.forEach((path) => expect(node.read(path)).toBe('of the image\n'));
    expect(node.read('container')).toBe('of the container\n');

    expect(await reported()).toMatch(
      /^partial: 2 changed, 0 removed, 0 as they were, 3 left; LEFT etc\/hostname: is a mount point: unmount it; LEFT etc\/hosts: .*; LEFT etc\/resolv.conf: /,
    );
    const status = await node.run('status');
    expect(status.stdout).toContain(', PARTIAL\n');
    for (const { path, why } of left) expect(status.stdout).toContain(`left     ${path}: ${why}\n`);
    expect((await node.json('status'))['drift']).toEqual([]);

    // Once nothing is mounted there the same decision is applied whole.
    const whole = await node.json('boot', '--once');
    expect(whole['changed']).toEqual(['etc/hostname', 'etc/hosts', 'etc/resolv.conf']);
    expect((await node.run('status')).stdout).not.toContain('PARTIAL');
    await approve({ 'etc/motd': 'bye\n' });
    await node.json('boot', '--once');
    expect(node.read('etc/hosts')).toBe('of the image\n');
  });

  it('is no fault where it has what the bundle has', async () => {
    await approved({ 'etc/hosts': FILES['etc/hosts'], 'etc/motd': 'hello\n' });
    node.write('container', FILES['etc/hosts']);
    node.write('etc/hosts', '');
    const boot = await mounted(BIND('etc/hosts'), 'boot', '--once');
    expect([boot.code, boot.stderr.includes('mount point')]).toEqual([EXIT.ok, false]);
  });

  it('is left where the next configuration drops it, and goes back once it can', async () => {
    await approved(FILES);
    node.write('etc/hosts', 'of the image\n');
    await node.json('boot', '--once');
    await approve({ 'etc/motd': 'hello\n' });
    node.write('container', 'of the container\n');
    const boot = await mounted(BIND('etc/hosts'), 'boot', '--once');
    expect(boot.code).toBe(EXIT.partial);
    expect(node.read('etc/hosts')).toBe(FILES['etc/hosts']);
    await node.json('boot', '--once');
    expect(node.read('etc/hosts')).toBe('of the image\n');
  });
});

describe.runIf(isRoot)('anything else that is in the way', () => {
  it('is named, all of it at once, and nothing is applied', async () => {
    await approved({
      ...FILES,
      'etc/issue': 'x\n',
      'etc/issue.net': 'x\n',
      'etc/ssh/ssh_config': 'x\n',
      'etc/sssd/sssd.conf': 'x\n',
      'etc/wireguard/wg0.conf': 'x\n',
      'etc/sysctl.d/a.conf': 'x\n',
      'etc/sysctl.d/b.conf': 'x\n',
      'root/.ssh/authorized_keys': 'x\n',
    });
    node.write('etc/motd', 'immutable\n');
    chattr('i', 'etc/motd');
    node.write('etc/issue', 'append-only\n');
    chattr('a', 'etc/issue');
    node.write('etc/cron.d/other', '');
    chattr('i', 'etc/cron.d');
    node.write('etc/sysctl.d/a.conf', 'busy\n');
    node.write('container', 'x');
    node.write('elsewhere/ssh_config', 'x');
    fs.symlinkSync('../elsewhere', node.path('etc/ssh'));
    node.write('etc/sssd', 'a file\n');
    fs.mkdirSync(node.path('etc/wireguard/wg0.conf'), { recursive: true });
    fs.mkdirSync(node.path('root'));
    const before = node.tree();
    execFileSync('mkfifo', [node.path('etc/issue.net')]);

    const mounts = [BIND('etc/sysctl.d/a.conf'), 'mount -t tmpfs -o ro tmpfs "$1"/root'].join(
      ' && ',
    );
    const boot = await mounted(mounts, 'boot', '--once');
    expect(boot.code).toBe(EXIT.refused);
    const said = [
      'etc/cron.d/job cannot be made: etc/cron.d or its folder is immutable or append-only: run chattr -i -a on both',
      'etc/issue or its folder is immutable or append-only: run chattr -i -a on both',
      'etc/motd or its folder is immutable or append-only: run chattr -i -a on both',
      'etc/issue.net is a FIFO: remove it',
      'etc/ssh/ssh_config lies behind etc/ssh, which is a link and no folder: put a folder in its place',
      'etc/sssd/sssd.conf lies behind etc/sssd, which is a file and no folder: remove it',
      'etc/wireguard/wg0.conf is a folder: remove it',
      'etc/sysctl.d/a.conf is a mount point: unmount it',
      'root/.ssh/authorized_keys cannot be made: root is on a read-only filesystem: mount it writable',
    ];
    for (const one of said) expect(boot.stderr).toContain(one);
    expect(boot.stderr).toMatch(/\[path_refused\]\n$/);
    const told = await reported();
    expect(told).toMatch(
      /^not applied: path_refused: nothing was changed, .*etc\/issue\.net is a FIFO/,
    );
    fs.rmSync(node.path('etc/issue.net'));
    expect(node.tree()).toEqual(before);
    expect(fs.readdirSync(node.path('etc/sysctl.d'))).toEqual(['a.conf']);
    expect(fs.existsSync(node.path('var/lib/coatcheck/applied.json'))).toBe(false);
  });

  it('is no fault where it is as the bundle has it', async () => {
    await approved({ 'etc/motd': 'hello\n', 'etc/issue': 'x\n' });
    node.write('etc/motd', 'hello\n');
    chattr('i', 'etc/motd');
    expect((await node.run('boot', '--once')).code).toBe(EXIT.ok);
    expect(node.read('etc/issue')).toBe('x\n');
  });
});
