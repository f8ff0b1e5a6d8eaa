import { deriveIdentity } from '../../bundle/identity.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { nodeWords } from '../../bundle/words.ts';

/** The machine that a seed of 32 bytes makes: its id, and its words as people compare them. */
export function machineOf(seed: Uint8Array): { readonly node: NodeId; readonly words: string } {
  const { id: node } = deriveIdentity(seed);
  return { node, words: nodeWords(node) };
}
