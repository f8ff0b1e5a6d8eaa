import { equalBytes, MAX_SEALED_BYTES, nodeIdOf, readBundle, toHex } from '../bundle/index.ts';
import type { Keyset, Manifest, NodeId, SealedBundle } from '../bundle/index.ts';
import { codeOf, ERRORS, EXIT, fail, hasCode } from '../protocol/errors.ts';
import { decidedDigests, MAX_ENTRY_BYTES, verifyEntry } from '../protocol/history.ts';
import type { HistoryEntry } from '../protocol/history.ts';
import { historyKey } from '../protocol/keys.ts';
import type { DigestHex } from '../protocol/keys.ts';
import type { BundlePlace } from './find.ts';
import { carriesBundle, decisionText } from './record.ts';
import type { Session } from './session.ts';

/** A bundle whose signature and signer are good, and what is in it. */
export interface OpenedBundle {
  readonly sealed: SealedBundle;
  readonly manifest: Manifest;
}

/**
 * Whether an error says that a bundle cannot be opened here, now and ever: it is broken, of somebody
 * else, or gone. Not, that the store or the key did not answer.
 */
export function isUnreadable(error: unknown): boolean {
  return (
    ERRORS[codeOf(error)].exit === EXIT.refused || hasCode(error, 'not_this_node', 'not_found')
  );
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
): Promise<OpenedBundle> {
  if (place.where === 'history') return openEntry(session, node, place.entry);
  const { object } = place;
  if (object?.error !== undefined) throw object.error;
  const bytes =
    object === undefined ? await session.read(place.key, MAX_SEALED_BYTES) : object.bytes;
  return openProposal(session, node, place.digest, bytes);
}

/** A proposal that was downloaded; `bytes` is undefined if it is not there. @throws as {@link openPlace} */
export async function openProposal(
  session: Session,
  node: NodeId,
  digest: DigestHex,
  bytes: Uint8Array | undefined,
): Promise<OpenedBundle> {
  if (bytes === undefined) {
    const whose = await whoseOf(session, node, digest);
    throw fail('already_decided', `proposal ${digest} is gone: ${whose}`);
  }
  const sealed = readBundle(bytes, {
    maxBytes: session.site.maxBundleBytes,
    expect: 'proposal',
  });
  if (toHex(sealed.digest) !== digest) {
    throw fail('digest_mismatch', `the store gave other bytes than ${digest}`);
  }
  return openSealed(session, node, sealed, session.keyset);
}

/** What became of a proposal that waits no more, and whose decision that was, as far as it can be read. */
async function whoseOf(session: Session, node: NodeId, digest: DigestHex): Promise<string> {
  try {
    const entry = decidedDigests(await session.history(node)).get(digest);
    if (entry !== undefined) return `it is decided, ${decisionText(entry)}`;
  } catch {
    // It is gone, whoever decided.
  }
  return 'somebody decided about it';
}

/** The bundle of a decision. @throws not_found if it carries none; as {@link openPlace} */
export async function openEntry(
  session: Session,
  node: NodeId,
  entry: HistoryEntry,
): Promise<OpenedBundle> {
  const { bundle = await bundleAgain(session, node, entry), keyset } = entry.frame;
  if (bundle === undefined) {
    const why = entry.forgotten ? 'was forgotten' : `${entry.frame.statement.type} carries none`;
    throw fail('not_found', `there is no bundle in slot ${entry.slot}: it ${why}`);
  }
  return openSealed(session, node, bundle, keyset);
}

/** A record holds the bundle in force only. An entry never changes: whatever else comes is refused. */
async function bundleAgain(
  session: Session,
  node: NodeId,
  entry: HistoryEntry,
): Promise<SealedBundle | undefined> {
  if (!carriesBundle(entry)) return undefined;
  const key = historyKey(node, entry.slot);
  const bytes = await session.read(key, MAX_ENTRY_BYTES);
  if (bytes === undefined) {
    throw fail('store_unavailable', `the store lists ${key} and does not give it: try again`);
  }
  const { bundle, statementDigest } = verifyEntry(bytes, session.site, node);
  if (!equalBytes(statementDigest, entry.frame.statementDigest)) {
    throw fail('does_not_verify', `the store gave another decision at ${key} than before`);
  }
  return bundle;
}

/**
 * A bundle that was read, of a node.
 * @param keyset whose keys may have signed it, besides the node
 * @throws bad_signer, not_this_node, not_a_recipient, any code of the format
 */
export async function openSealed(
  session: Session,
  node: NodeId,
  sealed: SealedBundle,
  keyset: Keyset,
): Promise<OpenedBundle> {
  const { signer } = sealed;
  if (sealed.kind === 'admin' && !keyset.keys.some((key) => equalBytes(key.signKey, signer))) {
    throw fail('bad_signer', 'this bundle is signed by a key that is in no keyset of the site');
  }
  const manifest = await unseal(session, sealed);
  if (nodeIdOf(manifest.node) !== node) {
    throw fail('not_this_node', `this bundle was made for node ${nodeIdOf(manifest.node)}`);
  }
  if (sealed.kind === 'node' && !equalBytes(manifest.node.signKey, signer)) {
    throw fail('bad_signer', 'this bundle is signed neither by its node nor by an administrator');
  }
  return { sealed, manifest };
}

async function unseal(session: Session, sealed: SealedBundle): Promise<Manifest> {
  try {
    return await session.key.open.bundle(sealed);
  } catch (error) {
    if (!hasCode(error, 'not_a_recipient')) throw error;
    throw fail(
      'not_a_recipient',
      'this bundle is not sealed to your key: it was made under another keyset; ask an administrator of that time',
      { cause: error },
    );
  }
}
