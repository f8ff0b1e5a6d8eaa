import {
  bundleDigest,
  CoatcheckError,
  nodeIdOf,
  readBundle,
  showPath,
  toHex,
} from '../bundle/index.ts';
import type { Manifest, NodeId } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { parseDigest } from '../protocol/keys.ts';
import type { DigestHex } from '../protocol/keys.ts';
import { sameBundles } from './changes.ts';
import type { Session } from './session.ts';
import { machinePaths } from './traits.ts';
import type { Objection } from './warning.ts';

/** A bundle that was sealed here, for one node. */
export interface OwnBundle {
  readonly node: NodeId;
  readonly bytes: Uint8Array;
  /** 32 bytes */
  readonly digest: Uint8Array;
}

/**
 * Seals a manifest to its node and to every administrator of the newest keyset, and signs it as this
 * administrator.
 * @throws path_refused for a file that its node would refuse; too_large, and what the key throws
 */
export async function sealAsOwn(session: Session, manifest: Manifest): Promise<OwnBundle> {
  const { isKnown, traitsFor } = machinePaths(session.site.paths, manifest);
  const paths = manifest.files
    .map(({ path }) => path)
    .filter((path) => traitsFor(path).executes === 'refused');
  if (paths.length > 0) throw pathsRefused({ paths, unknown: !isKnown });
  return seal(session, manifest);
}

/**
 * Seals what is in force already to the administrators of now. What comes of it is opened again and
 * compared with it, whole: nobody reviews it, so nothing else may be signed.
 * @throws too_large, and what the key throws
 */
export async function sealSame(session: Session, manifest: Manifest): Promise<OwnBundle> {
  const own = await seal(session, manifest);
  const sealed = readBundle(own.bytes, { maxBytes: own.bytes.length, expect: 'proposal' });
  if (sameBundles(await session.key.open.bundle(sealed), manifest)) return own;
  throw new Error(`what was sealed anew for ${own.node} is not what is in force`);
}

async function seal(session: Session, manifest: Manifest): Promise<OwnBundle> {
  const made = { madeAt: session.client.now(), madeBy: session.program };
  const sealed = await session.key.sign.bundle(
    { ...manifest, metadata: { ...manifest.metadata, ...made } },
    [manifest.node.boxKey, ...session.keyset.keys.map(({ boxKey }) => boxKey)],
  );
  const { maxBundleBytes } = session.site;
  if (sealed.length > maxBundleBytes) {
    throw fail('too_large', `${sealed.length} sealed bytes are over the site's ${maxBundleBytes}`);
  }
  return { node: nodeIdOf(manifest.node), bytes: sealed, digest: bundleDigest(sealed) };
}

/** The error of files that a node would refuse. */
export function pathsRefused({
  paths,
  unknown,
}: Omit<Extract<Objection, { readonly code: 'refused_paths' }>, 'code'>): Error {
  const why = unknown
    ? "the built-in list of paths has it not, and the machine's image has another list than your site.json: take the site.json of that image"
    : "neither the built-in list of paths nor that of the machine's image (paths in site.json) has it: coatcheck site add-path adds it there, for the images that come";
  return fail('path_refused', `${paths.map(showPath).join(', ')}: ${why}. Nothing was signed`);
}

/** Uploads it as a proposal. @throws the refusals of the server, and what the client throws */
export async function propose(
  { client }: Session,
  { node, bytes, digest }: OwnBundle,
): Promise<void> {
  const { put } = await client.propose(node, { digest: name(digest), size: bytes.length });
  await client.put(put, bytes);
}

/**
 * Takes it back, where the decision that it was uploaded for was refused: it would wait for ever, and
 * keep the node from proposing.
 * @returns whether it is gone
 */
export async function withdraw(
  { client }: Session,
  { node, digest }: Pick<OwnBundle, 'node' | 'digest'>,
): Promise<boolean> {
  try {
    await client.withdraw(node, name(digest));
    return true;
  } catch (error) {
    if (error instanceof CoatcheckError) return false;
    throw error;
  }
}

const name = (digest: Uint8Array): DigestHex => parseDigest(toHex(digest));
