import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ipxe } from '../../image/boot-files.ts';
import { readOptions } from '../../image/options.ts';
import { userland } from '../../image/packages.ts';
import { buildAgentDeb } from '../../packaging/deb/agent.ts';
import { run } from '../../files/run-program.ts';
import type { Say } from '../../files/run-program.ts';
import { keptImage } from './image.ts';
import type { TestImage } from './image.ts';

/** What an image that somebody already has gets its initramfs from. */
export const GENERATORS = {
  'initramfs-tools': {
    setting: ['etc/initramfs-tools/conf.d/coatcheck', 'COATCHECK=y\n'],
    command: 'mkinitramfs -o /made.img',
  },
  dracut: {
    setting: ['etc/dracut.conf.d/coatcheck.conf', 'add_dracutmodules+=" coatcheck "\n'],
    command: 'dracut --no-hostonly --force /made.img',
  },
} as const;
/** One of {@link GENERATORS}. */
export type Generator = keyof typeof GENERATORS;

const PACKAGES = [
  'apt',
  'initramfs-tools-core',
  'dracut-network',
  'busybox',
  'udhcpc',
  'zstd',
  'cpio',
];

/**
 * A Debian in a folder, with /proc, /dev and /sys in it, where `apt-get install` has put the agent's
 * package; gone after `act`.
 */
export async function withDebian<T>(say: Say, act: (root: string) => Promise<T>): Promise<T> {
  const args = ['--site', 'package.json', '--kernel', 'linux-image-cloud-amd64'];
  const options = readOptions(
    [...args, ...PACKAGES.flatMap((name) => ['--package', name])],
    {},
    Math.floor(Date.now() / 1000),
  )!;
  const archive = await userland(options, say);
  const work = await mkdtemp(join(tmpdir(), 'coatcheck-debian-'));
  const root = join(work, 'root');
  const mounts = ['proc', 'sys', 'dev'];
  try {
    await mkdir(root);
    await run('tar', ['-C', root, '--numeric-owner', '--xattrs', '--acls', '-xf', archive]);
    await run('mount', ['-t', 'proc', 'proc', join(root, 'proc')]);
    await run('mount', ['-t', 'sysfs', '-o', 'ro', 'sysfs', join(root, 'sys')]);
    await run('mount', ['-t', 'devtmpfs', 'devtmpfs', join(root, 'dev')]);
    const agent = resolve('dist', 'coatcheck-agent.mjs');
    const deb = await buildAgentDeb({ agent, out: work, date: options.date });
    await rename(deb, join(root, 'agent.deb'));
    await inside(root, 'apt-get install --yes --no-install-recommends /agent.deb');
    return await act(root);
  } finally {
    for (const name of mounts) await run('umount', [join(root, name)]).catch(() => undefined);
    await rm(work, { recursive: true, force: true });
  }
}

/** Runs a line of a shell with another root. */
export const inside = (root: string, line: string): Promise<string> =>
  run('chroot', [root, 'sh', '-c', line], { env: { DEBIAN_FRONTEND: 'noninteractive' } });

/**
 * What a machine boots whose root has neither the agent nor Node: they are in its initramfs. Beside
 * what every image has, `root.ext4` is the disk that its root is on.
 */
export function theirImage(generator: Generator): (say: Say) => Promise<TestImage> {
  const { setting, command } = GENERATORS[generator];
  return (say) =>
    keptImage(generator, async ({ home, key }, out) => {
      await withDebian(say, async (root) => {
        await cp(join(home, 'site.json'), join(root, 'etc/coatcheck/site.json'));
        await cp(key, join(root, 'etc/coatcheck/image-key'));
        await writeFile(join(root, setting[0]), setting[1]);
        say(`making an initramfs with ${generator}`);
        await inside(root, `${command} $(ls /usr/lib/modules)`);
        await mkdir(out);
        await rename(join(root, 'made.img'), join(out, 'initrd.img'));
        await inside(root, 'cp /boot/vmlinuz-* /made.vmlinuz');
        await rename(join(root, 'made.vmlinuz'), join(out, 'vmlinuz'));
        const append = 'ip=dhcp coatcheck.key=image root=/dev/vda rw';
        await writeFile(join(out, 'boot.ipxe'), ipxe(append));
        await inside(root, 'dpkg --purge coatcheck-agent nodejs libnode115; rm -r /etc/coatcheck');
        const bare = join(out, 'root');
        await mkdir(bare);
        await run('mount', ['--bind', root, bare]);
        try {
          const image = ['-q', '-d', bare, join(out, 'root.ext4'), '1G'];
          await run('mkfs.ext4', image);
        } finally {
          await run('umount', [bare]);
          await rm(bare, { recursive: true });
        }
      });
    });
}
