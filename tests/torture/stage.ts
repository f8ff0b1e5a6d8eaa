import type { NodeId } from '../../bundle/identity.ts';
import { MAX_ENTRY_BYTES } from '../../protocol/history.ts';
import { approvedKey, nodePrefix, parseKey } from '../../protocol/keys.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import type { StoreUnderTest } from '../contract/approval/world.ts';

/** An empty store for one generation. */
export interface Stage extends Pick<StoreUnderTest, 'store' | 'bucket'> {
  /** The way to a store that is elsewhere. */
  readonly wire?: {
    /** What is late arrives. */
    settle(): Promise<void>;
    /** From now on nothing goes wrong. */
    calm(): void;
  };
  readonly close?: () => Promise<void>;
}

/** The slots of a node's history, as they lie in the bucket. */
export async function readSlots(
  bucket: ObjectStore,
  node: NodeId,
): Promise<Map<number, Uint8Array>> {
  const slots = new Map<number, Uint8Array>();
  for await (const { key } of listAll(bucket, nodePrefix('history', node))) {
    const parsed = parseKey(key);
    const object = await bucket.get(key, { maxBytes: MAX_ENTRY_BYTES });
    if (parsed?.prefix === 'history' && object !== undefined) slots.set(parsed.slot, object.body);
  }
  return slots;
}

/** Everything of one node. */
export async function readObjects(
  bucket: ObjectStore,
  node: NodeId,
): Promise<Map<string, Uint8Array>> {
  const objects = new Map<string, Uint8Array>();
  const prefixes = ['pending', 'history', 'rejected'] as const;
  for (const prefix of [...prefixes.map((name) => nodePrefix(name, node)), approvedKey(node)]) {
    for await (const { key } of listAll(bucket, prefix)) {
      const object = await bucket.get(key, { maxBytes: MAX_ENTRY_BYTES });
      if (object !== undefined) objects.set(key, object.body);
    }
  }
  return objects;
}
