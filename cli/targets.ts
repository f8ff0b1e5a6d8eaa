import { knownNodes, lookAt } from '../admin/find.ts';
import type { LeftOut, Target } from '../admin/many.ts';
import { findNode } from '../admin/select.ts';
import type { Session } from '../admin/session.ts';
import type { NodeId } from '../bundle/index.ts';
import { count } from '../protocol/count.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { decidedDigests } from '../protocol/history.ts';
import { expectedNodes, readExpected } from './expect.ts';
import type { Terminal } from './terminal.ts';

/** What a command line says of the nodes that are meant. */
export interface Meant {
  /** operands: nodes, and behind one of them perhaps a digest of its */
  readonly words: readonly string[];
  /** `--expect` */
  readonly expect?: string | undefined;
}

/** Which nodes are meant, and how many ought to be. */
export interface Targets {
  readonly targets: readonly Target[];
  readonly leftOut: readonly LeftOut[];
  /** How many there must be. */
  readonly expect?: number;
  /** Whether it is one node, named by one word: then it is looked at alone. */
  readonly isOne: boolean;
}

/**
 * The nodes that are meant, each once.
 * @throws usage for nothing, for a word that means several nodes, or a node and a digest; not_found
 */
export async function targetsOf(
  session: Session,
  terminal: Terminal,
  { words, expect }: Meant,
  purpose: 'decide' | 'approve',
): Promise<Targets> {
  const expected = expect === undefined ? undefined : await readExpected(expect);
  const list = typeof expected === 'object' ? expected : [];
  if (words.length === 0 && list.length === 0) {
    throw fail('usage', 'which node? Give its id, or its words');
  }
  const digests = new Map<NodeId, string>();
  const named: NodeId[] = [];
  for (const [i, word] of words.entries()) {
    const before = named.at(-1);
    const isDigest =
      before !== undefined &&
      /^[0-9a-f]{1,64}$/.test(word) &&
      !digests.has(before) &&
      (await isDigestOf(session, before, word, words.length === 2 && i === 1));
    if (isDigest) digests.set(before, word);
    else named.push(await findNode(session, word, purpose));
  }
  if (list.length > 0) {
    const { nodes, unknown } = expectedNodes(list, await knownNodes(session));
    named.push(...nodes);
    if (unknown.length > 0) {
      terminal.warn(
        `${count(unknown.length, 'node')} of the list ${unknown.length === 1 ? 'is' : 'are'} not there yet: ${unknown.join(', ')}`,
      );
    }
  }
  const nodes = [...new Set(named)];
  const targets = nodes.map((node) => ({
    ...{ node, named: purpose === 'approve' },
    ...(digests.has(node) && { digest: digests.get(node)! }),
  }));
  return {
    ...{ targets, leftOut: [], isOne: nodes.length === 1 && list.length === 0 },
    ...(typeof expected === 'number' && { expect: expected }),
  };
}

/**
 * Whether a word behind a node is a digest of a bundle of it, or its beginning.
 * @param isLast there is nothing else that it could be, if it is no node
 * @throws usage where it is a node as well
 */
async function isDigestOf(
  session: Session,
  node: NodeId,
  word: string,
  isLast: boolean,
): Promise<boolean> {
  if (word.length === 64) return true;
  const { pending, history } = await lookAt(session, node);
  const digests = [...pending.map(({ digest }) => digest), ...decidedDigests(history).keys()];
  const isDigest = digests.some((digest) => digest.startsWith(word));
  const other = await nodeNamed(session, word);
  if (isDigest && other !== undefined) {
    throw fail(
      'usage',
      `${word} is the beginning of a digest of ${node}, and names node ${other} too: give more of it`,
    );
  }
  return isDigest || (isLast && other === undefined);
}

async function nodeNamed(session: Session, word: string): Promise<string | undefined> {
  try {
    return await findNode(session, word);
  } catch (error) {
    if (hasCode(error, 'not_found')) return undefined;
    throw error;
  }
}
