import { equalBytes } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import type { Keyset } from '../../bundle/keyset.ts';
import type { SignedStatement } from '../../bundle/statement.ts';
import {
  decodeCosignature,
  isUnderWay,
  MAX_COSIGNATURE_BYTES,
} from '../../protocol/cosignature.ts';
import type { History, HistoryEntry } from '../../protocol/history.ts';
import { nodePrefix, parseKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { keysetsOf } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import { currentChain, storeKeysets } from '../keysets.ts';
import { readWithin } from './objects.ts';
import type { NodeRecord } from './publish.ts';
import { readNode } from './record.ts';

/** An object below `cosign/<node>/`. */
export interface Cosigned {
  readonly key: ObjectKey;
  /** With one signature; absent for what is none. */
  readonly signed?: SignedStatement;
}

type Reading = Pick<NodeRecord, 'site' | 'node'> & {
  readonly store: Pick<NodeRecord['store'], 'list' | 'get' | 'head'>;
};

/**
 * The signatures that lie there on decisions about a node. To be read before the history: of what follows
 * no entry then, none will ever follow it.
 * @throws any code of the store
 */
export async function readCosigned({ store, site, node }: Reading): Promise<Cosigned[]> {
  const found: Cosigned[] = [];
  for await (const { key } of listAll(store, nodePrefix('cosign', node))) {
    const there = await readWithin(store, key, MAX_COSIGNATURE_BYTES);
    if (there === undefined) continue;
    const signed = there.bytes && decoded(there.bytes, key, site);
    found.push({ key, ...(signed && { signed }) });
  }
  return found;
}

function decoded(
  bytes: Uint8Array,
  key: ObjectKey,
  site: Reading['site'],
): SignedStatement | undefined {
  const at = parseKey(key);
  if (at?.prefix !== 'cosign') return undefined;
  try {
    return decodeCosignature(bytes, at, site);
  } catch (error) {
    if (error instanceof CoatcheckError) return undefined;
    throw error;
  }
}

/** Which of them are good for something, and which for nothing any more. */
export function sortCosigned(
  all: readonly Cosigned[],
  { head }: Pick<History, 'head'>,
  keyset: Keyset,
): { readonly underWay: readonly Required<Cosigned>[]; readonly overtaken: readonly Cosigned[] } {
  const isGood = (one: Cosigned): one is Required<Cosigned> =>
    one.signed !== undefined && isUnderWay(one.signed, head?.frame, keyset);
  return { underWay: all.filter(isGood), overtaken: all.filter((one) => !isGood(one)) };
}

/**
 * Of what waits for a node, the bundles about which somebody has signed a decision that lacks signatures:
 * 64 hex digits each.
 * @throws any code of the store; does_not_verify as `currentChain`
 */
export async function bundlesUnderWay(reading: Reading): Promise<readonly Uint8Array[]> {
  const all = await readCosigned(reading);
  if (all.length === 0) return [];
  const { store, site, node } = reading;
  const history = await readNode(store, site, node);
  const chain = await currentChain(storeKeysets(store), keysetsOf(site));
  const { underWay } = sortCosigned(all, history, chain.at(-1)!.keyset);
  return underWay.map(({ signed }) => signed.statement.digest);
}

/**
 * Takes away the signatures on what wanted to follow the same decision as this entry, its own too. One that
 * comes in this moment is left; a repair takes it away.
 * @throws any code of the store
 */
export async function removeOvertaken(
  record: NodeRecord,
  { frame: { chain, statement } }: HistoryEntry,
): Promise<void> {
  // Where one signature was always enough there are none.
  if (chain.every(({ keyset }) => keyset.threshold === 1)) return;
  for (const { key, signed } of await readCosigned(record)) {
    if (signed !== undefined && equalBytes(signed.statement.prev, statement.prev)) {
      await record.store.delete(key);
    }
  }
}
