import {
  equalBytes,
  MAX_SEALED_BYTES,
  nodeIdOf,
  openBundle,
  readBundle,
  toHex,
} from '../bundle/index.ts';
import type { Keyset, Manifest, NodeId, SealedBundle } from '../bundle/index.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import type { HistoryEntry } from '../protocol/history.ts';
import type { BundlePlace } from './find.ts';
import type { Session } from './session.ts';

/** A bundle whose signature and signer are good, and what is in it. */
export interface Opened {
  readonly sealed: SealedBundle;
  readonly manifest: Manifest;
}

/**
 * Downloads, checks and opens a bundle.
 * @throws already_decided if it waits no more, not_found if a decision carries none,
 *   digest_mismatch, bad_signer, not_this_node, not_a_recipient, any code of the format
 */
export async function openPlace(
  session: Session,
  node: NodeId,
  place: BundlePlace,
): Promise<Opened> {
  if (place.where === 'history') return openEntry(session, node, place.entry);
  const bytes = await session.read(place.key, MAX_SEALED_BYTES);
  if (bytes === undefined) {
    throw fail('already_decided', `proposal ${place.digest} is gone: somebody decided about it`);
  }
  const sealed = readBundle(bytes, {
    maxBytes: session.site.maxBundleBytes,
    expect: 'proposal',
  });
  if (toHex(sealed.digest) !== place.digest) {
    throw fail('digest_mismatch', `the store gave other bytes than ${place.digest}`);
  }
  return openSealed(session, node, sealed, session.keyset);
}

/** The bundle of a decision. @throws not_found if it carries none; as {@link openPlace} */
export function openEntry(session: Session, node: NodeId, entry: HistoryEntry): Opened {
  const { bundle, keyset } = entry.frame;
  if (bundle === undefined) {
    const why = entry.forgotten ? 'was forgotten' : `${entry.frame.statement.type} carries none`;
    throw fail('not_found', `there is no bundle in slot ${entry.slot}: it ${why}`);
  }
  return openSealed(session, node, bundle, keyset);
}

/** @param keyset whose keys may have signed it, besides the node */
function openSealed(session: Session, node: NodeId, sealed: SealedBundle, keyset: Keyset): Opened {
  const { signer } = sealed;
  if (sealed.kind === 'admin' && !keyset.keys.some((key) => equalBytes(key.signKey, signer))) {
    throw fail('bad_signer', 'this bundle is signed by a key that is in no keyset of the site');
  }
  const manifest = unseal(session, sealed);
  if (nodeIdOf(manifest.node) !== node) {
    throw fail('not_this_node', `this bundle was made for node ${nodeIdOf(manifest.node)}`);
  }
  if (sealed.kind === 'node' && !equalBytes(manifest.node.signKey, signer)) {
    throw fail('bad_signer', 'this bundle is signed neither by its node nor by an administrator');
  }
  return { sealed, manifest };
}

function unseal(session: Session, sealed: SealedBundle): Manifest {
  try {
    return openBundle(sealed, session.identity);
  } catch (error) {
    if (!hasCode(error, 'not_a_recipient')) throw error;
    throw fail(
      'not_a_recipient',
      'this bundle is not sealed to your key: it was made under another keyset; ask an administrator of that time',
      { cause: error },
    );
  }
}
