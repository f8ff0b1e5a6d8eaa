import { createHash } from 'node:crypto';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { describe, expect, it } from 'vitest';
import { fromHex } from './bytes.ts';
import { nodeIdFromBytes } from './identity.ts';
import type { NodeId } from './identity.ts';
import { nodeWords } from './words.ts';

const words = (hex: string): string => nodeWords(nodeIdFromBytes(fromHex(hex.padEnd(40, '0'))));

describe('the words of a node', () => {
  it('come from the list of BIP-39, whose file has this hash', () => {
    const hash = createHash('sha256')
      .update(`${wordlist.join('\n')}\n`)
      .digest('hex');
    expect(hash).toBe('2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda');
  });

  it.each([
    ['', Array(8).fill('abandon').join(' ')],
    ['f'.repeat(22), Array(8).fill('zoo').join(' ')],
    // the numbers 1 to 8
    ['0020080180400a01803808', 'ability able about above absent absorb abstract absurd'],
  ])('are eight times eleven bits: %s', (hex, expected) => {
    expect(words(hex)).toBe(expected);
  });

  it('tell apart what differs in the first 88 bits, and nothing later', () => {
    for (let bit = 0; bit < 96; bit++) {
      const bytes = new Uint8Array(20);
      bytes[bit >> 3] = 0x80 >> (bit & 7);
      expect(nodeWords(nodeIdFromBytes(bytes)) === words('')).toBe(bit >= 88);
    }
  });

  it('are none of a text that is no id', () => {
    expect(() => nodeWords('short' as NodeId)).toThrow(
      expect.objectContaining({ code: 'bad_node_id' }) as Error,
    );
  });
});
