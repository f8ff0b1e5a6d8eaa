import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeKeyFile } from '../../agent/identity/keys/key-file.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import type { Identity } from '../../bundle/identity.ts';
import type { FileEntry, Metadata } from '../../bundle/manifest.ts';
import { EXIT } from '../../protocol/errors.ts';
import { formatSite } from '../../protocol/site.ts';
import { describeWith } from '../support/components.ts';
import { plugIn } from '../support/disks.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { killAt } from '../support/kill-at.ts';
import { agentProgram } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeSite } from '../support/site.ts';
import { bootSystemd, loggingUnit } from '../support/systemd.ts';
import type { Booted } from '../support/systemd.ts';

const AGENT = '/usr/lib/coatcheck/coatcheck-agent.mjs';
const UNITS = 'etc/systemd/system';
const IMAGE_UNITS = 'usr/lib/systemd/system';
const RELOADABLE = 'RELOADS';
const testSite = makeSite();

describeWith('systemd', 'what was applied takes effect', () => {
  let machine: Booted;
  let identity: Identity;
  let seq = 0;
  beforeEach(async () => {
    machine = await bootSystemd();
    machine.write(AGENT, fs.readFileSync(agentProgram(), 'utf8'), 0o755);
    machine.write('etc/coatcheck/site.json', formatSite(testSite.site));
    identity = deriveIdentity(makeKeyFile(join(machine.root, 'etc/coatcheck/key')));
  });
  afterEach(() => machine.stop());

  /** Puts a decision where {@link apply} finds it. */
  function decide(files: readonly FileEntry[], metadata: Metadata = {}): void {
    const frame = approvedFrame(testSite, identity, files, ++seq, metadata);
    fs.writeFileSync(join(machine.root, 'frame'), frame);
  }
  const apply = (...before: string[]): Promise<Run> =>
    machine.run('node', ...before, AGENT, '--json', 'apply', '/frame');

  async function applied(
    files: readonly FileEntry[],
    metadata: Metadata = {},
  ): Promise<Record<string, unknown>> {
    decide(files, metadata);
    const { code, stdout, stderr } = await apply();
    if (code !== 0) throw new Error(`exit ${code}: ${stderr} ${stdout}`);
    return (JSON.parse(stdout) as { activation: Record<string, unknown> }).activation;
  }

  /** Units of the image that run. */
  async function running(units: Record<string, string>): Promise<void> {
    for (const [name, more] of Object.entries(units)) {
      machine.write(`${IMAGE_UNITS}/${name}.service`, loggingUnit(name, more));
    }
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'start', ...Object.keys(units));
  }
  const state = async (unit: string): Promise<string> =>
    (await machine.run('systemctl', 'is-active', unit)).stdout.trim();
  const enablement = async (unit: string): Promise<string> =>
    (await machine.run('systemctl', 'is-enabled', unit)).stdout.trim();

  it('reloads or restarts the units that run and whose files changed, and no other', async () => {
    await running({ reloads: RELOADABLE, restarts: '', unasked: RELOADABLE });
    machine.write(`${IMAGE_UNITS}/idle.service`, loggingUnit('idle'));
    const restart = { 'etc/motd': ['reloads.service', 'restarts.service', 'idle.service'] };
    const first = [fileEntry('etc/motd', 'first\n'), fileEntry('etc/issue', 'first\n')];
    machine.write('run/log', '');
    expect(await applied(first, { restart })).toMatchObject({
      ...{ reloaded: ['reloads.service'], restarted: ['restarts.service'], failed: [] },
    });
    const log = ['reloads reload', 'restarts start', 'restarts stop'];
    expect(machine.log().toSorted()).toEqual(log);
    expect(await state('idle')).toBe('inactive');

    const second = [fileEntry('etc/motd', 'first\n'), fileEntry('etc/issue', 'second\n')];
    expect(await applied(second, { restart })).toMatchObject({ reloaded: [], restarted: [] });
    expect(machine.log().toSorted()).toEqual(log);
  });

  it(
    'goes by the map of the image, if there is one, and by its own otherwise',
    { tags: 'long' },
    async () => {
      await running({ ssh: RELOADABLE, mapped: '' });
      const files = [fileEntry('etc/ssh/sshd_config.d/site.conf', '# first\n')];
      expect(await applied(files)).toMatchObject({ reloaded: ['ssh.service'], restarted: [] });

      const map = { coatcheck: 'restart/1', restart: { 'etc/ssh/**': ['mapped.service'] } };
      machine.write('etc/coatcheck/restart.json', JSON.stringify(map));
      const again = [fileEntry('etc/ssh/sshd_config.d/site.conf', '# second\n')];
      expect(await applied(again)).toMatchObject({ reloaded: [], restarted: ['mapped.service'] });

      machine.write('etc/coatcheck/restart.json', '{"coatcheck":"restart/1","restrat":{}}');
      decide([fileEntry('etc/ssh/sshd_config.d/site.conf', '# third\n')]);
      const { code, stdout } = await apply();
      expect(code).toBe(EXIT.failed);
      expect(stdout).toContain('restrat');
    },
  );

  it('starts what it enables from a unit of the bundle, and takes it back with the bundle', async () => {
    const unit = fileEntry(`${UNITS}/ours.service`, loggingUnit('ours'));
    const enable = ['ours.service'];
    expect(await applied([unit], { enable })).toMatchObject({ started: enable, failed: [] });
    expect(await state('ours')).toBe('active');
    expect(await enablement('ours')).toBe('enabled');

    const changed = { ...unit, content: Buffer.from(loggingUnit('ours', 'Nice=7')) };
    expect(await applied([changed], { enable })).toMatchObject({ restarted: enable, started: [] });
    const { stdout } = await machine.run('systemctl', 'show', '--property=Nice', 'ours');
    expect(stdout).toBe('Nice=7\n');

    const dropIn = fileEntry(`${UNITS}/ours.service.d/more.conf`, '[Service]\nNice=8\n');
    expect(await applied([changed, dropIn], { enable })).toMatchObject({ restarted: enable });

    expect(await applied([fileEntry('etc/motd', 'x\n')])).toMatchObject({ stopped: enable });
    expect(await state('ours')).toBe('inactive');
    expect(fs.existsSync(join(machine.root, UNITS, 'test.target.wants/ours.service'))).toBe(false);
    expect(machine.log().slice(-1)).toEqual(['ours stop']);
  });

  it('starts what a link pulls in where that runs, knows a unit by another name, and takes both back', async () => {
    await running({ one: '' });
    for (const name of ['pulled', 'later']) {
      machine.write(`${IMAGE_UNITS}/${name}.service`, loggingUnit(name));
    }
    const wants = ['idle.target.wants/later.service', 'test.target.requires/pulled.service'];
    const metadata = { wants, alias: ['other.service=one.service'] };
    const files = [fileEntry('etc/motd', 'x\n')];
    expect(await applied(files, metadata)).toMatchObject({
      ...{ started: ['pulled.service'], failed: [] },
    });
    expect(await Promise.all(['other', 'pulled', 'later'].map(state))).toEqual([
      ...['active', 'active', 'inactive'],
    ]);
    await applied(files);
    expect(await enablement('pulled')).toBe('disabled');
    expect(await state('other')).toBe('inactive');
    expect(await state('one')).toBe('active');
  });

  it('disables and masks units of the image, and gives them back when nobody says so', async () => {
    await running({ one: '', two: '', three: '', called: '' });
    const called = loggingUnit('called').replace('[Install]\nWantedBy=test.target\n', '');
    machine.write(`${IMAGE_UNITS}/called.service`, called);
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'enable', 'one', 'two');
    await machine.run('systemctl', 'mask', 'three');
    const files = [fileEntry('etc/motd', 'x\n')];
    const stopped = ['one.service', 'two.service'];
    const enable = ['called.service', 'three.service'];
    const orders = { disable: ['one.service'], mask: ['two.service'], enable };
    expect(await applied(files, orders)).toMatchObject({ stopped, started: [], failed: [] });
    expect(await Promise.all(['one', 'two', 'three'].map(enablement))).toEqual([
      ...['disabled', 'masked', 'enabled'],
    ]);
    expect(await applied(files)).toMatchObject({ started: stopped, failed: [] });
    expect(await Promise.all(['one', 'two', 'three'].map(enablement))).toEqual([
      ...['enabled', 'enabled', 'masked'],
    ]);
    expect(await Promise.all(['one', 'two', 'three', 'called'].map(state))).toEqual([
      ...['active', 'active', 'active', 'active'],
    ]);
  });

  it('says which units failed, does the rest, and ends with 9', { tags: 'long' }, async () => {
    const socket =
      '[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/busy\n[Install]\nWantedBy=test.target\n';
    machine.write(`${IMAGE_UNITS}/busy.socket`, socket);
    await running({ good: '', sick: RELOADABLE });
    machine.write(`${IMAGE_UNITS}/busy.service`, loggingUnit('busy'));
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'enable', 'busy.socket');
    for (const unit of ['busy.socket', 'busy.service'])
      await machine.run('systemctl', 'start', unit);
    machine.write(
      `${UNITS}/sick.service.d/sick.conf`,
      '[Service]\nExecReload=\nExecReload=false\n',
    );
    machine.write(
      `${UNITS}/dying.service`,
      '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/false\n[Install]\nWantedBy=test.target\n',
    );
    // What it is bound to ends well, and at once.
    const brief = '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/true\n';
    machine.write(`${UNITS}/brief.service`, brief);
    const bound = '[Unit]\nBindsTo=brief.service\nAfter=brief.service';
    machine.write(`${UNITS}/bound.service`, loggingUnit('bound', bound));
    // Nothing that is loaded wants it: systemd forgets it as soon as it is done.
    machine.write(`${UNITS}/done.service`, `${brief}[Install]\nWantedBy=elsewhere.target\n`);
    const needs = '[Unit]\nRequires=dying.service\nAfter=dying.service';
    machine.write(`${UNITS}/needy.service`, loggingUnit('needy', needs));
    const asserts = '[Unit]\nAssertPathExists=/nowhere';
    machine.write(`${UNITS}/picky.service`, loggingUnit('picky', asserts));
    const skipped = '[Unit]\nConditionPathExists=/nowhere';
    machine.write(`${UNITS}/skipped.service`, loggingUnit('skipped', skipped));
    await machine.run('systemctl', 'daemon-reload');
    const names = ['absent', 'bound', 'brief', 'done', 'dying', 'needy', 'picky', 'skipped'];
    const enable = names.map((name) => `${name}.service`);
    const restart = { 'etc/motd': ['busy.socket', 'good.service', 'sick.service'] };
    decide([fileEntry('etc/motd', 'x\n')], { enable, restart, hostname: 'named' });
    const { code, stdout, stderr } = await apply();
    expect(code).toBe(EXIT.failed);
    expect(stderr).toContain('"step_failed"');
    const { activation } = JSON.parse(stdout) as {
      activation: { restarted: string[]; failed: { what: string; why: string }[] };
    };
    expect(activation.restarted.toSorted()).toEqual(['busy.socket', 'good.service']);
    expect(activation.failed.map(({ what }) => what).toSorted()).toEqual([
      ...[
        'absent.service',
        'bound.service',
        'busy.socket',
        'dying.service',
        'needy.service',
        'picky.service',
      ],
      'sick.service',
    ]);
    const why = Object.fromEntries(activation.failed.map((failure) => [failure.what, failure.why]));
    expect(why['absent.service']).toContain('does not exist');
    expect(why['bound.service']).toContain('its start was refused');
    // A socket whose service runs cannot be started.
    expect(why['busy.socket']).toContain('its start was refused');
    expect(why['dying.service']).toContain('exit-code');
    expect(why['needy.service']).toContain('its start was given up');
    expect(why['picky.service']).toContain('asserts');
    expect(why['sick.service']).toBe('its reload failed: exit-code');
    expect((await machine.run('hostname')).stdout).toBe('named\n');
    // A unit that failed is tried with its new file.
    machine.write(`${UNITS}/dying.service`, loggingUnit('dying'));
    await machine.run('systemctl', 'daemon-reload');
    const next = { enable: ['dying.service'] };
    const file = fileEntry(`${UNITS}/dying.service.d/x.conf`, '[Service]\nNice=1\n');
    expect(await applied([file], next)).toMatchObject({ failed: [] });
    expect(await state('dying')).toBe('active');
  });

  it(
    'restarts the instances of a template that run, and names what is no unit',
    { tags: 'long' },
    async () => {
      machine.write(`${IMAGE_UNITS}/each@.service`, loggingUnit('each-%i'));
      await running({ good: '' });
      await machine.run('systemctl', 'start', 'each@a', 'each@b');
      machine.write('run/log', '');
      const restart = {
        'etc/motd': ['each@.service'],
        'etc/issue': ['good.service', '@bad.service'],
      };
      const { restarted } = await applied([fileEntry('etc/motd', 'x\n')], { restart });
      expect((restarted as string[]).toSorted()).toEqual(['each@a.service', 'each@b.service']);
      expect(
        machine
          .log()
          .filter((line) => line.endsWith('start'))
          .toSorted(),
      ).toEqual([...['each-a start', 'each-b start']]);
      decide([fileEntry('etc/issue', 'x\n')], { restart });
      const { code, stdout } = await apply();
      expect(code).toBe(EXIT.failed);
      expect(stdout).toContain('systemctl show: ');
    },
  );

  it('gives the machine its name and its time zone before any unit hears of it', async () => {
    const unit = loggingUnit('asks').replace('echo asks start', 'hostname');
    machine.write(`${UNITS}/asks.service`, unit);
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'start', 'asks');
    fs.rmSync(join(machine.root, 'etc/localtime'), { force: true });
    fs.symlinkSync('/usr/share/zoneinfo/Etc/UTC', join(machine.root, 'etc/localtime'));
    const restart = { 'etc/hostname': ['asks.service'] };
    const files = [fileEntry('etc/hostname', '# ours\nnode-7.example\n')];
    await applied(files, { restart, timezone: 'Etc/GMT-3' });
    expect(machine.log().at(-1)).toBe('node-7.example');
    const link = (): string => fs.readlinkSync(join(machine.root, 'etc/localtime'));
    expect(link()).toBe('../usr/share/zoneinfo/Etc/GMT-3');
    expect((await machine.run('date', '+%z')).stdout).toBe('+0300\n');
    await applied(files, { restart });
    expect(link()).toBe('/usr/share/zoneinfo/Etc/UTC');

    decide(files, { timezone: 'Mars/Olympus' });
    const { code, stdout } = await apply();
    expect(code).toBe(EXIT.failed);
    expect(stdout).toContain('this image has no time zone Mars/Olympus');
    expect(link()).toBe('/usr/share/zoneinfo/Etc/UTC');
  });

  it('has networkd take up the files that changed, and restarts it only where that does not do', async () => {
    await running({ 'systemd-networkd': RELOADABLE });
    machine.write('run/log', '');
    const profile = fileEntry('etc/systemd/network/05-lan.network', '[Match]\nName=none\n');
    const networkd = ['systemd-networkd.service'];
    expect(await applied([profile])).toMatchObject({ reloaded: networkd, restarted: [] });
    expect(await applied([profile, fileEntry('etc/motd', 'x\n')])).toMatchObject({
      ...{ reloaded: [], restarted: [] },
    });
    expect(machine.log()).toEqual(['systemd-networkd reload']);

    const made = fileEntry('etc/systemd/network/05-bond0.netdev', '[NetDev]\nName=bond0\n');
    expect(await applied([profile, made])).toMatchObject({ reloaded: [], restarted: networkd });

    // As without a bus.
    const dropIn = `${UNITS}/systemd-networkd.service.d/deaf.conf`;
    machine.write(dropIn, '[Service]\nExecReload=\nExecReload=/bin/false\n');
    await machine.run('systemctl', 'daemon-reload');
    expect(await applied([made])).toMatchObject({
      ...{ reloaded: [], restarted: networkd, failed: [] },
    });
    expect(await state('systemd-networkd')).toBe('active');
  });

  it('tells the network last', async () => {
    await running({ NetworkManager: '', zzz: 'ExecStartPre=sleep 1', aaa: '' });
    machine.write('usr/local/bin/nmcli', '#!/bin/sh\n', 0o755);
    machine.write('run/log', '');
    const files = [
      fileEntry('etc/NetworkManager/system-connections/lan.nmconnection', '[connection]\n', 0o600),
      fileEntry('etc/motd', 'x\n'),
    ];
    const restart = { 'etc/motd': ['zzz.service', 'aaa.service', 'NetworkManager.service'] };
    await applied(files, { restart });
    expect(machine.log().slice(-2)).toEqual(['NetworkManager stop', 'NetworkManager start']);
    expect(machine.log()).toHaveLength(6);
  });

  it('waits for no unit that waits for it, and says which', async () => {
    await running({
      ssh: RELOADABLE,
      late: '[Unit]\nAfter=applying.service',
      later: '[Unit]\nAfter=late.service',
    });
    machine.write(
      `${UNITS}/applying.service`,
      `[Unit]\nDefaultDependencies=no\nBefore=ssh.service\n[Service]\nType=oneshot\nExecStart=/bin/sh -c 'node ${AGENT} --json apply /frame > /run/result'\n`,
    );
    await machine.run('systemctl', 'daemon-reload');
    machine.write('run/log', '');
    const restart = { 'etc/motd': ['ssh.service', 'late.service', 'later.service'] };
    decide([fileEntry('etc/motd', 'x\n')], { restart });
    const { code } = await machine.run('systemctl', 'start', 'applying.service');
    const { activation } = JSON.parse(machine.read('run/result')) as { activation: unknown };
    expect([code, activation]).toMatchObject([
      0,
      { waiting: ['late.service', 'later.service', 'ssh.service'], failed: [], restarted: [] },
    ]);
    await expect
      .poll(() => machine.log().toSorted())
      .toEqual(['late start', 'late stop', 'later start', 'later stop', 'ssh reload']);
  });

  it('makes swap in compressed memory once, and ends it', async () => {
    const swaps = async (): Promise<string[]> =>
      (await machine.run('cat', '/proc/swaps')).stdout.split('\n').slice(1, -1);
    const before = await swaps();
    const files = [fileEntry('etc/motd', 'x\n')];
    try {
      await applied(files, { swap: 'zram' });
      expect(await swaps()).toHaveLength(before.length + 1);
      const made = (await swaps()).find((line) => !before.includes(line));
      expect(made).toMatch(/^\/dev\/zram\d+ /);
      await applied(files, { swap: 'zram', timezone: 'Etc/UTC' });
      expect(await swaps()).toHaveLength(before.length + 1);
    } finally {
      await applied(files);
    }
    expect(await swaps()).toEqual(before);
  });

  it('makes swap of a disk that is marked for it, under a key of this boot, once, and ends it', async () => {
    const disk = plugIn(['COATCHECK-SWAP'], 32 * 1024 * 1024);
    const [partition] = disk.partitions;
    const swaps = async (): Promise<string> => (await machine.run('cat', '/proc/swaps')).stdout;
    // This kernel may have no dm-crypt: what stands in for cryptsetup says what it was told.
    machine.write(
      'usr/local/bin/cryptsetup',
      '#!/bin/sh\necho "$@" >> /run/log\nmkdir -p /dev/mapper\ncase $1 in open) for name; do ln -sf "$device" /dev/mapper/$name; device=$name; done ;; close) rm /dev/mapper/$2 ;; esac\n',
      0o755,
    );
    const files = [fileEntry('etc/motd', 'x\n')];
    try {
      await applied(files, { swap: `disk:${partition}` });
      expect(await swaps()).toContain(partition);
      await applied(files, { swap: `disk:${partition}`, timezone: 'Etc/UTC' });
      const [open, ...more] = machine.log();
      expect(more).toEqual([]);
      expect(open).toMatch(
        /^open --type plain .* --key-file \/dev\/urandom --offset 2048 --size \d+ \/dev\/loop\d+p1 coatcheck-swap$/,
      );
    } finally {
      await applied(files);
    }
    expect(await swaps()).not.toContain(partition);
    expect(machine.log().at(-1)).toBe('close coatcheck-swap');
    disk.remove();

    decide(files, { swap: `disk:${partition}` });
    const { code, stdout } = await apply();
    expect(code).toBe(EXIT.failed);
    expect(stdout).toContain(`there is no ${partition} to swap on`);
  });

  it('forgets no unit, wherever it is killed', { tags: 'long' }, async () => {
    await running({ told: '' });
    const metadata = { restart: { 'etc/motd': ['told.service'] }, disable: ['gone.service'] };
    decide([fileEntry('etc/motd', 'none\n')], metadata);
    const whole = await apply('--import', killAt(0));
    const calls = Number(/calls (\d+)/.exec(whole.stderr)![1]);
    const pending = (): unknown =>
      (JSON.parse(machine.read('var/lib/coatcheck/activation.json')) as { pending: unknown })
        .pending;
    expect(pending()).toEqual({});
    for (let n = 2; n <= calls; n += 9) {
      const content = `${n}\n`;
      decide([fileEntry('etc/motd', content)], metadata);
      machine.write('run/log', '');
      await apply('--import', killAt(n));
      const isApplied = machine.read('etc/motd') === content;
      const { code } = await apply();
      expect([code, pending()], `killed before call ${n}`).toEqual([0, {}]);
      expect(machine.log(), `killed before call ${n}, ${isApplied}`).toContain('told start');
    }
  });
});
