import { describe, expect, it } from 'vitest';
import { toHex } from './bytes.ts';
import { deriveIdentity, nodeIdBytes, nodeIdFromBytes, nodeIdOf } from './identity.ts';
import type { NodeId } from './identity.ts';

const hasCode = (code: string): object => expect.objectContaining({ code }) as object;
const seed = new Uint8Array(32).fill(1);

describe('deriveIdentity', () => {
  it('gives these keys for this seed, for ever', () => {
    const { id, signKey, boxKey, hedge } = deriveIdentity(seed);
    expect({ id, signKey: toHex(signKey), boxKey: toHex(boxKey), hedge: toHex(hedge) }).toEqual({
      id: 'zs7kvq4vs4mlep5yiaogysndanbzthqh',
      signKey: '34b60330abc0d6627ae21916f1fad8a7e85ce59f38a09135b4207d44087b50ff',
      boxKey: '2e302efd722186f05c2e595e41ef4d2f3c8dd964c4c0eaf7f973c02076bc5d0b',
      hedge: '9663d63ba8a00327668f4b9b5aa92b77257b5dfb7b5bc252dd068ead876ea719',
    });
  });

  it.each([
    ['all zeros', new Uint8Array(32)],
    ['31 bytes', new Uint8Array(31).fill(1)],
    ['no bytes', new Uint8Array()],
  ])('refuses a seed of %s', (_, bytes) => {
    expect(() => deriveIdentity(bytes)).toThrow(hasCode('bad_public_key'));
  });
});

describe('node ids', () => {
  it('are 20 bytes of a hash over both keys', () => {
    const identity = deriveIdentity(seed);
    const other = deriveIdentity(new Uint8Array(32).fill(2));
    expect(nodeIdFromBytes(nodeIdBytes(identity.id))).toBe(identity.id);
    expect(nodeIdOf({ signKey: identity.signKey, boxKey: other.boxKey })).not.toBe(identity.id);
  });

  it.each(['', 'a'.repeat(31), 'A'.repeat(32), '0'.repeat(32), `${'a'.repeat(32)}\n`])(
    'refuse the text %j',
    (text) => {
      expect(() => nodeIdBytes(text as NodeId)).toThrow(hasCode('bad_node_id'));
    },
  );
});
