import { describe, expect, it } from 'vitest';
import { sectionsOf } from './sections.ts';

/** A header of PE32+, and of each section its name and its size in memory: nothing of it is in the file. */
function program(sections: readonly (readonly [name: string, size: number])[]): Buffer {
  const bytes = Buffer.alloc(0x58 + 40 * sections.length);
  bytes.write('MZ');
  bytes.writeUInt32LE(0x40, 0x3c);
  bytes.writeUInt16LE(sections.length, 0x46);
  for (const [i, [name, size]] of sections.entries()) {
    bytes.write(name, 0x58 + 40 * i, 8, 'latin1');
    bytes.writeUInt32LE(size, 0x58 + 40 * i + 8);
  }
  return bytes;
}

describe('the sections of a program', () => {
  it('have their size in memory', () => {
    const [found] = sectionsOf(program([['.bss', 3]]), 'it').values();
    expect(found!.content).toEqual(Buffer.alloc(3));
  });

  it.each([
    ['one name twice', program([['.pcrsig', 1], ['.pcrsig', 1]])], // prettier-ignore
    ['more in memory than a file of its size', program([['.a', 150], ['.b', 150], ['.c', 150]])], // prettier-ignore
  ])('are refused with %s', (_, bytes) => {
    expect(() => sectionsOf(bytes, 'it')).toThrow(
      expect.objectContaining({ code: 'file_malformed' }),
    );
  });
});
