import * as v from 'valibot';
import {
  decodeChain,
  encodeChain,
  fromBase64Url,
  toBase64Url,
  toHex,
  verifyChain,
} from '../bundle/index.ts';
import type { NodeId, SignedKeyset } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { parseNodeId } from '../protocol/keys.ts';
import type { Site } from '../protocol/site.ts';

/** The newest decision that this administrator's program has seen for a node. */
export interface Seen {
  readonly seq: number;
  /** of its entry: a listing that has none so high shows less */
  readonly slot: number;
  /** statement digest, 64 hex digits */
  readonly digest: string;
}

/**
 * What the program has seen in the store, so that a restored backup or a cut log is noticed. It is
 * only ever added to. Losing it loses that warning and nothing else.
 */
export interface Memory {
  /** to the newest seen, through the pinned one */
  readonly chain: readonly SignedKeyset[];
  readonly nodes: ReadonlyMap<NodeId, Seen>;
}

/** Where a memory is kept: a file, a database of a browser. What it throws ends what was asked for. */
export interface MemoryPort {
  /** All of it; {@link emptyMemory} where nothing was kept yet. */
  load(): Promise<Memory>;
  /**
   * Adds what is new, by {@link mergeMemories}, so that nothing that somebody else adds meanwhile is
   * lost. Called by a session one at a time.
   */
  add(news: Memory): Promise<void>;
}

/** What is known of a site before anything was seen: the keyset that it pins. */
export const emptyMemory = (site: Pick<Site, 'pinned'>): Memory => ({
  chain: [site.pinned],
  nodes: new Map(),
});

/** The larger of two memories, node by node. */
export function mergeMemories(a: Memory, b: Memory): Memory {
  const nodes = new Map(a.nodes);
  for (const [id, seen] of b.nodes) {
    const known = nodes.get(id);
    if (known === undefined || seen.seq > known.seq) nodes.set(id, seen);
  }
  const newest = (memory: Memory): number => memory.chain.at(-1)?.keyset.version ?? 0;
  return { chain: newest(b) > newest(a) ? b.chain : a.chain, nodes };
}

const MemoryText = v.strictObject({
  coatcheck: v.literal('memory/1'),
  site: v.string(),
  chain: v.string(),
  nodes: v.record(
    v.pipe(v.string(), v.regex(/^[a-z2-7]{32}$/)),
    v.strictObject({
      seq: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
      slot: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
      digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    }),
  ),
});

/** A memory as JSON, ending in a line feed: {@link parseMemory} gives it back. */
export function formatMemory({ chain, nodes }: Memory, site: Pick<Site, 'id'>): string {
  const text: v.InferInput<typeof MemoryText> = {
    coatcheck: 'memory/1',
    site: toHex(site.id),
    chain: toBase64Url(encodeChain(chain)),
    nodes: Object.fromEntries([...nodes].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  return `${JSON.stringify(text, undefined, 2)}\n`;
}

/** @throws file_malformed, also for the memory of another site or a chain that does not verify */
export function parseMemory(text: string, site: Pick<Site, 'id' | 'pinned'>): Memory {
  try {
    const memory = v.parse(MemoryText, JSON.parse(text));
    if (memory.site !== toHex(site.id)) throw new Error('it belongs to another site');
    const chain = keysetsSeen(decodeChain(fromBase64Url(memory.chain)), site);
    const nodes = Object.entries(memory.nodes).map(
      ([id, seen]) => [parseNodeId(id), seen] as const,
    );
    return { chain, nodes: new Map(nodes) };
  } catch (cause) {
    throw fail('file_malformed', cause instanceof Error ? cause.message : 'unknown reason', {
      cause,
    });
  }
}

/** A site that pins a later keyset than any seen has the last word. */
function keysetsSeen(
  chain: readonly SignedKeyset[],
  { pinned }: Pick<Site, 'pinned'>,
): readonly SignedKeyset[] {
  if (chain.at(-1)!.keyset.version < pinned.keyset.version) return [pinned];
  verifyChain(chain, pinned);
  return chain;
}
