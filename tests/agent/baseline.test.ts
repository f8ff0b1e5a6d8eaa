import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileFault } from '../../protocol/accounts.ts';
import { BASELINE_FILE } from '../../agent/apply/baseline.ts';
import { faultsHere } from '../../agent/apply/faults.ts';
import { captureMachine } from '../../agent/apply/capture.ts';
import type { MachineCapture } from '../../agent/apply/capture.ts';
import { shippedByDpkg, shippedByRpm } from '../../agent/programs/packages.ts';
import { withRoot } from '../../agent/tree/folder.ts';
import { BUILT_IN_PATHS } from '../../protocol/paths.ts';
import { EXIT } from '../../protocol/errors.ts';
import { itWith } from '../support/components.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { makeSite } from '../support/site.ts';

const OWN = 'etc/systemd/system';
const UNIT = '[Service]\nExecStart=true\n[Install]\nWantedBy=multi-user.target\n';
const PASSWD = 'root:x:0:0::/root:/bin/sh\nchrony:x:101:101::/:/bin/false\nbad line\n';
const SHADOW = 'root:!:19000:0:99999:7:::\nchrony:!:19000::::::\n';

const site = makeSite();
let machine: Machine;
beforeEach(() => {
  machine = makeMachine(site.site);
  machine.write('usr/lib/os-release', 'ID=debian\nIMAGE_VERSION="2026.11"\n');
  machine.write('etc/passwd', PASSWD);
  machine.write('etc/group', 'root:x:0:\nchrony:x:101:\n');
  machine.write('etc/shadow', SHADOW, 0o640);
  machine.write('etc/hosts', '127.0.0.1 localhost\n');
  machine.write('etc/ssh/sshd_config', 'Port 22\n');
  machine.write('etc/crontab', '# nothing\n');
  for (const unit of ['one', 'two', 'three', 'four']) {
    machine.write(`usr/lib/systemd/system/${unit}.service`, UNIT);
  }
  wants('one.service');
  wants('two.service');
  link(`${OWN}/four.service`, '/dev/null');
  link('etc/resolv.conf', '../run/systemd/resolve/stub-resolv.conf');
  link('etc/localtime', '/usr/share/zoneinfo/Etc/UTC');
  machine.write('usr/share/zoneinfo/Etc/UTC', 'TZif2');
});
afterEach(() => machine.remove());

const link = (path: string, target: string): void => {
  fs.mkdirSync(dirname(machine.path(path)), { recursive: true });
  fs.symlinkSync(target, machine.path(path));
};
const wants = (unit: string): void =>
  link(`${OWN}/multi-user.target.wants/${unit}`, `/usr/lib/systemd/system/${unit}`);
const capture = (): MachineCapture =>
  withRoot(machine.root, (root) => captureMachine(root, BUILT_IN_PATHS));
const make = async (): Promise<void> => {
  fs.mkdirSync(dirname(machine.path(BASELINE_FILE)), { recursive: true });
  const { code, stderr } = await machine.run('baseline', 'make', machine.path(BASELINE_FILE));
  if (code !== 0) throw new Error(stderr);
};
/** A package of configuration files, by path with mode and owners, made and installed below a root. */
function installPackage(root: string, files: Readonly<Record<string, string>>): void {
  const build = fs.mkdtempSync(join(tmpdir(), 'rpm-'));
  const spec = [
    ...[
      'Name: conf',
      'Version: 1',
      'Release: 1',
      'Summary: x',
      'License: MIT',
      'BuildArch: noarch',
    ],
    ...['%description', 'x', '%install', 'cd %{buildroot}'],
    ...Object.keys(files).map((path) => `mkdir -p '${dirname(path)}'; echo x > '${path}'`),
    '%files',
    ...Object.entries(files).map(([path, of]) => `%config(noreplace) %attr(${of}) "/${path}"`),
  ];
  fs.writeFileSync(join(build, 'conf.spec'), `${spec.join('\n')}\n`);
  const rpm = ['rpm', `--root=${root}`, '--dbpath=/usr/lib/sysimage/rpm'];
  const packages = join(build, 'RPMS/noarch/conf-1-1.noarch.rpm');
  const commands = [
    ['rpmbuild', '-bb', '--define', `_topdir ${build}`, join(build, 'conf.spec')],
    [...rpm, '--initdb'],
    [...rpm, '-i', '--nodeps', packages],
  ];
  for (const [program, ...args] of commands) execFileSync(program!, args, { stdio: 'pipe' });
  fs.rmSync(build, { recursive: true });
}
const text = (path: string): string | undefined => {
  const file = capture().files.find((one) => one.path === path);
  return file && Buffer.from(file.content).toString();
};

describe('a machine whose image says what it ships', () => {
  it('proposes nothing of what the image has anyway', async () => {
    await make();
    const { files, metadata, skipped, baseline } = capture();
    expect(files).toEqual([]);
    const { image, left, baseline: digest, ...settings } = metadata;
    expect(settings).toEqual({});
    expect(image).toBe('2026.11');
    expect(digest).toBe(createHash('sha256').update(machine.read(BASELINE_FILE)).digest('hex'));
    expect(baseline).toMatchObject({ state: 'found', digest });
    expect(Object.keys(left!)).toEqual([
      ...[
        'etc/crontab',
        'etc/group',
        'etc/hosts',
        'etc/passwd',
        'etc/shadow',
        'etc/ssh/sshd_config',
      ],
    ]);
    const crontab = createHash('sha256').update('644 root root\n# nothing\n').digest('hex');
    expect(left!['etc/crontab']).toBe(crontab.slice(0, 8));
    expect(
      skipped.filter(({ reason }) => reason !== 'not on the list of what a bundle may hold'),
    ).toEqual([]);
  });

  it('proposes a file that changed, in its content, its mode or its owner, and one that is new', async () => {
    await make();
    machine.write('etc/hosts', '127.0.0.1 other\n');
    fs.chmodSync(machine.path('etc/crontab'), 0o600);
    machine.write('etc/motd', 'new\n');
    expect(capture().files.map(({ path }) => path)).toEqual([
      'etc/crontab',
      'etc/hosts',
      'etc/motd',
    ]);
  });

  it('proposes the accounts that differ, line by line, and names those that are gone', async () => {
    await make();
    const ann = 'ann:x:1000:1000::/home/ann:/bin/sh\n';
    machine.write('etc/passwd', `${PASSWD.replace(/^chrony.*\n/m, '')}${ann}`);
    machine.write('etc/shadow', SHADOW.replace('root:!', 'root:$6$a$b'), 0o640);
    expect(text('etc/passwd')).toBe(ann);
    expect(text('etc/shadow')).toBe('root:$6$a$b:19000:0:99999:7:::\n');
    expect(text('etc/group')).toBeUndefined();
    expect(capture().skipped).toContainEqual({
      ...{ path: 'etc/passwd', reason: 'accounts of the image that are not here' },
      names: ['chrony'],
    });
  });

  it('has malformed accounts of its own, which are no fault, unlike those of this machine alone', async () => {
    const odd = `${PASSWD}odd:x:1:::::::\nodd:x:2:2::/:/bin/sh\n`;
    machine.write('etc/passwd', odd);
    await make();
    const ann = 'ann:x:1000:1000::/home/ann:/bin/sh\n';
    machine.write('etc/passwd', odd + ann);
    expect(text('etc/passwd')).toBe(ann);
    expect((await machine.json('capture'))['faults']).toEqual([]);
    machine.write('etc/passwd', `${odd}${ann}worse line\nodd:x:3:3::/:/bin/sh\n`);
    const faults = (await machine.json('capture'))['faults'] as FileFault[];
    // By the lines of this file, not of the part that a bundle has.
    expect(faults.map(({ path, line }) => [path, line])).toEqual([
      ...[
        ['etc/passwd', 4],
        ['etc/passwd', 7],
        ['etc/passwd', 8],
      ],
    ]);
    expect(faults[2]!.why).toContain('of line 5 again');
    // A bundle of before the image said what it ships has its lines, too.
    const files = [fileEntry('etc/passwd', odd + ann), fileEntry('etc/group', 'worse line\n')];
    machine.write('etc/passwd', odd);
    const elsewhere = withRoot(machine.root, (root) => faultsHere(root, files, BUILT_IN_PATHS));
    expect(elsewhere).toMatchObject([{ path: 'etc/group', line: 1 }]);
  });

  it('proposes the mode of an account file of which no entry differs', async () => {
    await make();
    fs.chmodSync(machine.path('etc/shadow'), 0o600);
    expect(capture().files).toMatchObject([{ path: 'etc/shadow', mode: 0o600 }]);
    expect(text('etc/shadow')).toBe('');
  });

  it('disables what the image enables and this machine does not, and names what no setting undoes', async () => {
    await make();
    const gone = [
      `${OWN}/multi-user.target.wants/two.service`,
      `${OWN}/four.service`,
      'etc/crontab',
    ];
    for (const path of [...gone, 'etc/resolv.conf', 'etc/localtime']) fs.rmSync(machine.path(path));
    wants('three.service');
    link('etc/localtime', '../usr/share/zoneinfo/Etc/GMT');
    machine.write('usr/share/zoneinfo/Etc/GMT', 'TZif2 GMT');
    const { metadata, skipped } = capture();
    expect(metadata).toMatchObject({
      ...{ enable: ['three.service'], disable: ['two.service'], timezone: 'Etc/GMT' },
    });
    const named = skipped.filter(
      ({ reason }) => reason !== 'not on the list of what a bundle may hold',
    );
    expect(named.map(({ path, reason }) => [path, reason])).toEqual([
      [`${OWN}/four.service`, 'a link of the image that is not here: no bundle takes it away'],
      ['etc/crontab', 'a file of the image that is not here'],
      ['etc/resolv.conf', 'a file of the image that is not here'],
    ]);
  });

  it('says again what is disabled along with another unit', async () => {
    const also = UNIT.replace('target\n', 'target\nAlso=one.service\n');
    machine.write('usr/lib/systemd/system/two.service', also);
    await make();
    fs.rmSync(machine.path(`${OWN}/multi-user.target.wants/two.service`));
    expect(capture().metadata).toMatchObject({
      ...{ enable: ['one.service'], disable: ['two.service'] },
    });
  });

  it.each<[string, (path: string) => void, string]>([
    ['is no baseline', (path) => fs.writeFileSync(path, '{}'), 'no baseline of coatcheck'],
    ['is no JSON', (path) => fs.writeFileSync(path, '{'), 'not JSON'],
    ['others may write', (path) => fs.chmodSync(path, 0o666), 'others than root may write'],
    [
      'is behind a link',
      (path) => {
        fs.renameSync(path, `${path}.other`);
        fs.symlinkSync('baseline.json.other', path);
      },
      'link',
    ],
  ])('takes everything where its baseline %s, and says so', async (_, spoil, why) => {
    const everything = capture().files.length;
    await make();
    spoil(machine.path(BASELINE_FILE));
    expect(capture().files).toHaveLength(everything);
    const { stderr } = await machine.run('capture');
    expect(stderr).toContain(`${BASELINE_FILE} is not used: `);
    expect(stderr).toContain(why);
    expect((await machine.run('baseline')).code).toBe(EXIT.usage);
  });

  it('shows its baseline, and writes none over another', async () => {
    expect((await machine.run('capture')).stderr).toContain('everything is taken');
    expect((await machine.run('baseline')).code).toBe(EXIT.usage);
    await make();
    const { stdout } = await machine.run('--json', 'baseline');
    expect(JSON.parse(stdout)).toMatchObject({ image: '2026.11', files: 6, accounts: 7 });
    expect((await machine.run('baseline', 'make', machine.path(BASELINE_FILE))).code).not.toBe(0);
    expect((await machine.run('capture')).stderr).toContain(
      'left to image 2026.11: 6 files that it has anyway',
    );
  });
});

describe('a bundle that leaves files to the image', () => {
  let next: Machine | undefined;
  afterEach(() => next?.remove());

  const image = (of: Machine, version: string): void =>
    of.write('usr/lib/coatcheck/image.json', `{"version": "${version}", "date": 1}`);

  it('names it; report, console and status say what is otherwise in the one that runs', async () => {
    image(machine, '2026.11');
    await make();
    machine.write('etc/motd', 'own\n');
    const { metadata, files } = capture();
    expect(metadata.image).toBe('2026.11');
    const frame = approvedFrame(site, machine.identity, files, 1, metadata);
    const ofImage = (doc: Record<string, unknown>) => doc['ofImage'] as Record<string, unknown>;
    const { baseline } = metadata;

    next = machine.reboot();
    next.write('usr/lib/os-release', 'IMAGE_VERSION=not-this-one\n');
    image(next, '2026.12');
    next.write('etc/passwd', PASSWD);
    next.write('etc/group', machine.read('etc/group'));
    next.write('etc/shadow', SHADOW, 0o640);
    next.write('etc/hosts', '127.0.0.1 localhost of-the-new-image\n');
    next.write('etc/ssh/sshd_config', 'Port 22\n', 0o600);
    fs.writeFileSync(next.path('frame'), frame);
    const differs = {
      ...{ running: { version: '2026.12' }, madeOn: { version: '2026.11', baseline } },
      // One is gone, one has another content, one another mode.
      ...{ left: 6, differing: ['etc/crontab', 'etc/hosts', 'etc/ssh/sshd_config'] },
    };
    expect(ofImage(await next.json('apply', next.path('frame')))).toEqual(differs);
    expect(ofImage(await next.json('status'))).toEqual(differs);
    next.write('etc/crontab', '# nothing\n');
    const { stdout } = await next.run('status');
    expect(stdout).toContain('image    2026.12, baseline none\n');
    expect(stdout).toContain(`made on  2026.11, baseline ${baseline}\n`);
    expect(stdout.match(/^differs .*$/gm)).toEqual([
      'differs  etc/hosts, left to the image',
      'differs  etc/ssh/sshd_config, left to the image',
    ]);
    const marker = next.read('var/lib/coatcheck/applied.json');
    expect(JSON.parse(marker)).toMatchObject({
      image: { version: '2026.11', baseline },
      ofImage: { 'etc/hosts': metadata.left!['etc/hosts'] },
    });
  });
});

describe('an installed system', () => {
  const md5 = (of: string): string => createHash('md5').update(of).digest('hex');
  const status = `Package: cron
Status: install ok installed
Conffiles:
 /etc/crontab ${md5('# nothing\n')}
 /etc/cron.d/with space ${md5('x')}
 /etc/hosts ${md5('127.0.0.1 localhost\n')} obsolete
Description: x

Package: gone
Status: deinstall ok config-files
Conffiles:
 /etc/ssh/sshd_config ${md5('Port 22\n')}
`;

  it('goes by what its packages ship, as far as dpkg knows it', async () => {
    machine.write('var/lib/dpkg/status', status);
    fs.mkdirSync(dirname(machine.path(BASELINE_FILE)), { recursive: true });
    const made = await machine.run('baseline', 'make', '--packages', machine.path(BASELINE_FILE));
    expect([made.code, made.stderr]).toEqual([0, '']);
    const { files, metadata } = capture();
    expect(Object.keys(metadata.left!)).toEqual(['etc/crontab']);
    expect(files.map(({ path }) => path)).toContain('etc/ssh/sshd_config');
    expect(metadata.enable).toEqual(['one.service', 'two.service']);
  });

  it('has to have a database of packages for that', async () => {
    const made = await machine.run('baseline', 'make', '--packages', machine.path('file'));
    expect(made.stderr).toContain('has no database of dpkg (var/lib/dpkg/status) or rpm');
    expect(fs.existsSync(machine.path('file'))).toBe(false);
  });

  itWith('rpm', 'goes by what its packages ship, as far as rpm knows it', async () => {
    for (const path of ['etc/crontab', 'etc/hosts', 'etc/ssh/sshd_config']) {
      fs.rmSync(machine.path(path));
    }
    installPackage(machine.root, {
      ...{ 'etc/crontab': '0644,root,root', 'etc/hosts': '0644,root,root' },
      ...{ 'etc/cron.d/with space': '0644,root,root', 'etc/ssh/sshd_config': '0600,root,root' },
      'etc/chrony.conf': '0640,root,chrony',
    });
    machine.write('etc/motd', 'of no package\n');
    fs.appendFileSync(machine.path('etc/hosts'), '192.0.2.1 changed\n');
    fs.chmodSync(machine.path('etc/ssh/sshd_config'), 0o644);
    fs.mkdirSync(dirname(machine.path(BASELINE_FILE)), { recursive: true });
    const before = fs.readdirSync(machine.root);
    const made = await machine.run('baseline', 'make', '--packages', machine.path(BASELINE_FILE));
    expect([made.code, made.stderr]).toEqual([0, '']);
    expect(fs.readdirSync(machine.root)).toEqual(before);
    const { files, metadata } = capture();
    expect(Object.keys(metadata.left!)).toEqual([
      ...['etc/chrony.conf', 'etc/cron.d/with space', 'etc/crontab'],
    ]);
    expect(files.map(({ path }) => path)).toEqual([
      ...['etc/group', 'etc/hosts', 'etc/motd', 'etc/passwd', 'etc/shadow', 'etc/ssh/sshd_config'],
    ]);
  });

  it.each<[string, string, number, string, boolean]>([
    ['as it is shipped', '# nothing\n', 0o644, 'root', true],
    ['with another content', '# x\n', 0o644, 'root', false],
    ['with a mode that dpkg cannot know', '# nothing\n', 0o600, 'root', false],
    ['with another owner', '# nothing\n', 0o644, 'daemon', false],
  ])('has a file %s', (_, content, mode, owner, shipped) => {
    const file = { ...fileEntry('etc/crontab', content, mode), owner };
    expect(shippedByDpkg(status)(file)).toBe(shipped);
    const sha256 = createHash('sha256').update('# nothing\n').digest('hex');
    const dump = `/etc/with space 1 1700000000 ${sha256} 0100600 root root 1 0 0 X\n/etc/crontab 10 1700000000 ${sha256} 0100644 root root 1 0 0 X\n`;
    expect(shippedByRpm(dump)(file)).toBe(shipped);
    expect(shippedByRpm(dump.replaceAll(sha256, md5('# nothing\n')))(file)).toBe(shipped);
  });

  it('has no file as shipped of which its packages say nothing', () => {
    expect(shippedByDpkg(status)(fileEntry('etc/ssh/sshd_config', 'Port 22\n'))).toBe(false);
    expect(shippedByDpkg('')(fileEntry('etc/motd', ''))).toBe(false);
    expect(shippedByRpm('')(fileEntry('etc/motd', ''))).toBe(false);
  });
});
