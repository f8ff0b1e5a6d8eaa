import { equalBytes, fromHex, toHex } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { readBundle } from '../../bundle/header.ts';
import { fail } from '../../protocol/errors.ts';
import { decidedDigests } from '../../protocol/history.ts';
import { pendingKey } from '../../protocol/keys.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { bundlesUnderWay } from './cosigned.ts';
import { readWithin } from './objects.ts';
import type { NodeRecord } from './publish.ts';
import { readNode } from './record.ts';

/**
 * Takes a proposal back that waits: for whoever made it, where the decision that it was made for was
 * refused, so that it does not wait for ever and keep the node from proposing. A decision that is under
 * way meanwhile loses nothing: it has read the proposal, or is refused as not found.
 *
 * @param signKey of the administrator who asks
 * @returns whether it was there
 * @throws bad_signer unless that key signed the proposal; cosigned if somebody has signed a decision about
 *   it that lacks signatures; already_decided if an entry names it; any code of the store
 */
export async function withdraw(
  record: NodeRecord,
  digest: DigestHex,
  signKey: Uint8Array,
): Promise<boolean> {
  const { store, site, node } = record;
  const key = pendingKey(node, digest);
  const there = await readWithin(store, key, site.maxBundleBytes);
  if (there !== undefined && !isSignedBy(there.bytes, digest, signKey)) {
    throw fail('bad_signer', 'this proposal is not yours: reject it, if it is to go');
  }
  const underWay = await bundlesUnderWay(record);
  if (underWay.some((one) => equalBytes(one, fromHex(digest)))) {
    throw fail('cosigned', 'a decision about this proposal is signed, and lacks signatures');
  }
  const entry = decidedDigests(await readNode(store, site, node)).get(digest);
  if (entry !== undefined) {
    const { type, seq } = entry.frame.statement;
    throw fail('already_decided', `this proposal is decided: ${type}, seq ${seq}`, {
      details: { type, seq, slot: entry.slot },
    });
  }
  if (there === undefined) return false;
  await store.delete(key);
  return true;
}

function isSignedBy(
  bytes: Uint8Array | undefined,
  digest: DigestHex,
  signKey: Uint8Array,
): boolean {
  if (bytes === undefined) return false;
  try {
    const bundle = readBundle(bytes, { maxBytes: bytes.length, expect: 'proposal' });
    return (
      bundle.kind === 'admin' &&
      toHex(bundle.digest) === digest &&
      equalBytes(bundle.signer, signKey)
    );
  } catch (error) {
    if (error instanceof CoatcheckError) return false;
    throw error;
  }
}
