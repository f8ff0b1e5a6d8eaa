import { wordlist } from '@scure/bip39/wordlists/english.js';
import { nodeIdBytes } from './identity.ts';
import type { NodeId } from './identity.ts';

/** So many words name a node. */
export const WORDS = 8;
const BITS_PER_WORD = 11;

/**
 * A node id as people compare it, on a console and on an approval screen: the first 88 of its 160
 * bits, from the left, as eight words of the English list of BIP-39 (2,048 words, 11 bits each),
 * with single spaces between. Whoever wants a key with the same words tries 2^88.
 * @throws bad_node_id
 */
export function nodeWords(id: NodeId): string {
  return digestWords(nodeIdBytes(id));
}

/** As {@link nodeWords}, of a digest of 11 bytes or more: what two people compare of a keyset. */
export function digestWords(bytes: Uint8Array): string {
  return Array.from({ length: WORDS }, (_, i) => wordlist[bitsAt(bytes, i * BITS_PER_WORD)]!).join(
    ' ',
  );
}

/** Whether a word, in lower case, is one of those that name nodes. */
export const isListedWord = (word: string): boolean => wordlist.includes(word);

/** The 11 bits from bit `start` on, which lie in two or three bytes. */
function bitsAt(bytes: Uint8Array, start: number): number {
  const first = start >> 3;
  const three = (bytes[first]! << 16) | (bytes[first + 1]! << 8) | bytes[first + 2]!;
  return (three >> (24 - BITS_PER_WORD - (start & 7))) & (2 ** BITS_PER_WORD - 1);
}
