import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../files/run-program.ts';

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
    const line = join(work, 'cmdline');
    await writeFile(line, parts.commandLine);
    const sections = [
      ['.osrel', parts.release],
      ['.cmdline', line],
      ['.linux', parts.kernel],
      ['.initrd', parts.initrd],
    ] as const;
    let address = endOf(await readFile(parts.stub));
    const args: string[] = [];
    for (const [name, path] of sections) {
      const size = (await readFile(path)).length;
      args.push('--add-section', `${name}=${path}`);
      args.push('--change-section-vma', `${name}=0x${address.toString(16)}`);
      address = roundUp(address + size);
    }
    await run('objcopy', [...args, parts.stub, file]);
    await dateHeader(file, parts.date);
  } finally {
    await rm(work, { recursive: true });
  }
}

const PAGE = 4096;
const roundUp = (address: number): number => Math.ceil(address / PAGE) * PAGE;

/** Offsets in a PE32+ file (Microsoft, PE Format, revision 11). */
const PE = {
  at: 0x3c,
  sections: 6,
  date: 8,
  optionalSize: 20,
  optional: 24,
  imageBase: 24,
  checkSum: 64,
  section: { bytes: 40, virtualSize: 8, virtualAddress: 12 },
} as const;

/** The first page behind what a program has in memory. */
function endOf(program: Buffer): number {
  const header = program.readUInt32LE(PE.at);
  const base = Number(program.readBigUInt64LE(header + PE.optional + PE.imageBase));
  const first = header + PE.optional + program.readUInt16LE(header + PE.optionalSize);
  const ends = Array.from({ length: program.readUInt16LE(header + PE.sections) }, (_, i) => {
    const section = first + i * PE.section.bytes;
    const address = program.readUInt32LE(section + PE.section.virtualAddress);
    return address + program.readUInt32LE(section + PE.section.virtualSize);
  });
  return base + roundUp(Math.max(...ends));
}

/** objcopy has written when it ran, and a sum over that, which nobody reads. */
async function dateHeader(file: string, date: number): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const start = Buffer.alloc(PE.at + 4);
    await handle.read(start, 0, start.length, 0);
    const header = start.readUInt32LE(PE.at);
    const word = Buffer.alloc(4);
    await handle.write(word, 0, 4, header + PE.optional + PE.checkSum);
    word.writeUInt32LE(date);
    await handle.write(word, 0, 4, header + PE.date);
  } finally {
    await handle.close();
  }
}
