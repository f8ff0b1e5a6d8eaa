import type { NodeId } from '../bundle/index.ts';
import { createHistoryReader, MAX_ENTRY_BYTES } from '../protocol/history.ts';
import { waiting } from './find.ts';
import type { Standing, Waiting } from './find.ts';
import type { ReadObject } from './objects.ts';
import { slotOf } from './record.ts';
import type { Session } from './session.ts';

/** One listing of the whole history is less than as many listings of one node each. */
const NODES_PER_LISTING = 20;

/**
 * How many nodes stand, each read now, in the order that they are given in, and with what waits for them
 * read already. What waits is listed first, as in `lookAt`. The requests: one for 100 proposals and one
 * for 1,000 decisions to list, where the nodes are many, or else one of each a node; one for 100 objects
 * to read, and one GET for each, 8 at a time. One node is in memory at a time, and what waits of the next.
 * @param nodes each once
 * @throws as `Session.history`
 */
export async function* lookAtMany(
  session: Session,
  nodes: readonly NodeId[],
): AsyncGenerator<Standing> {
  const pending = new Map<NodeId, Waiting[]>(nodes.map((node) => [node, []]));
  const slots = new Map<NodeId, Map<string, number>>(nodes.map((node) => [node, new Map()]));
  const listed = nodes.length > NODES_PER_LISTING ? [undefined] : nodes;
  for (const node of listed) {
    for (const one of await waiting(session, node)) pending.get(one.node)?.push(one);
  }
  for (const node of listed) {
    for await (const { key, parsed } of session.list('history', node)) {
      if (parsed.prefix === 'history') slots.get(parsed.node)?.set(key, parsed.slot);
    }
  }
  const keys = nodes.flatMap((node) => [
    ...[...slots.get(node)!.entries()].sort(([, a], [, b]) => a - b).map(([key]) => key),
    ...pending.get(node)!.map(({ key }) => key),
  ]);
  const objects = session.readEach(keys, MAX_ENTRY_BYTES, (object) => object, { keepsBody: true });
  for (const node of nodes) {
    const own = slots.get(node)!;
    const reader = createHistoryReader(own.values(), session.site, node, () => false);
    for (let read = 0; read < own.size; read++) {
      const object = await nextOf(objects);
      reader.add(slotOf(object, own.get(object.key)!));
    }
    const waits: Waiting[] = [];
    for (const one of pending.get(node)!) waits.push({ ...one, object: await nextOf(objects) });
    yield { node, pending: waits, history: await session.accept(node, reader.end()) };
  }
}

/** @param objects one for each key, so that there is a next one */
async function nextOf(objects: AsyncGenerator<ReadObject>): Promise<ReadObject> {
  return (await objects.next()).value as ReadObject;
}
