import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeKeyFile } from '../../agent/identity/keys/key-file.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import type { Identity } from '../../bundle/identity.ts';
import { sealBundle } from '../../bundle/seal.ts';
import { bundleDigest } from '../../bundle/header.ts';
import { toHex } from '../../bundle/bytes.ts';
import type { FileEntry, Metadata } from '../../bundle/manifest.ts';
import { ZERO_DIGEST } from '../../bundle/statement.ts';
import { createClient } from '../../protocol/client.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { formatSite } from '../../protocol/site.ts';
import { describeWith } from '../support/components.ts';
import { fileEntry } from '../support/frames.ts';
import { serveHttp } from '../support/http-servers.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { agentProgram } from '../support/machine.ts';
import { openScreen } from '../support/tmux.ts';
import { bootSystemd, loggingUnit } from '../support/systemd.ts';
import type { Booted } from '../support/systemd.ts';

const FOLDER = 'agent/units';
const UNITS = fs.readdirSync(FOLDER).filter((name) => name.includes('.'));
const GENERATOR = 'coatcheck-generator';
/** A terminal that only shows what others write there. */
const IDLE = ['sh', '-c', 'tty; exec sleep infinity'];
const SERVICES = UNITS.filter((unit) => unit.endsWith('.service'));
const AGENT = 'usr/lib/coatcheck/coatcheck-agent.mjs';

describeWith('systemd', 'the units of the agent', () => {
  it.each(UNITS)('%s is what systemd expects', (unit) => {
    const root = fs.mkdtempSync(join(tmpdir(), 'units-'));
    try {
      const folder = join(root, 'usr/lib/systemd/system');
      fs.cpSync('/usr/lib/systemd/system', folder, { recursive: true });
      for (const name of UNITS) fs.copyFileSync(join(FOLDER, name), join(folder, name));
      fs.mkdirSync(join(root, 'usr/lib/coatcheck'));
      fs.mkdirSync(join(root, 'usr/bin'));
      for (const program of [AGENT, 'usr/bin/sh', 'usr/bin/systemctl']) {
        fs.writeFileSync(join(root, program), '', { mode: 0o755 });
      }
      const args = ['verify', '--man=no', '--recursive-errors=no', `--root=${root}`, unit];
      const { status, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    } finally {
      fs.rmSync(root, { recursive: true });
    }
  });

  it.each(SERVICES)('%s leaves no more open than it needs: 4.0 of 10', (unit) => {
    const args = ['security', '--offline=true', '--threshold=40', '--no-pager', join(FOLDER, unit)];
    const said = execFileSync('systemd-analyze', args, { encoding: 'utf8', stdio: 'pipe' });
    expect(said).toMatch(/Overall exposure level for .*: [1-4]\.\d/);
  });
});

describeWith('systemd', 'a machine with these units', () => {
  let lab: Lab;
  let machine: Booted;
  let identity: Identity;
  beforeAll(async () => {
    lab = await startLab();
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    machine = await bootSystemd();
    machine.write(AGENT, fs.readFileSync(agentProgram(), 'utf8'), 0o755);
    machine.write('run/cmdline', 'quiet stateless coatcheck.unreachable=wait\n');
    for (const unit of UNITS) {
      machine.write(`usr/lib/systemd/system/${unit}`, fs.readFileSync(join(FOLDER, unit), 'utf8'));
    }
    // This machine's systemd is not one that booted: only the sandbox is what it is about.
    const few =
      '[Unit]\nDefaultDependencies=no\nWants=\nAfter=\n[Service]\nExecStart=\nExecStart=/';
    const more = ' --command-line /run/cmdline';
    for (const [unit, command] of [
      ['agent', `start --no-network${more}`],
      ['refresh', `refresh${more}`],
    ] as const) {
      const path = `etc/systemd/system/coatcheck-${unit}.service.d/test.conf`;
      machine.write(
        path,
        `${few}${AGENT} ${command}\nStandardOutput=append:/run/said\nStandardError=append:/run/said\n`,
      );
    }
    machine.write('etc/coatcheck/site.json', formatSite(lab.site));
    identity = deriveIdentity(makeKeyFile(join(machine.root, 'etc/coatcheck/key')));
    await machine.run('systemctl', 'daemon-reload');
  });
  afterEach(() => machine.stop());

  async function approve(files: readonly FileEntry[], metadata: Metadata = {}): Promise<string> {
    const { keys } = lab.site.pinned.keyset;
    const bytes = sealBundle({
      manifest: { node: identity, base: ZERO_DIGEST, metadata, files },
      signer: identity,
      kind: 'node',
      recipients: [identity.boxKey, ...keys.map(({ boxKey }) => boxKey)],
    });
    const digest = toHex(bundleDigest(bytes)) as DigestHex;
    const client = createClient({ server: lab.url, site: lab.site.id, identity });
    const { put } = await client.propose(identity.id, { digest, size: bytes.length });
    await client.put(put, bytes);
    await lab.approve(identity, digest);
    return digest;
  }
  const said = (): string => machine.read('run/said');

  it('gets all of a configuration from inside the sandbox, and says that it is ready', async () => {
    machine.write('usr/lib/systemd/system/ours.service', loggingUnit('ours'));
    await approve(
      [
        fileEntry('etc/hostname', 'sandboxed\n'),
        { ...fileEntry('etc/ssh/ssh_host_test_key', 'x\n', 0o600), owner: 'daemon', uid: 1 },
        fileEntry('root/.ssh/authorized_keys', '# nobody\n', 0o600),
        fileEntry('etc/coatcheck/ready.d/10-hook', '#!/bin/sh\necho "seq $COATCHECK_SEQ"\n', 0o755),
      ],
      { enable: ['ours.service'], swap: 'zram', timezone: 'Etc/UTC' },
    );
    try {
      const started = await machine.run('systemctl', 'start', 'coatcheck-agent.service');
      expect([started.code, started.stderr], said()).toEqual([0, '']);
      const settled = async (): Promise<string> =>
        (await machine.run('systemctl', 'show', '--value', '-p', 'SubState', 'coatcheck-agent'))
          .stdout;
      await expect.poll(settled).not.toBe('running\n');
      expect(await settled(), said()).toBe('exited\n');
      expect(said()).toContain('applied decision 1: 4 changed');
      expect((await machine.run('hostname')).stdout).toBe('sandboxed\n');
      expect((await machine.run('stat', '-c', '%U', '/etc/ssh/ssh_host_test_key')).stdout).toBe(
        'daemon\n',
      );
      expect(machine.read('root/.ssh/authorized_keys')).toBe('# nobody\n');
      expect((await machine.run('systemctl', 'is-active', 'ours')).stdout).toBe('active\n');
      expect((await machine.run('cat', '/proc/swaps')).stdout).toContain('/dev/zram');
      const status = await machine.run(
        'systemctl',
        'show',
        '--value',
        '-p',
        'StatusText',
        'coatcheck-agent',
      );
      expect(status.stdout).toContain('started ours.service');
    } finally {
      // The device is this machine's too.
      const remove = 'read n < /run/coatcheck/zram; echo 1 > /sys/block/$n/reset; ';
      await machine.run('systemctl', 'stop', 'coatcheck-swap');
      await machine.run(
        'sh',
        '-c',
        `${remove} echo \${n#zram} > /sys/class/zram-control/hot_remove`,
      );
    }
  });

  it('has the key that a hypervisor handed to systemd, whose credentials no other unit sees', async () => {
    await approve([fileEntry('etc/motd', 'first\n')]);
    const [key, credential] = ['etc/coatcheck/key', 'etc/credstore/coatcheck.seed'];
    machine.write(credential, machine.read(key), 0o400);
    fs.rmSync(join(machine.root, key));
    machine.write('run/cmdline', 'stateless coatcheck.key=credential\n');
    for (const unit of ['agent', 'refresh']) {
      const { code } = await machine.run('systemctl', 'start', `coatcheck-${unit}.service`);
      expect(code, said()).toBe(0);
    }
    expect(said()).toContain('applied decision 1: 1 changed');
    expect(said()).toContain('it is in force already');
  });

  it('makes the machine available as far as it can, and says what failed', async () => {
    const bodies: string[] = [];
    const server = await serveHttp((request, response) => {
      request.on('data', (chunk: Buffer) => bodies.push(chunk.toString()));
      request.on('end', () => response.writeHead(204).end());
    });
    machine.write('etc/coatcheck/ready.d', 'no folder\n');
    await approve([
      fileEntry('etc/hostname', `${'n'.repeat(65)}\n`),
      fileEntry('etc/coatcheck/engine.json', '{}\n'),
      fileEntry(
        'etc/coatcheck/ready.json',
        `{"coatcheck":"ready/1","webhook":{"url":"${server.url}/"}}\n`,
      ),
    ]);
    const name = (await machine.run('hostname')).stdout;
    await machine.run('systemctl', 'start', 'coatcheck-agent.service');
    await expect.poll(said).toContain('step_failed');
    await server.close();
    expect(said()).toContain('FAILED hostname: etc/hostname gives');
    expect((await machine.run('hostname')).stdout).toBe(name);
    expect(said()).toContain('FAILED ready.d: etc/coatcheck/ready.d lies behind');
    expect(said()).toContain('FAILED engine: etc/coatcheck/engine.json is malformed');
    expect(said()).toContain('done webhook');
    expect(JSON.parse(bodies.join(''))).toMatchObject({ failed: ['hostname', 'ready.d'] });
  });

  it('restarts what runs already and is ordered after it', async () => {
    const after = '[Unit]\nAfter=coatcheck-agent.service\n';
    machine.write('usr/lib/systemd/system/late.service', after + loggingUnit('late'));
    await machine.run('systemctl', 'start', 'late.service');
    const metadata = { restart: { 'etc/motd': ['late.service'] } };
    await approve([fileEntry('etc/motd', 'first\n')], metadata);
    await machine.run('systemctl', 'start', 'coatcheck-agent.service');
    await expect.poll(said).toContain('restarted late.service');
    expect(said()).toContain('applied decision');
    expect(said()).not.toContain('FAILED');
    expect(machine.log()).toEqual(['late start', 'late stop', 'late start']);
  });

  it('makes way for a shell where the command line says rescue', async () => {
    machine.write('run/cmdline', 'quiet stateless rescue\n');
    // As systemd's own, without what a whole boot has before it.
    const target = '[Unit]\nDefaultDependencies=no\nRequires=rescue.service\nAllowIsolate=yes\n';
    machine.write('etc/systemd/system/rescue.target', target);
    machine.write('etc/systemd/system/rescue.service', loggingUnit('rescue'));
    machine.write('etc/systemd/system/normal.service', loggingUnit('normal'));
    const others = 'etc/systemd/system/systemd-update-utmp-runlevel.service';
    fs.symlinkSync('/dev/null', join(machine.root, others));
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'start', 'normal');
    await approve([fileEntry('etc/motd', 'first\n')]);
    await machine.run('systemctl', 'start', 'coatcheck-agent.service');
    const log = (): string[] => machine.log().toSorted();
    await expect.poll(log).toEqual(['normal start', 'normal stop', 'rescue start']);
    const active = async (): Promise<string> =>
      (await machine.run('systemctl', 'is-active', 'rescue.target', 'coatcheck-agent')).stdout;
    await expect.poll(active).toBe('active\ninactive\n');
    expect(said()).toContain('rescue: no configuration is fetched');
    expect(said()).not.toContain('decision');
  });

  it('says where no shell can be had', async () => {
    machine.write('run/cmdline', 'stateless rescue\n');
    fs.symlinkSync('/dev/null', join(machine.root, 'etc/systemd/system/rescue.target'));
    await machine.run('systemctl', 'daemon-reload');
    const { code } = await machine.run('systemctl', 'start', 'coatcheck-agent.service');
    expect(code).not.toBe(0);
    expect(said()).toMatch(/systemctl --no-block isolate rescue\.target ended.* \[step_failed\]/);
  });

  it('follows what is approved later, and stops asking when it is revoked', async () => {
    await approve([fileEntry('etc/motd', 'first\n')]);
    await machine.run('systemctl', 'start', 'coatcheck-agent.service');
    expect(machine.read('etc/motd')).toBe('first\n');
    const timer = ['coatcheck-refresh.timer'];
    machine.write(
      'etc/systemd/system/coatcheck-refresh.timer.d/test.conf',
      '[Unit]\nDefaultDependencies=no\n',
    );
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'start', ...timer);
    const refresh = async (): Promise<number | null> =>
      (await machine.run('systemctl', 'start', 'coatcheck-refresh.service')).code;
    const active = async (): Promise<string> =>
      (await machine.run('systemctl', 'is-active', ...timer)).stdout.trim();

    expect(await refresh()).toBe(0);
    expect(said()).toContain('it is in force already');
    const digest = await approve([fileEntry('etc/motd', 'second\n')]);
    expect(await refresh()).toBe(0);
    expect(machine.read('etc/motd')).toBe('second\n');

    await lab.decide(identity, 'reconfigure', {
      ...{ digest, from: { slot: 2 }, reason: 'new rack' },
    });
    expect(await refresh()).toBe(0);
    expect(said()).toContain('new rack: this machine makes a new configuration at its next boot');
    expect(machine.read('etc/motd')).toBe('second\n');

    await lab.stop();
    expect(await refresh()).toBe(0); // nobody answers: it runs on
    await lab.start();
    expect(await active()).toBe('active');
    await lab.decide(identity, 'revoke', { reason: 'sold' });
    expect(await refresh()).toBe(0);
    expect(said()).toContain('revoked by decision 4');
    expect(await active()).toBe('inactive');
    expect(machine.read('etc/motd')).toBe('second\n');
  });

  it('goes off when it is revoked, if its site says so', async () => {
    machine.write('etc/coatcheck/site.json', formatSite({ ...lab.site, onRevoke: 'poweroff' }));
    await approve([fileEntry('etc/motd', 'first\n')]);
    await machine.run('systemctl', 'start', 'coatcheck-agent.service');
    expect(machine.read('etc/motd')).toBe('first\n');
    await lab.decide(identity, 'revoke', { reason: 'stolen' });
    void machine.run('systemctl', 'start', '--no-block', 'coatcheck-refresh.service');
    await machine.ended;
    const report = await lab.store.head(`reports/${identity.id}` as never);
    expect(report).toBeDefined();
  });

  describe('that has a default target', () => {
    beforeEach(async () => {
      const folder = 'usr/lib/systemd/system-generators';
      machine.write(
        `${folder}/${GENERATOR}`,
        fs.readFileSync(join(FOLDER, GENERATOR), 'utf8'),
        0o755,
      );
      // This machine's own basic.target has all of its services before it.
      const units = 'etc/systemd/system';
      const bootTarget = fs.readFileSync(join(FOLDER, 'coatcheck-boot.target'), 'utf8');
      const alone = bootTarget.replace('Requires=basic.target', 'DefaultDependencies=no');
      machine.write(`${units}/coatcheck-boot.target`, alone.replace('After=basic.target', ''));
      const few = '[Unit]\nDefaultDependencies=no\n';
      machine.write(`${units}/coatcheck-ready.target.d/test.conf`, few);
      machine.write(`${units}/server.target`, `${few}Wants=normal.service\n`);
      fs.symlinkSync('server.target', join(machine.root, 'etc/systemd/system/default.target'));
      machine.write('etc/systemd/system/normal.service', loggingUnit('normal'));
      const quick = '[Service]\nRestartSec=100ms\n';
      machine.write('etc/systemd/system/coatcheck-agent.service.d/quick.conf', quick);
    });

    it('has the network before it, where that is enabled', async () => {
      machine.write('etc/systemd/system/NetworkManager.service', loggingUnit('network'));
      const wants = join(machine.root, 'etc/systemd/system/multi-user.target.wants');
      fs.mkdirSync(wants);
      fs.symlinkSync('../NetworkManager.service', join(wants, 'NetworkManager.service'));
      await boot('quiet stateless');
      await expect.poll(() => machine.log()).toEqual(['network start']);
    });

    /** Its kernel's command line, and the boot from the default target on. */
    async function boot(commandLine: string): Promise<void> {
      machine.write('run/cmdline', `${commandLine}\n`);
      await machine.run('mount', '--bind', '/run/cmdline', '/proc/cmdline');
      await machine.run('systemctl', 'daemon-reload');
      await machine.run('systemctl', 'start', '--no-block', 'default.target');
    }
    const told = async (): Promise<string> =>
      (await machine.run('systemctl', 'show', '--value', '-p', 'Result', 'coatcheck-failed'))
        .stdout;
    const isActive = async (unit: string): Promise<string> =>
      (await machine.run('systemctl', 'is-active', unit)).stdout.trim();

    it('starts nothing of it before the configuration is there', async () => {
      await boot('quiet stateless');
      await expect.poll(said).toContain('[nothing_approved]');
      expect(machine.log()).toEqual([]);
      await approve([fileEntry('etc/motd', 'first\n')]);
      await expect.poll(() => machine.log()).toEqual(['normal start']);
      expect(machine.read('etc/motd')).toBe('first\n');
      expect(await isActive('coatcheck-ready.target')).toBe('active');
    });

    it('goes on after a try that was killed', async () => {
      await boot('quiet stateless');
      await expect.poll(said).toContain('[nothing_approved]');
      await machine.run('systemctl', 'kill', '--signal=KILL', 'coatcheck-agent.service');
      await approve([fileEntry('etc/motd', 'first\n')]);
      await expect.poll(() => machine.log()).toEqual(['normal start']);
      expect(machine.read('etc/motd')).toBe('first\n');
    });

    it('stays where it is after what no other try mends, and goes on when that was mended', async () => {
      const site = machine.read('etc/coatcheck/site.json');
      machine.write('etc/coatcheck/site.json', 'damaged\n');
      await boot('quiet stateless');
      await expect.poll(() => isActive('coatcheck-agent.service')).toBe('failed');
      await expect.poll(told).toBe('success\n');
      expect(machine.log()).toEqual([]);
      machine.write('etc/coatcheck/site.json', site);
      await approve([fileEntry('etc/motd', 'first\n')]);
      await machine.run('systemctl', 'start', 'coatcheck-agent.service');
      await expect.poll(() => machine.log()).toEqual(['normal start']);
    });

    it('leads nowhere by another command line than the one that its image is signed with', async () => {
      const image = { version: '1', date: '2026-11-01T00:00:00Z', commandLine: 'quiet stateless' };
      machine.write('usr/lib/coatcheck/image.json', JSON.stringify(image));
      await boot('quiet');
      await expect.poll(() => isActive('coatcheck-agent.service')).toBe('failed');
      expect(said()).toContain('is not the one that this image is signed with: "stateless"');
      await expect.poll(told).toBe('success\n');
      expect(machine.log()).toEqual([]);
      // The condition of its unit is about the line that anybody could give.
      const { stdout } = await machine.run('systemctl', 'cat', 'coatcheck-agent.service');
      expect(stdout.match(/^Condition.*/gm)).toEqual([
        ...['ConditionKernelCommandLine=stateless', 'ConditionKernelCommandLine='],
      ]);
    });

    it('says on every console that a try failed, and when there is another; or that there is none', async () => {
      const screens = [await openScreen(IDLE, { rows: 25 }), await openScreen(IDLE, { rows: 25 })];
      for (const screen of screens) await screen.until('/dev/pts/');
      const ttys = screens.map((screen) => /pts\/\d+/.exec(screen.text())![0]);
      try {
        machine.write('run/consoles', `${ttys.join(' ')}\n`);
        const active = '/sys/class/tty/console/active';
        await machine.run('mount', '--bind', '/run/consoles', active);
        const ends = '[Service]\nExecStart=\nExecStart=/bin/sh /run/ends\n';
        machine.write('etc/systemd/system/coatcheck-agent.service.d/z.conf', ends);
        machine.write('run/ends', 'exit 5\n');
        await boot('quiet stateless');
        for (const screen of screens) await screen.until('ended (exited 5): tried again in 30 s');
        machine.write('run/ends', 'exit 2\n');
        for (const screen of screens) {
          await screen.until('With rescue on the kernel command line it gives a shell.');
          expect(screen.text()).toContain('coatcheck: this machine has no configuration');
          expect(screen.text()).not.toContain('exited 2)');
          const lines = screen.text().split('\n');
          expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);
        }
        // An image that is signed with its command line gives no shell by another.
        const image = {
          version: '1',
          date: '2026-11-01T00:00:00Z',
          commandLine: 'quiet stateless',
        };
        machine.write('usr/lib/coatcheck/image.json', JSON.stringify(image));
        await machine.run('systemctl', 'restart', 'coatcheck-agent.service');
        const none = 'Only an image built with rescue on its command line gives a shell.';
        for (const screen of screens) {
          await screen.until(none);
          const lines = screen.text().split('\n');
          expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);
        }
        const before = screens.map((screen) => screen.text());
        // Part of what is in place did not take effect: it has its configuration, and the rest is started.
        machine.write('run/ends', 'systemd-notify --ready\nexit 9\n');
        await machine.run('systemctl', 'start', 'coatcheck-agent.service');
        await expect.poll(() => isActive('coatcheck-agent.service')).toBe('failed');
        await expect.poll(told).toBe('exec-condition\n');
        expect(screens.map((screen) => screen.text())).toEqual(before);
      } finally {
        screens.forEach((screen) => screen.close());
      }
    });

    it('leaves what stands on a console there when somebody can log in', async () => {
      machine.write('run/cmdline', 'quiet stateless\n');
      await machine.run('mount', '--bind', '/run/cmdline', '/proc/cmdline');
      await machine.run('systemctl', 'daemon-reload');
      const show = async (unit: string, property: string): Promise<string> =>
        (await machine.run('systemctl', 'show', '-p', property, unit)).stdout;
      expect(await show('getty@tty1', 'TTYVTDisallocate')).toBe('TTYVTDisallocate=no\n');
      for (const unit of ['getty@tty1', 'serial-getty@ttyS0', 'console-getty']) {
        const command = await show(unit, 'ExecStart');
        expect(command.match(/argv\[\]=/g)).toHaveLength(1);
        expect(command).toMatch(/agetty .*--noclear/);
      }
    });

    it('starts all of it at once where the command line does not say stateless', async () => {
      await boot('quiet');
      await expect.poll(() => machine.log()).toEqual(['normal start']);
      expect(await isActive('coatcheck-agent.service')).toBe('inactive');
    });
  });
});
