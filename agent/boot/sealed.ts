import { fromBase64Url, toHex } from '../../bundle/bytes.ts';
import { bundleDigest } from '../../bundle/header.ts';
import { decodeChain, verifyChain } from '../../bundle/keyset.ts';
import type { Keyset } from '../../bundle/keyset.ts';
import type { Manifest } from '../../bundle/manifest.ts';
import { sealBundle } from '../../bundle/seal.ts';
import { fail } from '../../protocol/errors.ts';
import { parseDigest } from '../../protocol/keys.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { checkKeysets } from '../../protocol/verify.ts';
import type { Node } from './node.ts';
import type { Servers } from './servers.ts';

/** A proposal, ready to be sent. */
export interface Sealed {
  readonly bytes: Uint8Array;
  readonly digest: DigestHex;
  readonly manifest: Manifest;
  readonly keyset: Keyset;
}

/**
 * The keyset to seal to. The server only says which: the chain from the pinned one proves it.
 * @throws rollback_refused for an older one than remembered, or one that leads around that; the codes of the chain and the server
 */
export async function newestKeyset(node: Node, servers: Servers): Promise<Keyset> {
  // Verified as part of the question: a server whose chain is none is passed over.
  return await servers.ask(async (client) => {
    const { chain } = await client.site();
    const keysets = decodeChain(fromBase64Url(chain));
    const newest = verifyChain(keysets, node.site.pinned);
    const memory = node.memory.load();
    if (memory !== undefined) checkKeysets(keysets, memory, node.site);
    return newest;
  });
}

/**
 * Seals what this machine proposes to itself and to every administrator.
 * @throws too_large over the site's limit; manifest_too_large, too_many_files
 */
export function sealFor(node: Node, keyset: Keyset, manifest: Manifest): Sealed {
  const recipients = [node.identity.boxKey, ...keyset.keys.map(({ boxKey }) => boxKey)];
  const bytes = sealBundle({ manifest, signer: node.identity, kind: 'node', recipients });
  const limit = node.site.maxBundleBytes;
  if (bytes.length > limit) {
    const largest = manifest.files.reduce((a, b) => (b.content.length > a.content.length ? b : a));
    const said = `${bytes.length} sealed bytes are over the site's ${limit}; the largest file is ${largest.path}`;
    throw fail('too_large', said);
  }
  return { bytes, digest: parseDigest(toHex(bundleDigest(bytes))), manifest, keyset };
}
