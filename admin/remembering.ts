import type { NodeId, SignedKeyset } from '../bundle/index.ts';
import type { Memory, MemoryPort, Seen } from './memory.ts';

/** What a session has seen of nodes, with what was kept before. */
export interface Remembering {
  /** The newest decision about the node that this program has seen. */
  seen(node: NodeId): Seen | undefined;
  /** Of every node that this program has seen a decision about. */
  readonly remembered: ReadonlyMap<NodeId, Seen>;
  /** Has it remembered that this decision was seen. Resolves when it is kept. */
  remember(node: NodeId, seen: Seen): Promise<void>;
}

/**
 * What is seen goes to the port in one call at a time: what many decisions at once have seen
 * meanwhile waits, and goes together.
 */
export function createRemembering(
  port: MemoryPort,
  initial: Memory,
  chain: readonly SignedKeyset[],
): Remembering {
  const nodes = new Map(initial.nodes);
  let news = new Map<NodeId, Seen>();
  let under: Promise<void> = Promise.resolve();
  let following: Promise<void> | undefined;

  async function add(): Promise<void> {
    following = undefined;
    const added = news;
    news = new Map();
    await port.add({ chain, nodes: added });
  }

  return {
    seen: (node) => nodes.get(node),
    remembered: nodes,
    remember: async (node, seen) => {
      const known = nodes.get(node);
      if (known !== undefined && known.seq >= seen.seq) return;
      nodes.set(node, seen);
      news.set(node, seen);
      // One that failed told those who waited for it, and is no reason not to try the next.
      following ??= under = under.catch(() => undefined).then(add);
      await following;
    },
  };
}
