import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errnoOf } from '../files/errors.ts';
import type { Say } from '../files/run-program.ts';

/** A boot loader of this machine's Debian: its file, and whose machines need it. */
interface Loader {
  readonly package: string;
  readonly file: string;
  readonly of: string;
}

const LOADERS: readonly Loader[] = [
  { package: 'pxelinux', file: 'usr/lib/PXELINUX/lpxelinux.0', of: 'BIOS' },
  { package: 'syslinux-common', file: 'usr/lib/syslinux/modules/bios/ldlinux.c32', of: 'BIOS' },
  { package: 'ipxe', file: 'usr/lib/ipxe/ipxe.efi', of: 'UEFI' },
  { package: 'ipxe', file: 'usr/lib/ipxe/snponly.efi', of: 'UEFI' },
];

/** Where they are, below the root of a Debian that has all of them. */
export const LOADER_FILES: readonly string[] = LOADERS.map(({ file }) => file);

/**
 * Copies the boot loaders that firmware starts from the network, beside the image: what `image/boot-server/` names.
 * The image does without one that this machine lacks, and it is said.
 * @param from the root of a Debian, `/`
 * @param to the image's folder
 * @returns the names of those that are in `to` then
 */
export async function takeLoaders(from: string, to: string, say: Say): Promise<string[]> {
  const taken: string[] = [];
  for (const { package: debian, file, of } of LOADERS) {
    const name = basename(file);
    try {
      await copyFile(join(from, file), join(to, name));
      taken.push(name);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      say(`without ${name}, which ${of} may ask for: apt-get install ${debian}, and build again`);
    }
  }
  return taken;
}
