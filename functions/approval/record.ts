import { equalBytes } from '../../bundle/bytes.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { encodeSignedKeyset, MAX_KEYSET_BYTES } from '../../bundle/keyset.ts';
import type { SignedKeyset } from '../../bundle/keyset.ts';
import { fail } from '../../protocol/errors.ts';
import { createHistoryReader, MAX_ENTRY_BYTES } from '../../protocol/history.ts';
import type { History, HistoryObject } from '../../protocol/history.ts';
import { keysetKey, nodePrefix, parseKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { putForward, readWithin } from './objects.ts';

type Reader = Pick<ObjectStore, 'list' | 'get' | 'head'>;

const PARALLEL_READS = 8;

/**
 * The record of one node, from one listing of its slots. Every slot listed is read: one that cannot
 * be is an error, never "does not verify", because a decision built on a record with a hole in it
 * could be the second one at its place.
 *
 * @param keeps the slots whose bundles are wanted, besides that in force: `createHistoryReader`
 * @throws any code of a read; store_unavailable for an entry that vanished meanwhile
 */
export async function readNode(
  store: Reader,
  site: Site,
  node: NodeId,
  keeps: (slot: number) => boolean = () => false,
): Promise<History> {
  const listed = await listSlots(store, node);
  const slots = listed.map(({ slot }) => slot);
  const reader = createHistoryReader(slots, site, node, keeps);
  for (let i = 0; i < listed.length; i += PARALLEL_READS) {
    const batch = listed.slice(i, i + PARALLEL_READS);
    const objects = await Promise.all(batch.map((slot) => readSlot(store, slot)));
    for (const object of objects) reader.add(object);
  }
  return reader.end();
}

interface Slot {
  readonly key: ObjectKey;
  readonly slot: number;
}

/**
 * The slots of one moment, ascending. A listing may show what is created while it runs and miss what
 * was created before that: a later decision without the first one, which would then begin the record.
 * So a listing with a gap is made again until two are the same (docs/adr/0080).
 */
async function listSlots(store: Reader, node: NodeId): Promise<Slot[]> {
  let before: Slot[] | undefined;
  for (;;) {
    const listed = await listOnce(store, node);
    const isGapless = listed.every(({ slot }, i) => slot === i + 1);
    if (isGapless || (before !== undefined && haveSameSlots(before, listed))) return listed;
    before = listed;
  }
}

async function listOnce(store: Reader, node: NodeId): Promise<Slot[]> {
  const listed: Slot[] = [];
  for await (const { key } of listAll(store, nodePrefix('history', node))) {
    const parsed = parseKey(key);
    if (parsed?.prefix === 'history') listed.push({ key, slot: parsed.slot });
  }
  return listed;
}

function haveSameSlots(a: readonly Slot[], b: readonly Slot[]): boolean {
  return a.length === b.length && a.every(({ slot }, i) => slot === b[i]!.slot);
}

async function readSlot(store: Reader, { key, slot }: Slot): Promise<HistoryObject> {
  const there = await readWithin(store, key, MAX_ENTRY_BYTES);
  if (there === undefined) {
    throw fail('store_unavailable', `${key} vanished while the history was read: try again`, {
      details: { key },
    });
  }
  return { slot, ...(there.bytes !== undefined && { bytes: there.bytes }) };
}

/** Creates `keysets/<version>` if it is missing, and replaces what is not this keyset. */
export async function putBackKeyset(
  store: ObjectStore,
  keyset: SignedKeyset,
  onWritten?: (key: ObjectKey) => void,
): Promise<void> {
  const key = keysetKey(keyset.keyset.version);
  const body = encodeSignedKeyset(keyset);
  const keeps = (bytes: Uint8Array): boolean => equalBytes(bytes, body);
  if (await putForward(store, key, body, MAX_KEYSET_BYTES, keeps)) onWritten?.(key);
}
