import { open, readFile } from 'node:fs/promises';
import { run } from '../../files/run-program.ts';
import { fail } from '../../protocol/errors.ts';

/** Offsets in a PE32+ file (Microsoft, PE Format, revision 11). */
const PE = {
  at: 0x3c,
  sections: 6,
  date: 8,
  optionalSize: 20,
  optional: 24,
  imageBase: 24,
  checkSum: 64,
} as const;
const SECTION = {
  bytes: 40,
  nameBytes: 8,
  size: 8,
  address: 12,
  rawSize: 16,
  rawAt: 20,
} as const;
const PAGE = 4096;
const roundUp = (address: number): number => Math.ceil(address / PAGE) * PAGE;

/** A section of a program. */
interface Section {
  /** As it is in memory */
  readonly content: Buffer;
  /** Where, behind the program's base */
  readonly address: number;
}

/**
 * The sections of a program of UEFI, by name.
 * @param path of it, for messages
 * @throws file_malformed, also for one with two of a name, or with twice its own size in memory
 */
export function sectionsOf(program: Buffer, path: string): Map<string, Section> {
  try {
    if (program.toString('latin1', 0, 2) !== 'MZ') throw new RangeError('another program');
    const header = program.readUInt32LE(PE.at);
    const first = header + PE.optional + program.readUInt16LE(header + PE.optionalSize);
    const count = program.readUInt16LE(header + PE.sections);
    let inMemory = 0;
    const found = new Map(
      Array.from({ length: count }, (_, i) => {
        const at = first + i * SECTION.bytes;
        const name = program.toString('latin1', at, at + SECTION.nameBytes).replace(/\0+$/, '');
        const [size, address, rawSize, rawAt] = [
          ...[SECTION.size, SECTION.address, SECTION.rawSize, SECTION.rawAt],
        ].map((field) => program.readUInt32LE(at + field)) as [number, number, number, number];
        inMemory += size;
        if (rawAt + rawSize > program.length) throw new RangeError('cut');
        // What is in memory alone is little in an image, and a stranger's file says what it likes.
        if (inMemory > 2 * program.length) throw new RangeError('larger than its file');
        const there = program.subarray(rawAt, rawAt + Math.min(size, rawSize));
        const content = there.length === size ? there : Buffer.concat([there], size);
        return [name, { content, address }] as const;
      }),
    );
    // Stubs do not agree about which of two they take.
    if (found.size < count) throw new RangeError('one name twice');
    return found;
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw fail('file_malformed', `${path} is no EFI program`, { cause });
  }
}

/**
 * Adds sections behind those of a program, each on a page of its own. The same bytes give the same bytes.
 * @param added name, and path of the content
 * @param to that is made
 * @param date of the program, seconds since 1970; without it, as it was
 * @throws file_malformed; probe_failed where objcopy(1) is missing
 */
export async function addSections(
  program: string,
  added: readonly (readonly [name: string, path: string])[],
  to: string,
  date?: number,
): Promise<void> {
  const bytes = await readFile(program);
  const ends = [...sectionsOf(bytes, program).values()].map(
    ({ content, address }) => address + content.length,
  );
  const header = bytes.readUInt32LE(PE.at);
  const base = Number(bytes.readBigUInt64LE(header + PE.optional + PE.imageBase));
  let address = base + roundUp(Math.max(...ends));
  const args: string[] = [];
  for (const [name, path] of added) {
    const size = (await readFile(path)).length;
    args.push('--add-section', `${name}=${path}`);
    args.push('--change-section-vma', `${name}=0x${address.toString(16)}`);
    address = roundUp(address + size);
  }
  await run('objcopy', [...args, program, to]);
  await dateHeader(to, date ?? bytes.readUInt32LE(header + PE.date));
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
