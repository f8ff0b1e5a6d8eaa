import { describe, expect, it } from 'vitest';
import { toHex } from '../../../bundle/bytes.ts';
import type { NodeId } from '../../../bundle/identity.ts';
import { codeOf } from '../../../protocol/errors.ts';
import type { DecisionMemory } from './memory.ts';
import { decodeRecord, encodeRecord, ownerHash, RECORD_BYTES } from './memory-record.ts';

const owner = { site: new Uint8Array(16).fill(7), node: 'a2'.repeat(16) as NodeId };
const memory: DecisionMemory = {
  keysetVersion: 2,
  keysetDigest: new Uint8Array(32).fill(1),
  seq: 2 ** 40 + 5,
  digest: new Uint8Array(32).fill(2),
  issued: 1_790_000_000,
};
const read = (bytes: Uint8Array): string => {
  try {
    return decodeRecord(bytes, owner, 'here') === undefined ? "another's" : 'ours';
  } catch (error) {
    return codeOf(error);
  }
};

describe('a record of a memory', () => {
  const bytes = encodeRecord(owner, memory);

  it('gives back what was written, to its owner only', () => {
    expect(bytes).toHaveLength(RECORD_BYTES);
    expect(decodeRecord(bytes, owner, 'here')).toEqual(memory);
    for (const other of [
      { ...owner, site: new Uint8Array(16) },
      { ...owner, node: 'b2'.repeat(16) as NodeId },
    ]) {
      expect(decodeRecord(bytes, other, 'here')).toBeUndefined();
      expect(toHex(ownerHash(other))).not.toBe(toHex(ownerHash(owner)));
    }
  });

  it('is refused with any bit changed, and at any other length', () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(read(changed)).toBe('file_malformed');
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(read(bytes.slice(0, length))).toBe('file_malformed');
    }
    expect(read(Uint8Array.of(...bytes, 0))).toBe('file_malformed');
    expect(read(new Uint8Array(RECORD_BYTES))).toBe('file_malformed');
  });
});
