import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ImageOptions } from './options.ts';
import { run } from '../files/run-program.ts';
import type { Say } from '../files/run-program.ts';

/** Debian's release: the first whose Node is new enough for the agent. */
const SUITE = 'trixie';

/** What an image of each flavour is made of, beside Debian's essential packages. */
const PACKAGES: Readonly<Record<ImageOptions['flavour'], readonly string[]>> = {
  systemd: [
    ...['systemd-sysv', 'systemd-resolved', 'udev', 'dbus', 'kmod', 'usr-is-merged', 'nodejs'],
    ...['ca-certificates', 'openssl', 'passwd', 'login', 'mount', 'util-linux', 'iproute2'],
    ...['openssh-server', 'e2fsprogs', 'cryptsetup-bin'],
  ],
  busybox: [
    ...['busybox', 'udhcpc', 'kmod', 'usr-is-merged', 'nodejs', 'ca-certificates', 'openssl'],
    ...['passwd', 'mount', 'iproute2', 'e2fsprogs'],
  ],
};

/** Has systemd's stub, which a signed image begins with. */
const STUB_PACKAGE = 'systemd-boot-efi';

/** What nobody reads on a machine that has no disk: patterns of dpkg's `path-exclude`. */
export const LEFT_OUT = [
  '/usr/share/man/*',
  '/usr/share/doc/*',
  '/usr/share/info/*',
  '/usr/share/locale/*',
];

/**
 * The root of a Debian with the packages of an image, as a tar archive. It is made once for each list of
 * packages, and kept in the cache.
 * @throws probe_failed with what mmdebstrap said
 */
export async function userland(options: ImageOptions, say: Say): Promise<string> {
  const { flavour, mirror, kernel, firmware, uki, stub } = options;
  const boots = uki && stub === undefined ? [kernel, STUB_PACKAGE] : [kernel];
  const packages = [...new Set([...PACKAGES[flavour], ...options.packages, ...boots])].sort();
  if (firmware)
    packages.push('firmware-linux-free', 'firmware-linux-nonfree', 'firmware-misc-nonfree');
  const args = [
    ...['--mode=root', '--variant=essential', '--format=tar', `--include=${packages.join(',')}`],
    `--components=main${firmware ? ',non-free-firmware' : ''}`,
    '--aptopt=Acquire::Languages "none"',
    ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
    SUITE,
  ];
  const inputs = createHash('sha256')
    .update(JSON.stringify([args, mirror]))
    .digest('hex');
  const cache = resolve(process.env['COATCHECK_CACHE'] ?? '.cache', 'image');
  const archive = join(cache, `${inputs.slice(0, 32)}.tar`);
  if (existsSync(archive) && !options.refresh) {
    say(`packages as they were fetched before (--refresh fetches them anew): ${archive}`);
    return archive;
  }
  say(`fetching and installing ${packages.length} packages and what they need: a minute or more`);
  await mkdir(cache, { recursive: true });
  const unfinished = `${archive}.${process.pid}`;
  try {
    // The image boots no initramfs of Debian's: its whole root is one.
    const env = { INITRD: 'No', SOURCE_DATE_EPOCH: '0' };
    await run('mmdebstrap', [...args, unfinished, mirror], { env });
    await rename(unfinished, archive);
  } finally {
    await rm(unfinished, { force: true });
  }
  return archive;
}
