import {
  appendFile,
  chmod,
  copyFile,
  cp,
  mkdir,
  readdir,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sealedArguments } from './boot-files.ts';
import { buildAgentDeb } from '../packaging/deb/agent.ts';
import { run } from '../files/run-program.ts';
import type { Say } from '../files/run-program.ts';
import type { ImageOptions } from './options.ts';
import { LEFT_OUT } from './packages.ts';

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

/** What systemd-boot-efi has: programs of UEFI, of which none runs from the image's root. */
const BOOT_PROGRAMS = 'usr/lib/systemd/boot';
const STUB = `${BOOT_PROGRAMS}/efi/linuxx64.efi.stub`;

/** Unpacks the archive of a userland into a new folder. */
export async function unpack(archive: string, root: string): Promise<void> {
  await mkdir(root);
  await run('tar', ['-C', root, '--numeric-owner', '--xattrs', '--acls', '-xf', archive]);
}

/**
 * Installs the agent's package below a root, as anybody installs it, but for what the image has nothing of either.
 */
export async function installAgent(root: string, { agent, date }: ImageOptions): Promise<void> {
  const deb = await buildAgentDeb({ agent, date, out: dirname(root) });
  await rename(deb, join(root, 'coatcheck-agent.deb'));
  const left = LEFT_OUT.map((path) => `--path-exclude=${path}`);
  await run('chroot', [root, 'dpkg', ...left, '--install', '/coatcheck-agent.deb']);
  await rm(join(root, 'coatcheck-agent.deb'));
}

/**
 * Takes the kernel out of a root, to beside it, and drivers that are not wanted out of its modules; and, for an image in
 * one file, systemd's stub of the same Debian.
 * @returns its version, as `uname -r` says it
 */
export async function takeKernel(root: string, options: ImageOptions): Promise<string> {
  const { drivers, uki, stub = join(root, STUB) } = options;
  const modules = join(root, 'usr/lib/modules');
  const kernel = await kernelOf(modules);
  await copyFile(join(root, `boot/vmlinuz-${kernel}`), join(dirname(root), 'vmlinuz'));
  if (uki) await copyFile(stub, join(dirname(root), 'stub'));
  await rm(join(root, BOOT_PROGRAMS), { recursive: true, force: true });
  if (drivers === 'server') {
    for (const path of NOT_OF_SERVERS) {
      await rm(join(modules, kernel, 'kernel', path), { recursive: true, force: true });
    }
    await run('depmod', ['-b', join(root, 'usr'), kernel]);
  }
  return kernel;
}

async function kernelOf(folder: string): Promise<string> {
  const versions = await readdir(folder);
  if (versions.length !== 1) throw new Error(`not one kernel but ${versions.join(', ')}`);
  return versions[0]!;
}

/** Writes `packages.txt` beside a Debian: the packages that the image is made of, with their versions. */
export async function listPackages(root: string): Promise<void> {
  const format = '--showformat=${Package} ${Version}\\n';
  const packages = await run('chroot', [root, 'dpkg-query', '--show', format]);
  await writeFile(join(dirname(root), 'packages.txt'), packages);
}

/** Puts below a root what machines believe, what their key is made from, and what the image is. */
export async function putSite(root: string, options: ImageOptions): Promise<void> {
  const { version, date, uki, append } = options;
  const at = (path: string): string => join(root, path);
  await copyFile(options.site, at('etc/coatcheck/site.json'));
  if (options.imageKey !== undefined) {
    await copyFile(options.imageKey, at('etc/coatcheck/image-key'));
    await chmod(at('etc/coatcheck/image-key'), 0o600);
  }
  const image = {
    ...{ version, date: new Date(date * 1000).toISOString() },
    ...(uki && { commandLine: sealedArguments(append) }),
  };
  await writeFile(at('usr/lib/coatcheck/image.json'), `${JSON.stringify(image)}\n`);
  await appendFile(at('usr/lib/os-release'), `IMAGE_ID=coatcheck\nIMAGE_VERSION=${version}\n`);
}

/** Copies the caller's files over a root; a link stays the link that it is. */
export async function addFiles(root: string, { files }: ImageOptions): Promise<void> {
  if (files === undefined) return;
  await cp(files, root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: false });
  const names = (await readdir(files)).map((name) => join(root, name));
  await run('chown', ['-hR', 'root:root', ...names]);
}

/** Has the caller's program change a root. */
export async function runHook(root: string, { hook }: ImageOptions, say: Say): Promise<void> {
  if (hook === undefined) return;
  say(`running ${hook}`);
  await run(hook, [root]);
}

/**
 * Has the agent record what a root ships, of all that a bundle may hold: proposals hold only what differs. Nothing
 * is put into the root after that.
 */
export async function recordBaseline(root: string, { agent }: ImageOptions): Promise<void> {
  const file = join(root, 'usr/lib/coatcheck/baseline.json');
  await run(process.execPath, [agent, '--root', root, 'baseline', 'make', file]);
}
