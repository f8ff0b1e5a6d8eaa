import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { applyFiles } from '../../agent/apply/apply.ts';
import { BUILT_IN_PATHS } from '../../protocol/paths.ts';
import { BASELINE_FILE } from '../../agent/apply/baseline.ts';
import { baselineOf, captureMachine } from '../../agent/apply/capture.ts';
import { mergeSettings, takeEffect } from '../../agent/apply/settings.ts';
import { activate } from '../../agent/systemd/activate.ts';
import type { Activation } from '../../agent/systemd/settle.ts';
import { withRoot } from '../../agent/tree/folder.ts';
import { decodeManifest, encodeManifest } from '../../bundle/manifest.ts';
import type { Metadata } from '../../bundle/manifest.ts';
import { ZERO_DIGEST } from '../../bundle/statement.ts';
import { describeWith } from '../support/components.ts';
import { makeNode } from '../support/site.ts';

const OWN = 'etc/systemd/system';
const IMAGE = 'usr/lib/systemd/system';
const STATEMENT = 'ab'.repeat(32);
const unit = (install = ''): string =>
  `[Service]\nExecStart=/bin/true\n${install === '' ? '' : `[Install]\n${install}\n`}`;
const MULTI_USER = 'WantedBy=multi-user.target';

/** Units of the image, in every root of these tests. */
const UNITS: Record<string, string> = {
  'multi-user.target': '[Unit]\n',
  'graphical.target': '[Unit]\n',
  'x.service': unit(MULTI_USER),
  'ssh.service': unit(`${MULTI_USER}\nAlias=sshd.service`),
  'networkd.service': unit(
    `${MULTI_USER}\nAlias=dbus-org.freedesktop.network1.service\nAlso=networkd.socket wait.service`,
  ),
  'networkd.socket': unit('WantedBy=sockets.target'),
  'wait.service': unit('WantedBy=network-online.target'),
  'getty@.service': unit('WantedBy=getty.target\nDefaultInstance=tty1'),
  'each@.service': unit('WantedBy=%p-all@%i.target\nAlias=other@.service'),
  'odd.service': unit('WantedBy=%v.target'),
  'static.service': unit(),
  'both.service': unit('WantedBy=a.target \\\n  b.target\nRequiredBy=c.target'),
  'reset.service': unit('WantedBy=a.target\nWantedBy=\nWantedBy=b.target'),
  'gdm.service': unit('Alias=display-manager.service'),
  'lightdm.service': unit('Alias=display-manager.service'),
  'dev-disk-by\\x2dlabel-DATA.swap': '[Swap]\nWhat=/dev/sda\n[Install]\nWantedBy=swap.target\n',
  'telnet.socket': '[Socket]\nListenStream=23\n[Install]\nWantedBy=sockets.target\n',
};

const roots: string[] = [];
afterEach(() => roots.splice(0).forEach((root) => fs.rmSync(root, { recursive: true })));

interface Root {
  readonly path: string;
  write(path: string, text: string): Root;
  link(path: string, target: string): Root;
  systemctl(...args: string[]): Root;
}

/** An image whose `lib` is a link to `usr/lib`, as they are. */
function makeRoot(): Root {
  const path = fs.mkdtempSync(join(tmpdir(), 'links-'));
  roots.push(path);
  const root: Root = {
    path,
    write(at, text) {
      fs.mkdirSync(dirname(join(path, at)), { recursive: true });
      fs.writeFileSync(join(path, at), text);
      return root;
    },
    link(at, target) {
      fs.mkdirSync(dirname(join(path, at)), { recursive: true });
      fs.symlinkSync(target, join(path, at));
      return root;
    },
    systemctl(...args) {
      const { status, stderr } = systemctl(path, ...args);
      if (status !== 0) throw new Error(stderr);
      return root;
    },
  };
  for (const [name, text] of Object.entries(UNITS)) root.write(`${IMAGE}/${name}`, text);
  fs.mkdirSync(join(path, OWN), { recursive: true });
  root.write('usr/share/zoneinfo/Europe/Berlin', 'TZif2 Berlin');
  root.write('usr/share/zoneinfo/Etc/UTC', 'TZif2 UTC');
  root.write('usr/lib/systemd/user/agent.socket', unit('WantedBy=sockets.target'));
  return root.link('lib', 'usr/lib');
}

const systemctl = (root: string, ...args: string[]) =>
  spawnSync('systemctl', [`--root=${root}`, ...args], { encoding: 'utf8' });

const capture = ({ path }: Root) => withRoot(path, (root) => captureMachine(root, BUILT_IN_PATHS));

/** Captures one root, and puts what a bundle makes of it on another. */
async function move(from: Root, to: Root): Promise<Activation & { metadata: Metadata }> {
  const { files, metadata } = capture(from);
  const bytes = encodeManifest({ node: makeNode(), base: ZERO_DIGEST, metadata, files });
  const manifest = decodeManifest(bytes);
  const about = { site: 's', node: 'n', statement: STATEMENT, seq: 1, appliedAt: 0 };
  const owners = process.getuid?.() === 0;
  withRoot(to.path, (root) =>
    applyFiles({ root, files: manifest.files, list: BUILT_IN_PATHS, owners, about }),
  );
  const { settle } = await activate({ rootPath: to.path, manifest, statement: STATEMENT });
  return { ...(await settle()), metadata };
}

/** What every unit that has a name somewhere is, in the words of systemctl. */
function states({ path }: Root): Record<string, string> {
  const names = new Set([...Object.keys(UNITS), 'sshd.service', 'display-manager.service']);
  for (const name of [
    'getty@tty1.service',
    'getty@tty2.service',
    'default.target',
    'own.service',
  ]) {
    names.add(name);
  }
  const of = (name: string): string => systemctl(path, 'is-enabled', name).stdout.trim();
  return Object.fromEntries([...names].map((name) => [name, of(name)]));
}

/** Every link of units and of the time zone, by what it means: `lib` and `usr/lib` are the same. */
function links({ path }: Root): Record<string, string> {
  const found: Record<string, string> = {};
  const all = fs.readdirSync(join(path, 'etc'), { recursive: true, encoding: 'utf8' });
  for (const name of all.map((below) => `etc/${below}`)) {
    if (!fs.lstatSync(join(path, name)).isSymbolicLink()) continue;
    const target = fs.readlinkSync(join(path, name));
    found[name] = target.split('/').slice(-1)[0]!;
  }
  return found;
}

describeWith('systemctl', 'the links of a machine', () => {
  it.each<[string, (root: Root) => Root, Metadata]>([
    [
      'a unit of the machine that a relative link enables',
      (root) =>
        root
          .write(`${OWN}/own.service`, unit(MULTI_USER))
          .link(`${OWN}/multi-user.target.wants/own.service`, '../own.service'),
      { enable: ['own.service'] },
    ],
    [
      'what systemctl enabled, with its other names and those that go along',
      (root) =>
        root.systemctl(
          'enable',
          'ssh',
          'networkd',
          'getty@tty2',
          'gdm',
          'both',
          'reset',
          'telnet.socket',
        ),
      {
        enable: [
          ...[
            'both.service',
            'gdm.service',
            'getty@tty2.service',
            'networkd.service',
            'networkd.socket',
          ],
          ...['reset.service', 'ssh.service', 'telnet.socket', 'wait.service'],
        ],
      },
    ],
    [
      'an instance whose name decides what pulls it in',
      (root) => root.systemctl('enable', 'each@one.service'),
      {
        wants: ['each-all@one.target.wants/each@one.service'],
        alias: ['other@one.service=each@.service'],
      },
    ],
    [
      'a template that stands for its instance',
      (root) => root.systemctl('enable', 'getty@.service'),
      { enable: ['getty@tty1.service'] },
    ],
    [
      'what enabling would not make: some of the links, or others',
      (root) =>
        root
          .link(`${OWN}/a.target.wants/both.service`, `/${IMAGE}/both.service`)
          .link(`${OWN}/c.target.requires/static.service`, '/lib/systemd/system/static.service')
          .link(
            `${OWN}/multi-user.target.wants/ssh.service`,
            '../../../../usr/lib/systemd/system/ssh.service',
          )
          .link(`${OWN}/syslog.service`, `/${IMAGE}/x.service`),
      {
        alias: ['syslog.service=x.service'],
        wants: [
          ...['a.target.wants/both.service', 'c.target.requires/static.service'],
          'multi-user.target.wants/ssh.service',
        ],
      },
    ],
    [
      'masks, of units that are there, of instances, and of none',
      (root) =>
        root
          .systemctl('mask', 'x.service', 'getty@tty2.service', 'gone.service')
          .link(`${OWN}/static.service`, '../../../dev/null')
          .link(`${OWN}/multi-user.target.wants/x.service`, `/${IMAGE}/x.service`),
      {
        mask: ['getty@tty2.service', 'gone.service', 'static.service', 'x.service'],
        wants: ['multi-user.target.wants/x.service'],
      },
    ],
    [
      'the default target',
      (root) => root.systemctl('set-default', 'multi-user.target'),
      { alias: ['default.target=multi-user.target'] },
    ],
    [
      'a unit whose name is escaped',
      (root) => root.systemctl('enable', 'dev-disk-by\\x2dlabel-DATA.swap'),
      { enable: ['dev-disk-by\\x2dlabel-DATA.swap'] },
    ],
    [
      'one name that leads to another',
      (root) =>
        root.link(`${OWN}/b.service`, 'a.service').link(`${OWN}/a.service`, `/${IMAGE}/x.service`),
      { alias: ['a.service=x.service', 'b.service=a.service'] },
    ],
    [
      'a drop-in that says what enabling makes',
      (root) =>
        root
          .write(`${OWN}/static.service.d/install.conf`, '[Install]\nWantedBy=a.target\n')
          .systemctl('enable', 'static.service'),
      { wants: ['a.target.wants/static.service'] },
    ],
    [
      'units of users',
      (root) =>
        root
          .link(
            'etc/systemd/user/sockets.target.wants/agent.socket',
            '/usr/lib/systemd/user/agent.socket',
          )
          .link('etc/systemd/user/other.socket', '/usr/lib/systemd/user/agent.socket'),
      {
        alias: ['user/other.socket=agent.socket'],
        wants: ['user/sockets.target.wants/agent.socket'],
      },
    ],
    [
      'the time zone, by a relative link',
      (root) => root.link('etc/localtime', '../usr/share/zoneinfo/Europe/Berlin'),
      { timezone: 'Europe/Berlin' },
    ],
  ])('come back on another root: %s', async (_, make, settings) => {
    const [machine, image] = [make(makeRoot()), makeRoot()];
    expect(capture(machine).metadata).toEqual(settings);
    expect((await move(machine, image)).failed).toEqual([]);
    expect(links(image)).toEqual(links(machine));
    expect(states(image)).toEqual(states(machine));
  });

  it('take the name that a unit of the image has, and give it back', async () => {
    const machine = makeRoot().systemctl('enable', 'lightdm.service');
    const image = makeRoot().systemctl('enable', 'gdm.service');
    const before = links(image);
    expect((await move(machine, image)).failed).toEqual([]);
    expect(links(image)).toEqual(links(machine));
    const manifest = { files: [], metadata: {} };
    await activate({ rootPath: image.path, manifest, statement: 'cd'.repeat(32) });
    expect(links(image)).toEqual(before);
  });

  it('are given back with the bundle that named them', async () => {
    const image = makeRoot()
      .link(`${OWN}/default.target`, `/${IMAGE}/graphical.target`)
      .link(`${OWN}/a.target.wants/static.service`, `/${IMAGE}/static.service`);
    const before = links(image);
    const metadata = {
      alias: ['default.target=multi-user.target', 'new.service=x.service'],
      wants: ['a.target.wants/static.service', 'b.target.requires/static.service'],
    };
    const run = async (statement: string, of: Metadata): Promise<unknown> =>
      (
        await activate({ rootPath: image.path, manifest: { files: [], metadata: of }, statement })
      ).settle();
    expect(await run(STATEMENT, metadata)).toMatchObject({ failed: [] });
    expect(links(image)).toEqual({
      ...{ ...before, [`${OWN}/default.target`]: 'multi-user.target' },
      [`${OWN}/new.service`]: 'x.service',
      [`${OWN}/b.target.requires/static.service`]: 'static.service',
    });
    await run('cd'.repeat(32), {});
    expect(links(image)).toEqual(before);
  });

  it('never take the place of a file of the image, nor lead out of their folder, and say so', async () => {
    const image = makeRoot()
      .write(`${OWN}/mine.service`, unit())
      .link('elsewhere/nothing', 'x')
      .link(`${OWN}/b.target.wants`, '../../../elsewhere');
    const metadata = {
      alias: ['mine.service=x.service', 'other.service=gone.service'],
      wants: [
        'b.target.wants/x.service',
        'c.target.wants/gone.service',
        'c.target.wants/x.service',
      ],
    };
    const manifest = { files: [], metadata };
    const { settle } = await activate({ rootPath: image.path, manifest, statement: STATEMENT });
    expect((await settle()).failed).toEqual([
      {
        what: `${OWN}/b.target.wants/x.service`,
        why: expect.stringContaining('b.target.wants') as string,
      },
      { what: `${OWN}/c.target.wants/gone.service`, why: 'this image has no unit gone.service' },
      {
        what: `${OWN}/mine.service`,
        why: `${OWN}/mine.service is a file of this image, and only a link is replaced`,
      },
      { what: `${OWN}/other.service`, why: 'this image has no unit gone.service' },
    ]);
    expect(fs.readdirSync(join(image.path, 'elsewhere'))).toEqual(['nothing']);
    expect(links(image)[`${OWN}/c.target.wants/x.service`]).toBe('x.service');
  });

  it('are proposed as they are now where somebody changed them since, and the rest as it is in force', async () => {
    const machine = makeRoot().systemctl('enable', 'x.service', 'ssh.service');
    const before = {
      ...{ enable: ['getty@tty1.service', 'ssh.service'], mask: ['telnet.socket'] },
      ...{ timezone: 'Europe/Berlin', swap: 'zram', answers: { ip: 'dhcp' } },
      wants: ['a.target.wants/static.service'],
    };
    const take = async (statement: string, metadata: Metadata): Promise<void> => {
      const manifest = { files: [], metadata };
      const { settle } = await takeEffect({ rootPath: machine.path, manifest, statement });
      expect(await settle()).toEqual(expect.objectContaining({ failed: [] }));
    };
    const merged = (of: Metadata): Metadata => mergeSettings(machine.path, of);
    expect(merged(before)).toEqual(before); // nothing took effect yet: nothing is known
    await take(STATEMENT, before);
    expect(merged(before)).toEqual(before);

    machine
      .systemctl('disable', 'ssh.service', 'x.service')
      .systemctl('unmask', 'telnet.socket')
      .systemctl('mask', 'reset.service')
      .systemctl('enable', 'gdm.service');
    fs.rmSync(join(machine.path, OWN, 'a.target.wants/static.service'));
    fs.rmSync(join(machine.path, 'etc/localtime'));
    machine.link('etc/localtime', '../usr/share/zoneinfo/Etc/UTC');
    const changed = {
      ...{ swap: 'zram', answers: { ip: 'dhcp' }, timezone: 'Etc/UTC' },
      // x is enabled by the image, of which nothing is known: without a word it would be again.
      ...{ enable: ['gdm.service', 'getty@tty1.service'], mask: ['reset.service'] },
      disable: ['ssh.service', 'telnet.socket', 'x.service'],
    };
    expect(merged(before)).toEqual(changed);
    // What an administrator changed meanwhile stays, too.
    const newer = { ...before, swap: 'none', enable: [...before.enable, 'both.service'] };
    expect(merged(newer)).toEqual({
      ...{ ...changed, swap: 'none' },
      enable: ['both.service', ...changed.enable],
    });

    // Once that took effect here, what it says of is the administrator's, and what it does not is still changed.
    await take('cd'.repeat(32), newer);
    expect(merged(newer)).toEqual({
      ...{ ...newer, mask: ['reset.service', 'telnet.socket'] },
      enable: ['both.service', 'gdm.service', 'getty@tty1.service', 'ssh.service'],
      disable: ['x.service'],
    });
    await take('ef'.repeat(32), merged(newer));
    expect(merged(merged(newer))).toEqual(merged(newer));
  });

  it('are compared with those of the image, where it says which it has', async () => {
    const machine = makeRoot().systemctl('enable', 'x.service');
    withRoot(machine.path, (root) =>
      machine.write(
        BASELINE_FILE,
        baselineOf(root, BUILT_IN_PATHS, () => true, true),
      ),
    );
    const manifest = { files: [], metadata: { disable: ['ssh.service'] } };
    await takeEffect({ rootPath: machine.path, manifest, statement: STATEMENT });
    expect(mergeSettings(machine.path, manifest.metadata)).toEqual(manifest.metadata);
    machine.systemctl('disable', 'x.service');
    expect(mergeSettings(machine.path, {})).toEqual({ disable: ['x.service'] });
    machine.systemctl('enable', 'x.service');
    expect(mergeSettings(machine.path, {})).toEqual({});
  });

  it('are named where no setting stands for them, each with why', () => {
    const machine = makeRoot()
      .write('opt/linked.service', unit(MULTI_USER))
      .link(`${OWN}/linked.service`, '/opt/linked.service')
      .link(`${OWN}/multi-user.target.wants/linked.service`, '/opt/linked.service')
      .link(`${OWN}/multi-user.target.wants/gone.service`, '/lib/systemd/system/gone.service')
      .link(
        `${OWN}/multi-user.target.wants/volatile.service`,
        '/run/systemd/system/volatile.service',
      )
      .link(`${OWN}/multi-user.target.wants/x.service`, '/dev/null')
      .write(`${OWN}/multi-user.target.wants/ssh.service`, unit(MULTI_USER))
      .link(`${OWN}/multi-user.target.wants/no unit`, `/${IMAGE}/x.service`)
      .link(`${OWN}/gone.service`, '/usr/lib/systemd/system/gone.service')
      .link(`${OWN}/round.service`, 'round.service')
      .link(`${OWN}/other.socket`, `/${IMAGE}/x.service`)
      .link(`${OWN}/x.service.d`, '../../../opt')
      .link('etc/resolv.conf', '../run/systemd/resolve/stub-resolv.conf')
      .link('etc/hosts', '/usr/share/hosts')
      .write('etc/localtime', 'TZif2 nowhere');
    const { files, metadata, skipped } = capture(machine);
    expect(files).toEqual([]);
    expect(metadata).toEqual({});
    const linked = 'a linked unit: its file is where systemd does not look by itself';
    const said = skipped
      .filter(({ path }) => path !== 'etc')
      .map(({ path, reason }) => [path, reason]);
    expect(Object.fromEntries(said)).toEqual({
      'etc/hosts': 'a link to what no bundle may hold',
      'etc/localtime': 'a copy of no time zone, or of one with several names',
      'etc/resolv.conf': 'a link to what is made anew at every boot',
      [`${OWN}/gone.service`]: 'a link to nothing',
      [`${OWN}/linked.service`]: linked,
      [`${OWN}/multi-user.target.wants/gone.service`]: 'a link to nothing',
      [`${OWN}/multi-user.target.wants/linked.service`]: linked,
      [`${OWN}/multi-user.target.wants/no unit`]: 'a link that no setting stands for',
      [`${OWN}/multi-user.target.wants/ssh.service`]: 'a file where systemd takes links only',
      [`${OWN}/multi-user.target.wants/volatile.service`]:
        'a link to what is made anew at every boot',
      [`${OWN}/multi-user.target.wants/x.service`]: 'a mask of a single dependency',
      [`${OWN}/other.socket`]: 'a link that no setting stands for',
      [`${OWN}/round.service`]: 'a link to nothing',
      [`${OWN}/x.service.d`]: linked,
    });
    const stub = skipped.find(({ path }) => path === 'etc/resolv.conf');
    expect(stub?.target).toBe('../run/systemd/resolve/stub-resolv.conf');
  });

  it('to /dev/null are the empty files that mean the same to whoever reads them', async () => {
    const paths = [
      ...['etc/udev/rules.d/80-net-setup-link.rules', 'etc/systemd/network/99-default.link'],
      ...['etc/tmpfiles.d/x11.conf', 'etc/systemd/user/agent.socket'],
    ];
    const machine = makeRoot();
    for (const path of paths) machine.link(path, '/dev/null');
    const image = makeRoot();
    expect((await move(machine, image)).failed).toEqual([]);
    for (const path of paths) expect(fs.readFileSync(join(image.path, path), 'utf8')).toBe('');
    const { stdout } = systemctl(image.path, '--global', 'is-enabled', 'agent.socket');
    expect(stdout).toBe('masked\n');
  });

  it.each([
    ['the zone that etc/timezone names', 'Europe/Berlin\n', 'Europe/Berlin'],
    ['the only zone that it is a copy of', undefined, 'Europe/Berlin'],
    ['the only zone, whatever etc/timezone says', 'Etc/UTC\n', 'Europe/Berlin'],
    ['no zone where it has two names', undefined, undefined, 'Arctic/Longyearbyen'],
  ])('and a copied time zone is %s', (_, named, zone, twin?: string) => {
    const machine = makeRoot().write('etc/localtime', 'TZif2 Berlin');
    if (named !== undefined) machine.write('etc/timezone', named);
    if (twin !== undefined) machine.write(`usr/share/zoneinfo/${twin}`, 'TZif2 Berlin');
    expect(capture(machine).metadata.timezone).toBe(zone);
  });
});
