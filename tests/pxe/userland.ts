import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bootImage } from '../support/systemd.ts';
import type { Booted } from '../support/systemd.ts';
import { testImage } from './image.ts';
import type { Rack } from './lab.ts';
import { must } from './programs.ts';

/** Machines of the image without QEMU: this kernel, and all else of their own. They boot in seconds. */
export interface Userland {
  /**
   * Boots one at a port of the switch.
   * @param number 10 to 99: its MAC and UUID follow from it
   * @param more of the kernel's arguments
   */
  boot(number: number, more?: string): Promise<Booted>;
}

/** Unpacks the image of a rack that was opened with {@link testImage}. */
export async function openUserland({ network }: Rack): Promise<Userland> {
  const { folder } = await testImage(() => undefined);
  const image = join(network.folder, 'image-root');
  mkdirSync(image);
  const unpack = 'zstd -dc "$0" | cpio --extract --make-directories --quiet --directory="$1"';
  await must(['sh', '-c', unpack, join(folder, 'initrd.img'), image]);
  return {
    boot: async (number, more = '') => {
      const mac = `52:54:00:77:00:${number}`;
      const machine = await network.machine([{ name: 'enp0s1', mac, linked: true }], []);
      machine.setCommandLine(`stateless ip=dhcp coatcheck.key=image ${more}`);
      return bootImage(machine.inside, image, `6f0d0c1e-5a3b-4c2d-8e1f-0000000000${number}`);
    },
  };
}
