import {
  appendFile,
  chmod,
  cp,
  copyFile,
  mkdir,
  readdir,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ImageOptions } from './options.ts';
import { run } from './run.ts';
import type { Say } from './run.ts';

/** The agent's units. */
const UNITS = join('agent', 'units');
const GENERATOR = 'coatcheck-generator';
/** Files of the image's root that are written here. */
const OURS = join('image', 'root');

/**
 * What is taken out: what is of one machine, of the installation, or of an initramfs; and sources of what
 * is compiled.
 */
const TAKEN_OUT = [
  ...[
    'boot',
    'vmlinuz',
    'vmlinuz.old',
    'initrd.img',
    'initrd.img.old',
    'etc/machine-id',
    'etc/hostname',
  ],
  ...['etc/.pwd.lock', 'etc/passwd-', 'etc/group-', 'etc/shadow-', 'etc/gshadow-', 'etc/subuid-'],
  ...[
    'etc/subgid-',
    'var/cache',
    'var/log',
    'var/lib/apt',
    'usr/lib/udev/hwdb.d',
    'usr/share/lintian',
  ],
  ...['usr/share/nodejs/@types', 'usr/share/nodejs/corepack'],
];

/** Modules of what no server is: sound, cameras, screens, sensors, wireless. */
const NOT_OF_SERVERS = [
  ...[
    'sound',
    'net/wireless',
    'net/mac80211',
    'net/bluetooth',
    'drivers/bluetooth',
    'drivers/media',
  ],
  ...['drivers/gpu', 'drivers/iio', 'drivers/staging', 'drivers/net/wireless', 'drivers/net/wwan'],
  ...['drivers/input/joystick', 'drivers/input/tablet', 'drivers/input/touchscreen', 'drivers/w1'],
];

/** Started by the image, or by the agent. */
const ENABLED = [
  ...[
    'systemd-networkd.service',
    'systemd-resolved.service',
    'ssh.service',
    'ssh-host-keys.service',
  ],
  ...['coatcheck-agent.service', 'coatcheck-refresh.timer'],
];
/**
 * The generator would read `ip=` in a syntax of its own, beside the agent; the others make or sort
 * what this image brings, at every boot.
 */
const MASKED = [
  ...['systemd-network-generator.service', 'ldconfig.service', 'systemd-hwdb-update.service'],
  ...['systemd-journal-catalog-update.service', 'systemd-update-done.service'],
];

/**
 * Makes the root of the image below `root`, a new folder: packages, the agent, the site, and what the
 * caller adds.
 * @param archive of {@link userland}
 * @returns the version of its kernel, as `uname -r` says it
 * @throws probe_failed with what a program said
 */
export async function makeRoot(
  archive: string,
  root: string,
  options: ImageOptions,
  say: Say,
): Promise<string> {
  await mkdir(root);
  await run('tar', ['-C', root, '--numeric-owner', '--xattrs', '--acls', '-xf', archive]);
  const at = (path: string): string => join(root, path);
  const kernel = await kernelOf(at('usr/lib/modules'));
  await copyFile(at(`boot/vmlinuz-${kernel}`), join(dirname(root), 'vmlinuz'));
  for (const path of TAKEN_OUT) await rm(at(path), { recursive: true, force: true });
  for (const name of await readdir(at('etc/ssh'))) {
    if (name.startsWith('ssh_host_')) await rm(at(`etc/ssh/${name}`));
  }
  if (options.drivers === 'server') {
    for (const path of NOT_OF_SERVERS) {
      await rm(at(`usr/lib/modules/${kernel}/kernel/${path}`), { recursive: true, force: true });
    }
    await run('depmod', ['-b', join(root, 'usr'), kernel]);
  }
  await putOurs(root, options);
  if (options.files !== undefined) {
    // A link stays the link that it is.
    const content = { recursive: true, verbatimSymlinks: true, preserveTimestamps: false };
    await cp(options.files, root, content);
    await run('chown', ['-hR', 'root:root', ...(await readdir(options.files)).map(at)]);
  }
  await run('chroot', [root, 'systemctl', 'enable', ...ENABLED]);
  await run('chroot', [root, 'systemctl', 'mask', ...MASKED]);
  if (options.hook !== undefined) {
    say(`running ${options.hook}`);
    await run(options.hook, [root]);
  }
  return kernel;
}

async function kernelOf(folder: string): Promise<string> {
  const versions = await readdir(folder);
  if (versions.length !== 1) throw new Error(`not one kernel but ${versions.join(', ')}`);
  return versions[0]!;
}

async function putOurs(root: string, options: ImageOptions): Promise<void> {
  const { version, date } = options;
  const at = (path: string): string => join(root, path);
  await cp(OURS, root, { recursive: true, verbatimSymlinks: true });
  await cp(UNITS, at('usr/lib/systemd/system'), { recursive: true });
  const generators = at('usr/lib/systemd/system-generators');
  await rename(at(`usr/lib/systemd/system/${GENERATOR}`), join(generators, GENERATOR));
  await mkdir(at('usr/lib/coatcheck'), { recursive: true });
  await copyFile(options.agent, at('usr/lib/coatcheck/coatcheck-agent.mjs'));
  await chmod(at('usr/lib/coatcheck/coatcheck-agent.mjs'), 0o755);
  await symlink('../lib/coatcheck/coatcheck-agent.mjs', at('usr/bin/coatcheck-agent'));
  await mkdir(at('etc/coatcheck'), { recursive: true });
  await copyFile(options.site, at('etc/coatcheck/site.json'));
  if (options.imageKey !== undefined) {
    await copyFile(options.imageKey, at('etc/coatcheck/image-key'));
    await chmod(at('etc/coatcheck/image-key'), 0o600);
  }
  const image = { version, date: new Date(date * 1000).toISOString() };
  await writeFile(at('usr/lib/coatcheck/image.json'), `${JSON.stringify(image)}\n`);
  await appendFile(at('usr/lib/os-release'), `IMAGE_ID=coatcheck\nIMAGE_VERSION=${version}\n`);
  // Its date is the time that systemd does not go below.
  await writeFile(at('usr/lib/clock-epoch'), '');
  // Empty: systemd makes an id at every boot, and does not take the machine for a new one.
  await writeFile(at('etc/machine-id'), '');
  await writeFile(at('etc/fstab'), '');
  await writeFile(
    at('etc/hosts'),
    '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n',
  );
  await symlink('usr/lib/systemd/systemd', at('init'));
  for (const path of ['var/cache', 'var/log', 'var/lib/apt', 'boot']) await mkdir(at(path));
}
