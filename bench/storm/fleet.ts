import { randomBytes } from '../../bundle/platform/node.ts';
import { bundleDigest } from '../../bundle/header.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import type { Identity } from '../../bundle/identity.ts';
import { encodeFrame } from '../../bundle/frame.ts';
import { sealBundle } from '../../bundle/seal.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { inBatches } from '../../store/batches.ts';
import type { ObjectStore } from '../../store/port.ts';
import { makeSite, makeStatement, sign } from '../../tests/support/site.ts';
import { ADMIN, manifestOf, NODE, RECIPIENTS } from '../fixtures.ts';

/** The site of all storms. */
export const SITE = makeSite({ name: 'bench', admins: [ADMIN] }).site;
export const KEYSET = SITE.pinned.keyset;

/** A node, and the approval in force for it: about 8 KiB, as stored in `approved/` and `history/`. */
export interface FleetNode {
  readonly identity: Identity;
  readonly entry: Uint8Array;
}

/** Random, so that it stays this large when compressed. */
const CONTENT_BYTES = 7600;

/**
 * Nodes with new keys, each with an entry that verifies. All entries carry the same bundle, since
 * sealing one takes longer than everything else; the statement, and so the object, is each node's own.
 */
export function makeFleet(size: number): FleetNode[] {
  const bundle = sealBundle({
    manifest: manifestOf([
      {
        ...{ path: 'etc/bench.key', mode: 0o600, owner: 'root', uid: 0, group: 'root', gid: 0 },
        content: randomBytes(CONTENT_BYTES),
      },
    ]),
    signer: NODE,
    kind: 'node',
    recipients: RECIPIENTS,
  });
  const digest = bundleDigest(bundle);
  return Array.from({ length: size }, () => {
    const identity = deriveIdentity(randomBytes(32));
    const statement = makeStatement(KEYSET, identity.id, 'approve', undefined, { digest });
    const signed = sign(statement, KEYSET, ADMIN);
    const entry = encodeFrame({ chain: [SITE.pinned], statement: signed, bundle });
    return { identity, entry };
  });
}

/** Stores each node's entry at the keys that `keysOf` names. */
export async function fill(
  store: Pick<ObjectStore, 'create'>,
  fleet: readonly FleetNode[],
  keysOf: (identity: Identity) => readonly ObjectKey[],
): Promise<void> {
  await inBatches(fleet, async ({ identity, entry }) => {
    for (const key of keysOf(identity)) await store.create(key, entry);
  });
}
