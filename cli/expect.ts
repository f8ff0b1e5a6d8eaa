import { nodeWords } from '../bundle/words.ts';
import type { NodeId } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { isNodeId } from '../protocol/keys.ts';
import { readLocalFile } from '../files/read.ts';
import { textIn } from '../files/text.ts';

/** What `--expect` says: how many nodes are meant, or which. */
export type Expected = number | readonly string[];

const MAX_BYTES = 1024 * 1024;

/**
 * Reads `--expect`: a number, or a file with an id of 32 characters or eight words on each line, made
 * elsewhere. Empty lines and what follows a `#` count for nothing.
 * @throws usage for a line that is neither, and what reading a file throws
 */
export async function readExpected(text: string): Promise<Expected> {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  const lines = textIn(await readLocalFile(text, { maxBytes: MAX_BYTES }), text).split('\n');
  const names = lines.map((line) => line.replace(/#.*$/, '').trim().replace(/\s+/g, ' '));
  const wrong = names.findIndex((name) => name !== '' && !isName(name));
  if (wrong >= 0) {
    throw fail(
      'usage',
      `${text}, line ${wrong + 1}: neither the id of a node (32 characters) nor its eight words`,
    );
  }
  return names.filter((name) => name !== '');
}

const isName = (text: string): boolean => isNodeId(text) || /^[a-z]+( [a-z]+){7}$/.test(text);

/**
 * The nodes of a list, as far as they are known.
 * @returns those, and what of the list is not there yet
 * @throws usage for two nodes with the same words
 */
export function expectedNodes(
  names: readonly string[],
  known: readonly NodeId[],
): { readonly nodes: readonly NodeId[]; readonly unknown: readonly string[] } {
  const byName = new Map<string, NodeId>();
  const forged = new Set<string>();
  for (const node of known) {
    const words = nodeWords(node);
    if (byName.has(words)) forged.add(words);
    byName.set(words, node).set(node, node);
  }
  const twice = names.find((name) => forged.has(name));
  if (twice !== undefined) throw fail('usage', `two nodes have the words ${twice}: one is forged`);
  return {
    nodes: [...new Set(names.flatMap((name) => byName.get(name) ?? []))],
    unknown: names.filter((name) => !byName.has(name)),
  };
}
