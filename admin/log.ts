import { isNodeId } from '../protocol/keys.ts';
import type { NodeId } from '../bundle/index.ts';
import { createHistoryReader } from '../protocol/history.ts';
import type { History, HistoryObject } from '../protocol/history.ts';
import type { Site } from '../protocol/site.ts';
import { doubt } from './doubt.ts';
import type { Doubt, RecordDoubt } from './doubt.ts';
import { lookAtMany } from './look-at-many.ts';
import type { Memory } from './memory.ts';
import { headOf } from './record.ts';
import type { Session } from './session.ts';
import { historyView } from './views/statement.ts';
import type { HistoryView } from './views/statement.ts';

/** One decision among those about all nodes. */
export type LogEntry = HistoryView['entries'][number];

/** Who decided what, about many nodes. */
export interface LogView {
  /** by the time that whoever signed it said, then by node and slot */
  readonly entries: readonly LogEntry[];
  /** what holds no decision, and why */
  readonly junk: readonly (HistoryView['junk'][number] & { readonly node: NodeId })[];
  /** nodes whose record begins with a later decision than the first */
  readonly begins: readonly NodeId[];
}

/** The decisions of many records, in one order. */
export function logView(records: readonly HistoryView[]): LogView {
  const all = records.flatMap(({ entries }) => entries);
  return {
    entries: all.sort(
      (a, b) =>
        a.issued - b.issued || (a.node < b.node ? -1 : a.node > b.node ? 1 : a.slot - b.slot),
    ),
    junk: records.flatMap(({ node, junk }) => junk.map((one) => ({ node, ...one }))),
    begins: records.filter(({ isWhole }) => !isWhole).map(({ node }) => node),
  };
}

/** The records of nodes, each read now and verified. @throws what reading throws */
export async function readRecords(
  session: Session,
  nodes: readonly NodeId[],
): Promise<HistoryView[]> {
  const records: HistoryView[] = [];
  for await (const { node, history } of lookAtMany(session, nodes)) {
    records.push(historyView(node, history, session.client.now()));
  }
  return records;
}

/** A copy of the bucket: what is in `history/`, by node. */
export interface CopiedHistory {
  /** node ids, or whatever stands in their place */
  readonly nodes: readonly string[];
  /** Every slot of a node, ascending, with its number. */
  objectsOf(node: string): Promise<readonly HistoryObject[]>;
}

/**
 * The records in a copy of the bucket, verified as any other: it needs no server, no store and no key. Whether the
 * copy has all there is nobody can tell, but for what this program remembers.
 * @param now unix seconds
 * @returns the records, and what contradicts the memory
 */
export async function copiedRecords(
  copy: CopiedHistory,
  site: Site,
  memory: Pick<Memory, 'nodes'>,
  wanted: (node: NodeId) => boolean,
  now: number,
): Promise<{ readonly records: readonly HistoryView[]; readonly doubts: readonly Doubt[] }> {
  const read = new Map<NodeId, History>();
  for (const node of copy.nodes) {
    if (!isNodeId(node) || !wanted(node)) continue;
    const objects = await copy.objectsOf(node);
    const slots = objects.map(({ slot }) => slot);
    const reader = createHistoryReader(slots, site, node, () => false);
    for (const object of objects) reader.add(object);
    read.set(node, reader.end());
  }
  return {
    records: [...read].map(([node, history]) => historyView(node, history, now)),
    doubts: doubtsOf(memory, read, wanted),
  };
}

/** What of records contradicts the memory of who reads them. */
export function doubtsOf(
  memory: Pick<Memory, 'nodes'>,
  records: ReadonlyMap<NodeId, History>,
  wanted: (node: NodeId) => boolean,
): (RecordDoubt & { readonly node: NodeId })[] {
  return [...memory.nodes].flatMap(([node, seen]) => {
    if (!wanted(node)) return [];
    const record = records.get(node);
    const said = doubt(seen, record && headOf(record));
    return said === undefined ? [] : [{ ...said, node }];
  });
}
