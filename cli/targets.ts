import { knownNodes, lookAt } from '../admin/find.ts';
import { isFilter } from '../admin/filter.ts';
import { createFleetReader } from '../admin/fleet.ts';
import type { LeftOut, Target } from '../admin/many.ts';
import {
  claimingNodes,
  findNode,
  findNodeIfAny,
  isFirst,
  listed,
  selectNodes,
} from '../admin/select.ts';
import type { Purpose } from '../admin/select.ts';
import type { Session } from '../admin/session.ts';
import type { StatusView } from '../admin/views/status.ts';
import type { NodeId } from '../bundle/index.ts';
import { count } from '../protocol/count.ts';
import { fail } from '../protocol/errors.ts';
import { escapeLine } from '../protocol/escape.ts';
import { decidedDigests } from '../protocol/history.ts';
import { isNodeId } from '../protocol/keys.ts';
import { expectedNodes, readExpected } from './expect.ts';
import type { Terminal } from './terminal.ts';

/** What a command line says of the nodes that are meant. */
export interface Meant {
  /** operands: what `selectNodes` takes, and behind a node perhaps a digest of its */
  readonly words: readonly string[];
  /** `--where` */
  readonly where?: string | undefined;
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
 * @throws as `selectNodes`; usage also for a word that means a node and a digest
 */
export async function targetsOf(
  session: Session,
  terminal: Terminal,
  { words, where, expect }: Meant,
  purpose: 'decide' | 'approve',
): Promise<Targets> {
  const expected = expect === undefined ? undefined : await readExpected(expect);
  const list = typeof expected === 'object' ? expected : [];
  if (words.length === 0 && where === undefined && list.length === 0) {
    throw fail('usage', 'which node? Give its id, its words, its name in force, or --where');
  }
  const digests = new Map<NodeId, string>();
  const names: string[] = [];
  for (const [i, word] of words.entries()) {
    const before = names.at(-1);
    if (before !== undefined && !isMany(before) && isDigestBeginning(word)) {
      const node = await findNode(session, before, purpose);
      const isLast = words.length === 2 && i === 1;
      if (!digests.has(node) && (await isDigestOf(session, node, word, purpose, isLast))) {
        digests.set(node, word);
        continue;
      }
    }
    names.push(word);
  }
  if (list.length > 0) {
    const { nodes, unknown } = expectedNodes(list, await knownNodes(session));
    names.push(...nodes);
    if (unknown.length > 0) {
      terminal.warn(
        `${count(unknown.length, 'node')} of the list ${unknown.length === 1 ? 'is' : 'are'} not there yet: ${unknown.join(', ')}`,
      );
    }
  }
  const isOne = words.length > 0 && names.length === 1 && where === undefined && !isMany(names[0]!);
  // A list that names nobody who is there must not leave all to a filter.
  const isNobody = list.length > 0 && names.length === 0;
  const { targets, leftOut } = isNobody
    ? { targets: [], leftOut: [] }
    : isOne
      ? {
          targets: [{ node: await findNode(session, names[0]!, purpose), named: true }],
          leftOut: [],
        }
      : await select(session, terminal, names, where, purpose);
  return {
    targets: targets.map((target) => {
      const digest = digests.get(target.node);
      return { ...target, ...(digest !== undefined && { digest }) };
    }),
    ...{ leftOut, isOne: isOne && list.length === 0 },
    ...(typeof expected === 'number' && { expect: expected }),
  };
}

/** Eight digits or more: a machine may well be named `b`, `cafe` or `db01`, and digests begin with anything. */
const isDigestBeginning = (word: string): boolean => /^[0-9a-f]{8,64}$/.test(word);

/** Whether a word may mean several nodes. */
const isMany = (word: string): boolean => /[*?]/.test(word) || isFilter(word);

async function select(
  session: Session,
  terminal: Terminal,
  names: readonly string[],
  where: string | undefined,
  purpose: 'decide' | 'approve',
): Promise<Pick<Targets, 'targets' | 'leftOut'>> {
  if (where === undefined && names.every(isNodeId)) {
    const nodes = [...new Set(names)];
    return { targets: nodes.map((node) => ({ node, named: true })), leftOut: [] };
  }
  const all = await terminal.waiting('looking at the nodes', () =>
    createFleetReader(session).look({
      withoutReports: where === undefined && !names.some(isFilter),
    }),
  );
  const wanted = { nodes: names, where };
  const { views, leftOut } = selectNodes(all, wanted, purpose, session.client.now());
  if (views.length + leftOut.length === 0) {
    const claiming = claimingNodes(all, wanted, session.client.now());
    if (claiming.length > 0) terminal.warn(onlyClaimed(claiming));
  }
  return {
    targets: views.map((view) => ({ node: view.node, named: isFirst(view) })),
    leftOut: leftOut.map(({ node }) => ({ node, why: { code: 'first' } })),
  };
}

const onlyClaimed = (views: readonly StatusView[]): string =>
  `no node that was given has that name in force (name=). It is only claimed (claim=), which chooses nothing, by ${escapeLine(listed(views))}: name a node by its id or its words, without that filter`;

/**
 * Whether a word behind a node is a digest of a bundle of it, or its beginning.
 * @param isLast there is nothing else that it could be, if it is no node
 * @throws usage where it is a node as well
 */
async function isDigestOf(
  session: Session,
  node: NodeId,
  word: string,
  purpose: Purpose,
  isLast: boolean,
): Promise<boolean> {
  if (word.length === 64) return true;
  const { pending, history } = await lookAt(session, node);
  const digests = [...pending.map(({ digest }) => digest), ...decidedDigests(history).keys()];
  const isDigest = digests.some((digest) => digest.startsWith(word));
  // By what names a node for this purpose: a claimed name, which anybody may choose, hides no digest.
  const other = await findNodeIfAny(session, word, purpose);
  if (isDigest && other !== undefined) {
    throw fail(
      'usage',
      `${word} is the beginning of a digest of ${node}, and names node ${other} too: give more of it`,
    );
  }
  return isDigest || (isLast && other === undefined);
}
