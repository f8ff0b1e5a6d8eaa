import { existsSync } from 'node:fs';
import { chmod, cp, lstat, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
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

/** Files of the small root that are written here. */
const OURS = join('image', 'busybox-root');
/** Beside what the agent needs: programs, by their names. */
const PROGRAMS = ['busybox', 'kmod', 'modprobe', 'depmod'];
/** Of BusyBox's programs: other packages' databases are asked by these, and there are none. */
const NOT_OF_BUSYBOX = ['dpkg', 'dpkg-deb', 'rpm', 'rpm2cpio'];
/** Of Debian's `etc`. */
const SETTINGS = ['passwd', 'group', 'shadow', 'gshadow', 'nsswitch.conf', 'shells', 'profile'];
const FOLDERS = ['dev', 'proc', 'sys', 'run', 'mnt', 'root', 'tmp', 'var/lib', 'etc'];
/** Links of a Debian whose `/usr` is merged. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];

/**
 * Makes the small root below `root`, a new folder: of a Debian in `archive` it takes what the agent needs, as the
 * initramfs of an image would have it, BusyBox, and the kernel's modules. There is no systemd, and no dpkg.
 * @returns the version of its kernel, as `uname -r` says it
 * @throws probe_failed with what a program said
 */
export async function makeBusyboxRoot(
  archive: string,
  root: string,
  options: ImageOptions,
  say: Say,
): Promise<string> {
  const debian = join(dirname(root), 'debian');
  const at = (path: string): string => join(root, path);
  try {
    await unpack(archive, debian);
    await installAgent(debian, options);
    await listPackages(debian);
    await putSite(debian, options);
    const kernel = await takeKernel(debian, options);
    for (const folder of FOLDERS) await mkdir(at(folder), { recursive: true });
    await chmod(at('root'), 0o700);
    await chmod(at('tmp'), 0o1777);
    for (const name of MERGED) {
      await mkdir(at(`usr/${name}`), { recursive: true });
      await symlink(`usr/${name}`, at(name));
    }
    await copyClosure(debian, root);
    for (const path of [`usr/lib/modules/${kernel}`, 'usr/lib/firmware']) {
      if (!existsSync(join(debian, path))) continue;
      await cp(join(debian, path), at(path), { recursive: true, verbatimSymlinks: true });
    }
    for (const name of SETTINGS) await cp(join(debian, 'etc', name), at(`etc/${name}`));
    await linkApplets(debian, root);
    await symlink('usr/sbin/init', at('init'));
    await cp(OURS, root, { recursive: true });
    await cp(join(debian, 'usr/lib/os-release'), at('usr/lib/os-release'));
    await symlink('../usr/lib/os-release', at('etc/os-release'));
    await writeFile(at('etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
    await addFiles(root, options);
    await runHook(root, options, say);
    await recordBaseline(root, options);
    return kernel;
  } finally {
    await rm(debian, { recursive: true, force: true });
  }
}

/**
 * Run in the Debian: prints what is needed of it, one path a line, each below folders that are no links: the
 * programs given, what the agent needs, and the libraries of both.
 */
const CLOSURE = `set -eu
{
  for program; do command -v "$program"; done
  /usr/lib/coatcheck/initramfs/contents
} > /needed
{
  cat /needed
  xargs ldd < /needed 2> /dev/null | sed -n 's/.*=> \\(\\/[^ ]*\\) (.*/\\1/p; s/^[[:space:]]*\\(\\/[^ ]*\\) (.*/\\1/p' || true
} | sort -u | while read -r path; do
  echo "$(realpath "\${path%/*}")/\${path##*/}"
  realpath "$path"
done | sort -u
rm /needed
`;

async function copyClosure(debian: string, root: string): Promise<void> {
  const paths = await run('chroot', [debian, 'sh', '-c', CLOSURE, 'sh', ...PROGRAMS]);
  const list = join(dirname(root), 'closure');
  await writeFile(list, paths.replaceAll(/^\//gm, ''));
  const copy = 'tar -C "$1" --numeric-owner -cf - -T "$2" | tar -C "$3" -xf -';
  await run('sh', ['-c', copy, 'sh', debian, list, root]);
  await rm(list);
}

/** A link for each of BusyBox's programs that has no other of its name. */
async function linkApplets(debian: string, root: string): Promise<void> {
  const listed = await run('chroot', [debian, 'busybox', '--list-full']);
  for (const path of listed.trim().split('\n')) {
    const name = basename(path);
    const folder = dirname(path).endsWith('sbin') ? 'sbin' : 'bin';
    const taken = ['bin', 'sbin'].map((one) => lstat(join(root, 'usr', one, name)));
    const isTaken = (await Promise.allSettled(taken)).some(({ status }) => status === 'fulfilled');
    if (isTaken || NOT_OF_BUSYBOX.includes(name)) continue;
    await symlink('/usr/bin/busybox', join(root, 'usr', folder, name));
  }
}
