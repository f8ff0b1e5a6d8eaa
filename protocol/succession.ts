import { ed25519Sign } from '#platform';
import { fromBase64Url, toBase64Url } from '../bundle/base64.ts';
import { concat, utf8 } from '../bundle/bytes.ts';
import { verifyStrict } from '../bundle/ed25519.ts';
import { nodeIdBytes, nodeIdOf } from '../bundle/identity.ts';
import type { Identity, NodeId } from '../bundle/identity.ts';

/** Bytes of each key of a machine. */
const KEY_BYTES = 32;

/** What the old key of a machine signs: that the new one is of the same machine, of this site. */
const succession = (site: Uint8Array, old: NodeId, node: NodeId): Uint8Array =>
  concat(utf8('coatcheck/v1 succeeds\0'), site, nodeIdBytes(old), nodeIdBytes(node));

/**
 * The metadata field `succeeds` of a machine that has another key since its site has another PCR key: the sign key and the
 * box key that it had and the signature by them, base64url of 128 bytes (docs/adr/0319).
 * @param site id, 16 bytes
 */
export const signSuccession = (site: Uint8Array, old: Identity, node: NodeId): string =>
  toBase64Url(
    concat(old.signKey, old.boxKey, ed25519Sign(old.signSecret, succession(site, old.id, node))),
  );

/** Which machine another says that it was. */
export interface Predecessor {
  readonly node: NodeId;
  /** That machine's key signed that, for this site and for no other successor */
  readonly isProven: boolean;
}

/**
 * Who a machine says that it was.
 * @param site id, 16 bytes
 * @param succeeds as the metadata of its bundle have it
 */
export function predecessorOf(site: Uint8Array, node: NodeId, succeeds: string): Predecessor {
  const bytes = fromBase64Url(succeeds);
  const signKey = bytes.subarray(0, KEY_BYTES);
  const old = nodeIdOf({ signKey, boxKey: bytes.subarray(KEY_BYTES, 2 * KEY_BYTES) });
  const signature = bytes.subarray(2 * KEY_BYTES);
  const isProven = old !== node && verifyStrict(signKey, succession(site, old, node), signature);
  return { node: old, isProven };
}
