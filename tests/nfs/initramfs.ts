import * as fs from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { buildStandalone } from '../../scripts/commands.ts';
import { must } from '../pxe/programs.ts';

/** What a machine boots. */
export interface Boot {
  readonly kernel: string;
  readonly initramfs: string;
}

/** A kernel for emulated machines, which has the client of NFS as a module. */
const KERNEL = 'linux-image-cloud-amd64';
const MODULES = ['virtio_pci', 'virtio_net', 'nfsv4'];
/** Serial lines carry commands, one a line, and their answers: nothing else is to be said there. */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
number=$(sed 's/.*machine=\\([0-9]*\\).*/\\1/' /proc/cmdline)
ip link set lo up; ip addr add 10.77.0.$number/24 dev eth0; ip link set eth0 up
hostname client-$number
mkdir -p /tmp /mnt; stty raw -echo < /dev/ttyS0
exec node /client.mjs < /dev/ttyS0 > /dev/ttyS0 2>&1
`;

/** Makes what the two machines boot, of this machine's Node and BusyBox, into a folder. */
export async function makeBoot(folder: string): Promise<Boot> {
  const root = join(folder, 'root');
  for (const name of ['bin', 'dev', 'proc', 'sys', 'modules']) {
    fs.mkdirSync(join(root, name), { recursive: true });
  }
  const { version, unpacked } = await kernel();
  await copyProgram('busybox', root);
  await copyProgram('node', root);
  await must(['strip', join(root, 'bin/node')]);
  const order = new Set<string>();
  for (const module of MODULES) {
    const lines = await must([
      ...['modprobe', '--dirname', unpacked, '--set-version', version, '--show-depends', module],
    ]);
    for (const [, path] of lines.matchAll(/^insmod (\S+)/gm)) {
      fs.copyFileSync(path!, join(root, 'modules', basename(path!)));
      order.add(basename(path!));
    }
  }
  fs.writeFileSync(join(root, 'modules/order'), [...order].join('\n'));
  fs.writeFileSync(join(root, 'init'), INIT, { mode: 0o755 });
  await build({
    ...{ entryPoints: ['tests/nfs/client.ts'], outfile: join(root, 'client.mjs') },
    ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'warning' },
  });
  await buildStandalone(join(root, 'coatcheck'));
  const initramfs = join(folder, 'initramfs');
  const pack = 'cd "$0" && find . | cpio --create --format=newc --owner=0:0 --quiet > "$1"';
  await must(['sh', '-c', pack, root, initramfs]);
  fs.rmSync(root, { recursive: true });
  return { kernel: join(unpacked, 'boot', `vmlinuz-${version}`), initramfs };
}

/** Debian's, from the cache where it was unpacked before. */
async function kernel(): Promise<{ version: string; unpacked: string }> {
  const depends = await must(['apt-cache', 'depends', KERNEL]);
  const name = /Depends: (linux-image-\S+)/.exec(depends)![1]!;
  const version = name.replace('linux-image-', '');
  const cache = resolve(process.env['COATCHECK_CACHE'] ?? '.cache', 'nfs-kernel');
  const unpacked = join(cache, name);
  if (!fs.existsSync(unpacked)) {
    fs.mkdirSync(cache, { recursive: true });
    const work = fs.mkdtempSync(`${unpacked}.unpacking-`);
    const unpack = `cd "$0" && apt-get -qq -o APT::Sandbox::User=root download "$1" &&
      dpkg -x ./*.deb . && rm ./*.deb && depmod --basedir "$0" "$2"`;
    await must(['sh', '-c', unpack, work, name, version]);
    fs.renameSync(work, unpacked);
  }
  return { version, unpacked };
}

/** With the libraries that it needs. */
async function copyProgram(name: string, root: string): Promise<void> {
  const path = name === 'node' ? process.execPath : (await must(['which', name])).trim();
  fs.copyFileSync(path, join(root, 'bin', name));
  for (const [, library] of (await must(['ldd', path])).matchAll(/(\/\S+) \(0x/g)) {
    fs.mkdirSync(join(root, dirname(library!)), { recursive: true });
    fs.copyFileSync(library!, join(root, library!));
  }
}
