import type { NodeId } from '../../bundle/identity.ts';
import { hasCode } from '../../protocol/errors.ts';
import { createHistoryReader, MAX_ENTRY_BYTES } from '../../protocol/history.ts';
import type { HistoryObject } from '../../protocol/history.ts';
import { historyKey, parseKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { count } from '../../protocol/count.ts';
import { DOCTOR } from './probe.ts';
import type { Finding } from './probe.ts';

const NOT_OURS =
  'it changes no decision and cannot be removed with our credentials; find out who else can write the bucket';

/** Reads every record, one node and one entry after another, and names what does not verify. */
export async function probeRecords(store: ObjectStore, site: Site): Promise<Finding[]> {
  const nodes = new Map<NodeId, number[]>();
  const bad: string[] = [];
  for await (const { key } of listAll(store, 'history/')) {
    const parsed = parseKey(key);
    if (parsed?.prefix !== 'history' || parsed.node === DOCTOR) {
      bad.push(key);
      continue;
    }
    const slots = nodes.get(parsed.node);
    if (slots === undefined) nodes.set(parsed.node, [parsed.slot]);
    else slots.push(parsed.slot);
  }
  const foreign = bad.splice(0);
  let entries = 0;
  let forgotten = 0;
  for (const [node, slots] of nodes) {
    // A node that approves for itself makes its record as long as it likes: no bundle of it is kept.
    const reader = createHistoryReader(slots, site, node, () => false);
    for (const slot of slots) reader.add(await read(store, historyKey(node, slot), slot));
    const history = reader.end();
    entries += history.entries.length;
    if (history.entries.some((entry) => entry.forgotten)) forgotten++;
    bad.push(...history.junk.map((junk) => `${node} slot ${junk.slot} (${junk.code})`));
  }
  bad.push(...foreign);
  const probe = 'everything in history/ verifies';
  if (bad.length > 0) return [{ probe, status: 'warn', found: bad.join(', '), advice: NOT_OURS }];
  return [
    {
      ...{ probe, status: 'ok' },
      found: `${count(entries, 'decision')}, ${count(nodes.size, 'node')}${forgotten > 0 ? `, ${forgotten} of them forgotten` : ''}`,
    },
  ];
}

async function read(store: ObjectStore, key: ObjectKey, slot: number): Promise<HistoryObject> {
  try {
    const object = await store.get(key, { maxBytes: MAX_ENTRY_BYTES });
    return object === undefined ? { slot } : { slot, bytes: object.body };
  } catch (error) {
    if (hasCode(error, 'too_large')) return { slot };
    throw error;
  }
}
