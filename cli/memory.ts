import * as v from 'valibot';
import {
  decodeChain,
  encodeChain,
  fromBase64Url,
  fromUtf8,
  toBase64Url,
  toHex,
  utf8,
  verifyChain,
} from '../bundle/index.ts';
import type { NodeId, SignedKeyset } from '../bundle/index.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { parseNodeId } from '../protocol/keys.ts';
import type { Site } from '../protocol/site.ts';
import { readLocalFile, replaceFile } from './files.ts';
import { withLock } from './lock.ts';

/** The newest decision that this administrator's tool has seen for a node. */
export interface Seen {
  readonly seq: number;
  /** statement digest, 64 hex digits */
  readonly digest: string;
}

/**
 * What the tool has seen in the store, so that a restored backup or a cut log is noticed. It is
 * only ever added to. Losing the file loses that warning and nothing else.
 */
export interface Memory {
  /** to the newest seen, through the pinned one */
  readonly chain: readonly SignedKeyset[];
  readonly nodes: ReadonlyMap<NodeId, Seen>;
}

const MAX_MEMORY_BYTES = 64 * 1024 * 1024;

const MemoryFile = v.strictObject({
  coatcheck: v.literal('memory/1'),
  site: v.string(),
  chain: v.string(),
  nodes: v.record(
    v.pipe(v.string(), v.regex(/^[a-z2-7]{32}$/)),
    v.strictObject({
      seq: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
      digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    }),
  ),
});

/** @throws file_malformed, also for the memory of another site or a chain that does not verify */
export async function readMemory(path: string, site: Site): Promise<Memory> {
  let content: Uint8Array;
  try {
    content = await readLocalFile(path, { maxBytes: MAX_MEMORY_BYTES });
  } catch (error) {
    if (hasCode(error, 'file_missing')) return { chain: [site.pinned], nodes: new Map() };
    throw error;
  }
  try {
    const file = v.parse(MemoryFile, JSON.parse(fromUtf8(content)));
    if (file.site !== toHex(site.id)) throw new Error('it belongs to another site');
    const chain = keysetsSeen(decodeChain(fromBase64Url(file.chain)), site);
    const nodes = Object.entries(file.nodes).map(([id, seen]) => [parseNodeId(id), seen] as const);
    return { chain, nodes: new Map(nodes) };
  } catch (cause) {
    throw fail(
      'file_malformed',
      `${path} cannot be used (${cause instanceof Error ? cause.message : 'unknown reason'}): move it away to start without memory`,
      { cause },
    );
  }
}

/** A site file that pins a later keyset than any seen has the last word. */
function keysetsSeen(chain: readonly SignedKeyset[], { pinned }: Site): readonly SignedKeyset[] {
  if (chain.at(-1)!.keyset.version < pinned.keyset.version) return [pinned];
  verifyChain(chain, pinned);
  return chain;
}

/** The larger of two memories, node by node. */
function mergeMemories(a: Memory, b: Memory): Memory {
  const nodes = new Map(a.nodes);
  for (const [id, seen] of b.nodes) {
    const known = nodes.get(id);
    if (known === undefined || seen.seq > known.seq) nodes.set(id, seen);
  }
  const newest = (memory: Memory): number => memory.chain.at(-1)?.keyset.version ?? 0;
  return { chain: newest(b) > newest(a) ? b.chain : a.chain, nodes };
}

/** Adds to the file what is new in `memory`: nothing that another command adds meanwhile is lost. */
export async function writeMemory(path: string, site: Site, memory: Memory): Promise<void> {
  await withLock(path, async () => {
    const { chain, nodes } = mergeMemories(await readMemory(path, site), memory);
    const file: v.InferInput<typeof MemoryFile> = {
      coatcheck: 'memory/1',
      site: toHex(site.id),
      chain: toBase64Url(encodeChain(chain)),
      nodes: Object.fromEntries([...nodes].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
    await replaceFile(path, utf8(`${JSON.stringify(file, undefined, 2)}\n`), 0o600);
  });
}

/** What is wrong with the head that the store shows, in one sentence; undefined if nothing is. */
export function doubt(seen: Seen | undefined, head: Seen | undefined): string | undefined {
  if (seen === undefined) return undefined;
  if (head === undefined || head.seq < seen.seq) {
    return (
      `the store shows less than this tool has seen (seq ${head?.seq ?? 'none'} now, ${seen.seq} before): ` +
      'a backup was restored or its log was cut; find out which before you decide anything'
    );
  }
  if (head.seq === seen.seq && head.digest !== seen.digest) {
    return `the store shows another decision number ${seen.seq} than this tool has seen: somebody rewrote its log`;
  }
  return undefined;
}
