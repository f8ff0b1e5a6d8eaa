import { bundleDigest, nodeIdOf, showPath, toHex } from '../bundle/index.ts';
import type { Manifest } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { parseDigest } from '../protocol/keys.ts';
import type { Session } from './session.ts';
import { machinePaths } from './traits.ts';
import type { Objection } from './warning.ts';

/**
 * Seals a manifest to its node and to every administrator of the newest keyset, signs it as this
 * administrator, and uploads it as a proposal.
 * @returns its digest, 32 bytes
 * @throws path_refused for a file that its node would refuse; too_large, the refusals of the server, and what the client and the ports throw
 */
export async function propose(session: Session, manifest: Manifest): Promise<Uint8Array> {
  const { isKnown, traitsFor } = machinePaths(session.site.paths, manifest);
  const paths = manifest.files
    .map(({ path }) => path)
    .filter((path) => traitsFor(path).executes === 'refused');
  if (paths.length > 0) throw pathsRefused({ paths, unknown: !isKnown });
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

/** The error of files that a node would refuse. */
export function pathsRefused({
  paths,
  unknown,
}: Omit<Extract<Objection, { readonly code: 'refused_paths' }>, 'code'>): Error {
  const why = unknown
    ? "the built-in list of paths has it not, and the machine's image has another list than your site.json: take the site.json of that image"
    : "neither the built-in list of paths nor that of the machine's image (paths in site.json) has it";
  return fail('path_refused', `${paths.map(showPath).join(', ')}: ${why}. Nothing was signed`);
}
