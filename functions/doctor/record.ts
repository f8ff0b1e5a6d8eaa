import type { NodeId } from '../../bundle/identity.ts';
import { hasCode } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES, readHistory } from '../../protocol/history.ts';
import type { HistoryObject } from '../../protocol/history.ts';
import { parseKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { count } from '../../protocol/count.ts';
import { DOCTOR } from './probe.ts';
import type { Finding } from './probe.ts';

const NOT_OURS =
  'it changes no decision and cannot be removed with our credentials; find out who else can write the bucket';

/** Reads every record, and names what is in `history/` and does not verify. */
export async function probeRecords(store: ObjectStore, site: Site): Promise<Finding[]> {
  const nodes = new Map<NodeId, HistoryObject[]>();
  const foreign: string[] = [];
  for await (const { key } of listAll(store, 'history/')) {
    const parsed = parseKey(key);
    if (parsed?.prefix !== 'history' || parsed.node === DOCTOR) {
      foreign.push(key);
      continue;
    }
    const objects = nodes.get(parsed.node) ?? [];
    objects.push(await read(store, key, parsed.slot));
    nodes.set(parsed.node, objects);
  }
  let entries = 0;
  const junk = [...nodes].flatMap(([node, objects]) => {
    const history = readHistory(objects, site, node);
    entries += history.entries.length;
    return history.junk.map(({ slot, code }) => `${node} slot ${slot} (${code})`);
  });
  const probe = 'everything in history/ verifies';
  const bad = [...junk, ...foreign];
  if (bad.length > 0) return [{ probe, status: 'warn', found: bad.join(', '), advice: NOT_OURS }];
  return [
    { probe, status: 'ok', found: `${count(entries, 'decision')}, ${count(nodes.size, 'node')}` },
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
