import { cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../files/run-program.ts';
import type { Say } from '../files/run-program.ts';
import type { ImageOptions } from './options.ts';
import {
  addFiles,
  installAgent,
  listPackages,
  putSite,
  recordBaseline,
  runHook,
  takeKernel,
  unpack,
} from './steps.ts';

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

/** Started by the image; the agent's package enables its own units. */
const ENABLED = [
  ...[
    'systemd-networkd.service',
    'systemd-resolved.service',
    'ssh.service',
    'ssh-host-keys.service',
  ],
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
 * Where a TPM holds what systemd's stub measured, these extend PCR 11 before the agent has it give the key, and put keys
 * of their own into it.
 */
const NOT_OF_THE_TPM = [
  ...['systemd-pcrphase-sysinit.service', 'systemd-pcrphase.service', 'systemd-pcrmachine.service'],
  ...['systemd-tpm2-setup-early.service', 'systemd-tpm2-setup.service'],
];
/**
 * Nothing is taken from disks that a machine happens to have, nothing resumed from one, and no second sshd
 * listens to a hypervisor.
 */
const MASKED_GENERATORS = [
  'systemd-gpt-auto-generator',
  'systemd-hibernate-resume-generator',
  'systemd-ssh-generator',
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
  await unpack(archive, root);
  const at = (path: string): string => join(root, path);
  await installAgent(root, options);
  await listPackages(root);
  const kernel = await takeKernel(root, options);
  for (const path of TAKEN_OUT) await rm(at(path), { recursive: true, force: true });
  for (const name of await readdir(at('etc/ssh'))) {
    if (name.startsWith('ssh_host_')) await rm(at(`etc/ssh/${name}`));
  }
  await putOurs(root, options);
  await addFiles(root, options);
  await run('chroot', [root, 'systemctl', 'enable', ...ENABLED]);
  await run('chroot', [root, 'systemctl', 'mask', ...MASKED, ...NOT_OF_THE_TPM]);
  await runHook(root, options, say);
  await recordBaseline(root, options);
  return kernel;
}

async function putOurs(root: string, options: ImageOptions): Promise<void> {
  const at = (path: string): string => join(root, path);
  await cp(OURS, root, { recursive: true, verbatimSymlinks: true });
  await putSite(root, options);
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
  await mkdir(at('etc/systemd/system-generators'), { recursive: true });
  for (const name of MASKED_GENERATORS) {
    await symlink('/dev/null', at(`etc/systemd/system-generators/${name}`));
  }
  for (const path of ['var/cache', 'var/log', 'var/lib/apt', 'boot']) await mkdir(at(path));
}
