import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeFrame } from '../../bundle/frame.ts';
import { readKeyFile } from '../../agent/identity/keys/key-file.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { killAt } from '../support/kill-at.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeSite } from '../support/site.ts';
import { createSecretScan } from './secret-scan.ts';
import type { SecretScan } from './secret-scan.ts';

const ours = makeSite();

// What had configured the machine could still be read there, by whatever ran on it.
describe('Ignition CVE-2022-1706: nothing of a configuration lies open after it was applied', () => {
  let machine: Machine;
  let besides: string;
  let scan: SecretScan;
  let frame: Uint8Array;
  beforeEach(() => {
    machine = makeMachine(ours.site);
    fs.chmodSync(machine.root, 0o755);
    besides = fs.mkdtempSync(join(tmpdir(), 'coatcheck-open-'));
    for (const name of ['state', 'tmp', 'copies']) fs.mkdirSync(join(besides, name));
    const secrets = {
      'etc/shadow': 'root:$y$j9T$a-hash-of-a-password$bbbbbbbbbbb:19000::::::\n',
      'etc/ssh/ssh_host_ed25519_key': '-----BEGIN OPENSSH PRIVATE KEY-----\nnot-really-one\n',
      'etc/sssd/conf.d/ldap.conf': 'ldap_default_authtok = swordfish-and-chips\n',
    };
    frame = approvedFrame(ours, machine.identity, [
      ...Object.entries(secrets).map(([path, text]) => fileEntry(path, text, 0o600)),
      fileEntry('etc/hostname', 'lab-1\n'),
    ]);
    fs.writeFileSync(join(besides, 'copies/approved'), frame, { mode: 0o600 });
    // The machine has a secret of its own already, which is kept aside.
    machine.write('etc/sssd/conf.d/ldap.conf', 'the-password-of-the-image\n', 0o600);

    scan = createSecretScan();
    const seed = readKeyFile(machine.path('etc/coatcheck/key'));
    scan.plant('the seed', seed);
    scan.plant('the signing secret', machine.identity.signSecret);
    scan.plant('the box secret', machine.identity.boxSecret);
    scan.plant('the version that was replaced', 'the-password-of-the-image');
    for (const [path, text] of Object.entries(secrets))
      scan.plant(path, text.trimEnd().slice(0, 30));
    const { bundle } = decodeFrame(frame, { maxBytes: frame.length });
    scan.plant('the sealed bundle', bundle!.subarray(200, 232));
  });
  afterEach(() => {
    machine.remove();
    fs.rmSync(besides, { recursive: true });
  });

  /** The real agent with no umask to help it, its memory elsewhere, and a /tmp of its own. */
  const agent = (preload: readonly string[], ...args: string[]): Promise<Run> => {
    const script = `umask 0; TMPDIR=${join(besides, 'tmp')} exec "$@"`;
    const command = ['/bin/sh', '-c', script, 'sh', process.execPath, ...preload, agentProgram()];
    const places = ['--root', machine.root, '--state', join(besides, 'state')];
    return machine.start(command, [...places, ...args]).done;
  };
  const apply = (...preload: string[]): Promise<Run> =>
    agent(preload, 'apply', join(besides, 'copies/approved'));
  const open = (): string[] =>
    [machine.root, besides].flatMap((f) => scan.searchFiles(f, 'others'));
  const modes = (folder: string): Record<string, string> =>
    Object.fromEntries(
      fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
        const { mode } = fs.lstatSync(join(folder, name));
        return [name, (mode & 0o7777).toString(8)];
      }),
    );

  it('and its own records are closed, whatever the umask', async () => {
    expect((await apply()).code).toBe(0);
    expect(machine.read('etc/shadow')).toContain('a-hash-of-a-password');
    expect(open()).toEqual([]);
    const own = modes(machine.path('var/lib/coatcheck'));
    expect(Object.keys(own)).toEqual(expect.arrayContaining(['applied.json', 'kept', 'kept.json']));
    for (const mode of Object.values(own)) expect(['600', '700']).toContain(mode);
    expect(modes(besides)).toMatchObject({ 'state/memory.json': '600' });
    expect(fs.readdirSync(join(besides, 'tmp'))).toEqual([]);
    // The search finds what is open, or it would say nothing.
    fs.chmodSync(machine.path('etc/shadow'), 0o640);
    expect(open()).toEqual([`${machine.path('etc/shadow')}: etc/shadow`]);
  });

  it('nor in the middle of it, wherever the agent is killed', { tags: 'long' }, async () => {
    const counted = await apply('--import', killAt(0));
    expect(counted.code).toBe(0);
    const calls = Number(/calls (\d+)/.exec(counted.stderr)![1]);
    expect(calls).toBeGreaterThan(40);
    // Every third: a file that were closed only once it is written would be open for three calls.
    for (let n = 3; n <= calls; n += 3) {
      fs.rmSync(join(besides, 'state/memory.json'), { force: true });
      fs.rmSync(machine.path('var'), { recursive: true, force: true });
      for (const name of ['shadow', 'ssh', 'sssd', 'hostname']) {
        fs.rmSync(machine.path(`etc/${name}`), { recursive: true, force: true });
      }
      machine.write('etc/sssd/conf.d/ldap.conf', 'the-password-of-the-image\n', 0o600);
      expect((await apply('--import', killAt(n))).code).toBeNull();
      expect(open(), `killed before call ${n}`).toEqual([]);
    }
  });
});
