import { bundleDigest, nodeIdOf, sealBundle, toHex } from '../bundle/index.ts';
import type { Manifest } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { parseDigest } from '../protocol/keys.ts';
import type { Session } from './session.ts';
import { VERSION } from '../functions/version.ts';

/**
 * Seals a manifest to its node and to every administrator of the newest keyset, signs it as this
 * administrator, and uploads it as a proposal.
 * @returns its digest, 32 bytes
 * @throws too_large and the refusals of the server
 */
export async function proposeAsAdmin(session: Session, manifest: Manifest): Promise<Uint8Array> {
  const sealed = sealBundle({
    manifest: {
      ...manifest,
      metadata: {
        ...manifest.metadata,
        madeAt: session.client.now(),
        madeBy: `coatcheck ${VERSION}`,
      },
    },
    signer: session.identity,
    kind: 'admin',
    recipients: [manifest.node.boxKey, ...session.keyset.keys.map((key) => key.boxKey)],
  });
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
