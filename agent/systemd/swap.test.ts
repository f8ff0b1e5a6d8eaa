import { describe, expect, it } from 'vitest';
import { zramBytes } from './swap.ts';

const MIB = 1024 * 1024;

describe('swap in compressed memory', () => {
  it.each([
    [1024 * MIB, 512 * MIB],
    [8192 * MIB, 4096 * MIB],
    [512 * 1024 * MIB, 4096 * MIB],
    [1001 * MIB + 5, 500 * MIB],
  ])('of a machine with %d bytes has %d', (memory, expected) => {
    expect(zramBytes(memory)).toBe(expected);
  });
});
