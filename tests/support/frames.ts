import { utf8 } from '../../bundle/bytes.ts';
import { encodeFrame } from '../../bundle/frame.ts';
import { bundleDigest } from '../../bundle/header.ts';
import type { Identity } from '../../bundle/identity.ts';
import type { FileEntry, Metadata } from '../../bundle/manifest.ts';
import { sealBundle } from '../../bundle/seal.ts';
import { ZERO_DIGEST } from '../../bundle/statement.ts';
import type { Statement } from '../../bundle/statement.ts';
import { makeStatement, sign } from './site.ts';
import type { TestSite } from './site.ts';

/** A file for a bundle; belongs to root unless told otherwise. */
export function fileEntry(path: string, text: string, mode = 0o644): FileEntry {
  return { path, mode, owner: 'root', uid: 0, group: 'root', gid: 0, content: utf8(text) };
}

/** What `approved/<node>` would hold once an administrator approved these files. */
export function approvedFrame(
  { site, admins }: TestSite,
  node: Identity,
  files: readonly FileEntry[],
  seq = 1,
  metadata: Metadata = {},
  more: Partial<Statement> = {},
): Uint8Array {
  const { keyset } = site.pinned;
  const bundle = sealBundle({
    manifest: { node, base: ZERO_DIGEST, metadata, files },
    signer: node,
    kind: 'node',
    recipients: [node.boxKey, ...keyset.keys.map(({ boxKey }) => boxKey)],
  });
  const place = { digest: ZERO_DIGEST, seq: seq - 1 };
  const digest = bundleDigest(bundle);
  const statement = makeStatement(keyset, node.id, 'approve', place, { digest, ...more });
  return encodeFrame({
    chain: [site.pinned],
    statement: sign(statement, keyset, admins[0]!),
    bundle,
  });
}
