import { bundleDigest, nodeIdOf, toHex } from '../bundle/index.ts';
import type { Manifest } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { parseDigest } from '../protocol/keys.ts';
import type { Session } from './session.ts';

/**
 * Seals a manifest to its node and to every administrator of the newest keyset, signs it as this
 * administrator, and uploads it as a proposal.
 * @returns its digest, 32 bytes
 * @throws too_large, the refusals of the server, and what the client and the ports throw
 */
export async function propose(session: Session, manifest: Manifest): Promise<Uint8Array> {
  const made = { madeAt: session.client.now(), madeBy: session.program };
  const sealed = await session.key.sign.bundle(
    { ...manifest, metadata: { ...manifest.metadata, ...made } },
    [manifest.node.boxKey, ...session.keyset.keys.map(({ boxKey }) => boxKey)],
  );
  const { maxBundleBytes } = session.site;
  if (sealed.length > maxBundleBytes) {
    throw fail('too_large', `${sealed.length} sealed bytes are over the site's ${maxBundleBytes}`);
  }
  const digest = bundleDigest(sealed);
  const { put } = await session.client.propose(nodeIdOf(manifest.node), {
    digest: parseDigest(toHex(digest)),
    size: sealed.length,
  });
  await session.client.put(put, sealed);
  return digest;
}
