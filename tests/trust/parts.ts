import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeUki } from '../../image/uki.ts';
import type { TestImage } from '../pxe/image.ts';
import { cli, must } from '../pxe/programs.ts';

/**
 * Makes a small image of the kernel of {@link signedImage}, since firmware reads every byte, and signs it by the keys
 * of its site: `unsigned.efi` and `signed.efi`.
 * @param folder where they are put, and what they are made of
 * @param initrd path of its initramfs
 * @param stub path of systemd's stub; without it the image's own
 */
export async function signSmall(
  { home, folder: whole }: TestImage,
  folder: string,
  initrd: string,
  stub?: string,
): Promise<{ unsigned: string; signed: string }> {
  const at = (name: string): string => join(folder, name);
  const [kernel, release, own] = [at('linux'), at('release'), at('stub')];
  const [unsigned, signed] = [at('unsigned.efi'), at('signed.efi')];
  const from = join(whole, 'coatcheck.unsigned.efi');
  const ours = ['.osrel', '.cmdline', '.linux', '.initrd', '.pcrpkey'];
  await must(['objcopy', '--dump-section', `.linux=${kernel}`, from, at('copy.efi')]);
  await must(['objcopy', ...ours.map((name) => `--remove-section=${name}`), from, own]);
  writeFileSync(release, 'ID=debian\nIMAGE_VERSION=1\n');
  const commandLine = 'stateless coatcheck.key=tpm console=ttyS0,115200 panic=-1';
  const pcrKey = readFileSync(join(home, 'image-keys', 'PCR.pem'), 'utf8');
  const parts = { stub: stub ?? own, kernel, initrd, release, commandLine, pcrKey, date: 0 };
  await makeUki(parts, unsigned);
  await cli('coatcheck', ['--home', home, 'image', 'sign', unsigned, signed]);
  return { unsigned, signed };
}
