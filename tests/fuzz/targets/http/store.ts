import { approvedKey } from '../../../../protocol/keys.ts';
import type { ObjectKey } from '../../../../protocol/keys.ts';
import { createMemoryStore } from '../../../../store/memory.ts';
import { listAll } from '../../../../store/port.ts';
import type { ObjectStore } from '../../../../store/port.ts';
import { makeWorld } from '../../../server/http-world.ts';
import { demand } from '../../engine/verdict.ts';

/** A site and its nodes: one with a decision, one whose proposal waits, and a new one. */
export const world = await makeWorld();

/** More than any object here has. */
const ANY = { maxBytes: 2 ** 20 };

/** Everything in the store at the beginning. */
export const objects: readonly { key: ObjectKey; body: Uint8Array }[] = await (async () => {
  const found = [];
  for await (const { key } of listAll(world.store, '')) {
    found.push({ key, body: (await world.store.get(key, ANY))!.body });
  }
  return found;
})();

/** What is shown to the node that has a decision. */
export const shown = objects.find(({ key }) => key === approvedKey(world.known.id))!.body;
/** The proposal that waits. */
export const proposal = objects.find(({ key }) => key.startsWith('pending/'))!.body;

let memory = createMemoryStore();
/** Keys written, or deleted, since {@link restore}. */
export const changed = new Set<ObjectKey>();

/** The store that the server works on: nothing in `history/` may be replaced, or anything but a proposal deleted. */
export const store: ObjectStore = {
  create: (key, body) => (changed.add(key), memory.create(key, body)),
  replace: (key, body, etag) => {
    demand(!key.startsWith('history/'), `${key} is replaced`);
    changed.add(key);
    return memory.replace(key, body, etag);
  },
  delete: (key) => {
    demand(key.startsWith('pending/'), `${key} is deleted`);
    changed.add(key);
    return memory.delete(key);
  },
  get: (key, options) => memory.get(key, options),
  head: (key) => memory.head(key),
  list: (prefix, options) => memory.list(prefix, options),
};

/** What is at a key that was written. */
export async function stored(key: ObjectKey): Promise<Uint8Array | undefined> {
  return (await memory.get(key, ANY))?.body;
}

/** Puts back what was there at the beginning. */
export async function restore(): Promise<void> {
  memory = createMemoryStore();
  for (const { key, body } of objects) await memory.create(key, body);
  changed.clear();
}
