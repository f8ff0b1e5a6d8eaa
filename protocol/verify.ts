import { equalBytes, fromHex } from '../bundle/bytes.ts';
import { decodeFrame, maxFrameBytes, verifyFrame } from '../bundle/frame.ts';
import type { Frame, VerifiedFrame } from '../bundle/frame.ts';
import type { NodeId } from '../bundle/identity.ts';
import type { SignedKeyset } from '../bundle/keyset.ts';
import type { Statement } from '../bundle/statement.ts';
import { fail } from './errors.ts';
import type { DigestHex } from './keys.ts';
import type { Site } from './site.ts';

/**
 * What a node keeps of the last decision that it verified. A missing memory is not zero: it is no
 * memory, and `undefined`.
 */
export interface NodeMemory {
  readonly keysetVersion: number;
  /** Of that keyset, 32 bytes: a chain that leads elsewhere at this version is refused. */
  readonly keysetDigest: Uint8Array;
  readonly seq: number;
  /** Of the statement, 32 bytes */
  readonly digest: Uint8Array;
}

/** The memory to keep once a frame has been verified. */
export function memoryOf(frame: VerifiedFrame): NodeMemory {
  return {
    keysetVersion: frame.keyset.version,
    keysetDigest: frame.chain.at(-1)!.digest,
    seq: frame.statement.seq,
    digest: frame.statementDigest,
  };
}

/**
 * Everything that a node checks of bytes that it fetched, wherever they came from: the chain
 * through the pinned keyset, the threshold, the site, the node, the type, the bundle's digest, and
 * that nothing goes backwards. Not the expiry ({@link isExpired}), not `prev`, and not who signed
 * the bundle: those are for servers and tools.
 *
 * @param options.where `approved` (or a mirror of it): anything but a rejection; `rejected`: only a
 *   rejection, of exactly `waitingDigest`. Since it does not replace what is in force, it may be
 *   older than the memory, and of an older keyset then (docs/adr/0081)
 * @throws the codes of the format; not_this_node, bad_type, digest_mismatch, does_not_verify,
 *   rollback_refused
 */
export function verifyForNode(
  bytes: Uint8Array,
  options: {
    site: Site;
    node: NodeId;
    memory?: NodeMemory;
  } & ({ where: 'approved' } | { where: 'rejected'; waitingDigest: DigestHex }),
): VerifiedFrame {
  const { site, node, where, memory } = options;
  const decoded = decodeFrame(bytes, { maxBytes: maxFrameBytes(site.maxBundleBytes) });
  const frame = where === 'rejected' ? verifyRecorded(decoded, site) : verifyFrame(decoded, site);
  const { statement } = frame;
  if (statement.node !== node) {
    throw fail('not_this_node', `this decision is about node ${statement.node}, not ${node}`);
  }
  if ((statement.type === 'reject') !== (where === 'rejected')) {
    throw fail('bad_type', `a decision of type ${statement.type} has no place in ${where}/`);
  }
  if (options.where === 'rejected') {
    if (!equalBytes(statement.digest, fromHex(options.waitingDigest))) {
      throw fail('digest_mismatch', 'this rejection is of another proposal than the one asked for');
    }
  } else if (frame.bundle === undefined && bringsBundle(statement)) {
    throw fail('does_not_verify', `this ${statement.type} comes without the bundle that it names`);
  }
  if (memory !== undefined) checkMemory(frame, memory, site, where);
  return frame;
}

/**
 * As `verifyFrame`, for a record of what was decided: also under a keyset that led to the pinned one.
 * @throws as `verifyFrame`
 */
export function verifyRecorded(
  frame: Frame,
  site: Pick<Site, 'pinned' | 'ancestors' | 'approval'>,
): VerifiedFrame {
  const { digest } = frame.chain.at(-1)!;
  const ancestor = site.ancestors?.find((keyset) => equalBytes(keyset.digest, digest));
  return verifyFrame(frame, { pinned: ancestor ?? site.pinned, approval: site.approval });
}

/** Whether a statement puts a bundle in force, without which it can not be obeyed. */
function bringsBundle(statement: Statement): boolean {
  return statement.type === 'approve' || statement.type === 'rollback';
}

/**
 * That a verified chain does not go behind the keyset that a machine remembers, nor around it. Where
 * the image pins a later one, that is the machine's word instead.
 * @throws rollback_refused
 */
export function checkKeysets(
  chain: readonly SignedKeyset[],
  memory: Pick<NodeMemory, 'keysetVersion' | 'keysetDigest'>,
  { pinned }: Pick<Site, 'pinned'>,
): void {
  const { version } = chain.at(-1)!.keyset;
  if (memory.keysetVersion < pinned.keyset.version) return;
  if (version < memory.keysetVersion) {
    throw rollback(`keyset ${version} is older than keyset ${memory.keysetVersion}, which`);
  }
  const remembered = chain.find((link) => link.keyset.version === memory.keysetVersion);
  if (remembered === undefined || !equalBytes(remembered.digest, memory.keysetDigest)) {
    throw rollback(`keyset ${memory.keysetVersion} is not the one that`);
  }
}

function checkMemory(frame: VerifiedFrame, memory: NodeMemory, site: Site, where: string): void {
  const { statement, chain } = frame;
  if (where === 'rejected') {
    // What was refused before the keysets changed was refused all the same, and is told under the
    // old one: a machine that could not hear it would be told to hear it first, for ever.
    if (statement.seq >= memory.seq) checkKeysets(chain, memory, site);
    return;
  }
  checkKeysets(chain, memory, site);
  if (statement.seq < memory.seq) {
    throw rollback(`decision ${statement.seq} is older than decision ${memory.seq}, which`);
  }
  if (statement.seq === memory.seq && !equalBytes(frame.statementDigest, memory.digest)) {
    throw rollback(`decision ${statement.seq} is not the one that`);
  }
}

function rollback(what: string): Error {
  return fail(
    'rollback_refused',
    `${what} this machine verified before: somebody serves an old or a forked copy`,
  );
}

/**
 * Whether a statement is over by the latest of the clocks (Unix seconds: own, image build, server,
 * memory) and its own `issued`: a lie about the time can only end it early.
 */
export function isExpired(
  statement: Pick<Statement, 'issued' | 'expires'>,
  clocks: readonly number[],
): boolean {
  return (
    statement.expires !== undefined && Math.max(statement.issued, ...clocks) >= statement.expires
  );
}

/** How long before its end what is in force counts as expiring, days. */
export const EXPIRING_DAYS = 14;

/** Whether a statement ends within {@link EXPIRING_DAYS}, and has not ended. @param now unix seconds */
export const isExpiring = (
  statement: Pick<Statement, 'issued' | 'expires'>,
  now: number,
): boolean =>
  !isExpired(statement, [now]) && (statement.expires ?? Infinity) - now <= EXPIRING_DAYS * 86_400;
