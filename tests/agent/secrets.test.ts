import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readKeyFile } from '../../agent/identity/keys/key-file.ts';
import { describeWith } from '../support/components.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { createSecretScan, filesBelow } from '../incidents/secret-scan.ts';
import type { SecretScan } from '../incidents/secret-scan.ts';

const TOKEN = 'Zk3-r9q0VtY2uB81sXh4';
const PASSWORD = 'a password of root';

/** A node that makes its configuration of its arguments, is approved, runs, refreshes and proposes. */
describeWith('openssl', 'the secrets of a node', () => {
  let lab: Lab;
  let machine: Machine;
  let scan: SecretScan;
  const said: { place: string; text: string }[] = [];

  async function runs(...args: string[]): Promise<void> {
    const { stdout, stderr } = await machine.run(...args);
    said.push({ place: `${args.join(' ')}: stdout`, text: stdout });
    said.push({ place: `${args.join(' ')}: stderr`, text: stderr });
  }

  beforeAll(async () => {
    lab = await startLab({ token: TOKEN });
    machine = makeMachine(lab.site);
    fs.chmodSync(machine.root, 0o755);
    scan = createSecretScan();
    const crypted = execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: PASSWORD });
    const rootpw = crypted.toString().trim();
    scan.plant('the seed', readKeyFile(machine.path('etc/coatcheck/key')));
    scan.plant('the crypted password', rootpw);
    scan.plant('the token', TOKEN);
    machine.write('usr/lib/systemd/system/systemd-networkd.service', '[Service]\n');
    machine.write('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
    machine.write('etc/shadow', 'root:*:20000:0:99999:7:::\n', 0o600);
    // As /proc/cmdline, which everybody can read: what stands there is no secret to the machine.
    machine.write(
      'proc-cmdline',
      `stateless ip=dhcp rootpw=${rootpw} coatcheck.token=${TOKEN} hostname=node-1\n`,
    );
    const start = ['start', '--no-network', '--command-line', machine.path('proc-cmdline')];
    const command = [process.execPath, agentProgram()];
    const { child, done } = machine.start(command, ['--root', machine.root, ...start]);
    const [, digest] = await new Promise<RegExpExecArray>((resolve) => {
      let text = '';
      child.stderr!.on('data', (chunk: string) => {
        text += chunk;
        const found = /approve ([0-9a-f]{64})/.exec(text);
        if (found !== null) resolve(found);
      });
    });
    said.push({
      place: 'the command line of the agent',
      text: fs.readFileSync(`/proc/${child.pid}/cmdline`, 'latin1'),
    });
    await lab.approve(machine.identity, digest!);
    const { stdout, stderr } = await done;
    said.push({ place: 'start: stdout', text: stdout }, { place: 'start: stderr', text: stderr });
    await runs('status');
    await runs('refresh', '--command-line', machine.path('proc-cmdline'));
    await runs('capture');
    await runs('propose');
    await runs('id', '--public');
    // What is wrong is said without what is secret.
    for (const line of [
      `stateless rootpw=${PASSWORD.replaceAll(' ', '')}:x`,
      `stateless coatcheck.token=${TOKEN.repeat(20)}`,
    ]) {
      machine.write('wrong', `${line}\n`);
      await runs('start', '--no-network', '--command-line', machine.path('wrong'));
    }
    scan.plant('the password', PASSWORD.replaceAll(' ', ''));
  });
  afterAll(async () => {
    machine.remove();
    await lab.close();
  });

  it('are in nothing that it says', () => {
    expect(said.flatMap(({ place, text }) => scan.search(place, text))).toEqual([]);
    expect(said.find(({ place }) => place === 'start: stdout')!.text).toContain(
      'applied decision 1',
    );
    expect(said.filter(({ text }) => text.includes('bad_argument'))).toHaveLength(2);
  });

  it('are in no file that others can read, and in none but their own', () => {
    fs.rmSync(machine.path('proc-cmdline'));
    fs.rmSync(machine.path('wrong'));
    expect(scan.searchFiles(machine.root, 'others')).toEqual([]);
    const holders = filesBelow(machine.root)
      .filter((path) => scan.search(path, fs.readFileSync(path)).length > 0)
      .map((path) => relative(machine.root, path));
    expect(holders.sort()).toEqual(['etc/coatcheck/key', 'etc/shadow']);
  });

  it('are in no object of the store', () => {
    expect(scan.searchFiles(`${lab.folder}/objects`, 'anybody')).toEqual([]);
  });
});
