import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PUBLIC_KEY } from '../cli/image/image-policies.ts';
import { addSections } from '../cli/image/sections.ts';

/** What one file has in it. */
export interface UkiParts {
  /** Path of systemd's stub, which starts a kernel that lies in the same file (systemd-stub(7)) */
  readonly stub: string;
  /** Path of the kernel */
  readonly kernel: string;
  /** Path of the initramfs */
  readonly initrd: string;
  /** Path of its os-release(5) */
  readonly release: string;
  /** The kernel's arguments */
  readonly commandLine: string;
  /** The public half of the key that says what a machine's TPM opens its key for, PEM; absent: keys are bound to no image */
  readonly pcrKey?: string;
  /** Of the image, seconds since 1970 */
  readonly date: number;
}

/**
 * Makes a unified kernel image: one program of UEFI with kernel, initramfs and command line, so that one signature is
 * about all of them. The same parts and the same stub give the same bytes.
 * @param file that is made
 * @throws probe_failed where objcopy(1) is missing
 */
export async function makeUki(parts: UkiParts, file: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'coatcheck-uki-'));
  try {
    const [line, pcrKey] = [join(work, 'cmdline'), join(work, 'key')];
    await writeFile(line, parts.commandLine);
    await writeFile(pcrKey, parts.pcrKey ?? '');
    const sections: [string, string][] = [
      ['.osrel', parts.release],
      ['.cmdline', line],
      ['.linux', parts.kernel],
      ['.initrd', parts.initrd],
    ];
    if (parts.pcrKey !== undefined) sections.push([PUBLIC_KEY, pcrKey]);
    await addSections(parts.stub, sections, file, parts.date);
  } finally {
    await rm(work, { recursive: true });
  }
}
