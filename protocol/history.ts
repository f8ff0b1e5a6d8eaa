import { equalBytes, isZero, toHex } from '../bundle/bytes.ts';
import { CoatcheckError } from '../bundle/errors.ts';
import { MAX_SEALED_BYTES } from '../bundle/header.ts';
import { decodeFrame, encodeFrame, maxFrameBytes } from '../bundle/frame.ts';
import type { VerifiedFrame } from '../bundle/frame.ts';
import type { NodeId } from '../bundle/identity.ts';
import { ZERO_DIGEST } from '../bundle/statement.ts';
import type { Statement } from '../bundle/statement.ts';
import { codeOf, fail } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { digestHex } from './keys.ts';
import type { DigestHex } from './keys.ts';
import type { Site } from './site.ts';
import { verifyRecorded } from './verify.ts';

/**
 * The most that an object in `history/`, `approved/` or `rejected/` may hold, bytes. The format's
 * limit and not the site's: an entry stays good when the site lowers its own.
 */
export const MAX_ENTRY_BYTES = maxFrameBytes(MAX_SEALED_BYTES);

/** One object under `history/<node>/`. */
export interface HistoryObject {
  readonly slot: number;
  /** Absent if it is larger than {@link MAX_ENTRY_BYTES}: then it is no entry. */
  readonly bytes?: Uint8Array;
}

/** A decision that was committed. */
export interface HistoryEntry {
  readonly slot: number;
  /** The object as it is stored; without its bundle, where the reader was told to keep none. */
  readonly bytes: Uint8Array;
  readonly frame: VerifiedFrame;
  /** Its statement names a bundle that the entry no longer carries (`coatcheck forget`). */
  readonly forgotten: boolean;
}

/** The record of one node, as one listing of its slots shows it. */
export interface History {
  /** Verified, by slot, and so by seq. */
  readonly entries: readonly HistoryEntry[];
  /**
   * Objects that use up a slot and nothing else, each with the reason: among them `head_moved` (a
   * statement that lost its race) and `does_not_verify` (a slot below it is free).
   */
  readonly junk: readonly { slot: number; code: ErrorCode }[];
  /** The entry with the largest seq, of any type: what `prev` of the next statement names. */
  readonly head?: HistoryEntry;
  /** The entry with the largest seq that is not a rejection. */
  readonly inForce?: HistoryEntry;
  /** The lowest slot above the head's that is free. */
  readonly nextSlot: number;
}

/**
 * Which objects of `history/<node>/` are entries, and what they say (docs/approval.md).
 *
 * An entry verifies if its frame does for this site and node, it follows the verified entry below it
 * ({@link demandFollows}), and no slot between the two is free. So a statement that enough admins
 * signed but that lost its race cannot be slipped in later by somebody who can write the bucket, and
 * nothing that is written later changes what verified once (docs/adr/0040).
 *
 * The lowest entry is taken without its `prev`: an operator may have pruned what came before. If its
 * `prev` is zeros, nothing came before, and no slot below it may be free.
 *
 * @param objects all of one listing, each of them read; in any order
 */
export function readHistory(
  objects: readonly HistoryObject[],
  site: Pick<Site, 'pinned' | 'ancestors' | 'approval'>,
  node: NodeId,
): History {
  const slots = objects.map(({ slot }) => slot);
  const reader = createHistoryReader(slots, site, node, () => true);
  for (const object of objects.toSorted((a, b) => a.slot - b.slot)) reader.add(object);
  return reader.end();
}

/** {@link readHistory}, one object after another. */
export interface HistoryReader {
  /** In the order of their slots. */
  add(object: HistoryObject): void;
  /** Once every slot was added. */
  end(): History;
}

/**
 * Holds no more bundles than are asked for: a node that approves for itself makes its record as long
 * as it likes, and must be revocable all the same.
 *
 * @param slots all of one listing
 * @param keeps the slots whose bundles are wanted. That in force is kept in any case; another entry
 *   is given without its bundle, as a frame that proves the decision.
 */
export function createHistoryReader(
  slots: Iterable<number>,
  site: Pick<Site, 'pinned' | 'ancestors' | 'approval'>,
  node: NodeId,
  keeps: (slot: number) => boolean,
): HistoryReader {
  const taken = new Set(slots);
  const firstFree = (above = 0, before = Infinity): number => {
    let free = above + 1;
    while (free < before && taken.has(free)) free++;
    return free;
  };
  const entries: HistoryEntry[] = [];
  const junk: { slot: number; code: ErrorCode }[] = [];
  let inForceAt = -1;

  function shed(index: number): void {
    const entry = entries[index];
    if (entry !== undefined && !keeps(entry.slot)) entries[index] = withoutBundle(entry);
  }

  return {
    add(object) {
      try {
        const entry = readEntry(object, site, node);
        const below = entries.at(-1);
        if (below !== undefined) demandFollows(entry.frame, below.frame);
        const isPruned = below === undefined && !isZero(entry.frame.statement.prev);
        if (!isPruned && firstFree(below?.slot, entry.slot) < entry.slot) {
          throw fail('does_not_verify', 'a slot below this one is free');
        }
        const index = entries.push(entry) - 1;
        const isRejection = entry.frame.statement.type === 'reject';
        shed(isRejection ? index : inForceAt);
        if (!isRejection) inForceAt = index;
      } catch (error) {
        // Anything else is a bug of ours, and no reason to call a decision junk.
        if (!(error instanceof CoatcheckError)) throw error;
        junk.push({ slot: object.slot, code: codeOf(error) });
      }
    },
    end() {
      const head = entries.at(-1);
      const inForce = entries[inForceAt];
      return {
        entries,
        junk,
        ...(head === undefined ? {} : { head }),
        ...(inForce === undefined ? {} : { inForce }),
        nextSlot: firstFree(head?.slot),
      };
    },
  };
}

/** In memory of its own: what is decoded are views of the whole object. */
function withoutBundle(entry: HistoryEntry): HistoryEntry {
  const { bundle, ...proof } = entry.frame;
  if (bundle === undefined) return entry;
  const { chain, statement } = decodeFrame(entry.bytes, { maxBytes: MAX_ENTRY_BYTES });
  const bytes = encodeFrame({ chain, statement });
  const own = decodeFrame(bytes, { maxBytes: MAX_ENTRY_BYTES });
  return {
    ...entry,
    bytes,
    frame: {
      ...proof,
      chain: own.chain,
      keyset: own.chain.at(-1)!.keyset,
      statement: own.statement.statement,
      statementDigest: own.statement.digest,
    },
  };
}

function readEntry(
  { slot, bytes }: HistoryObject,
  site: Pick<Site, 'pinned' | 'ancestors' | 'approval'>,
  node: NodeId,
): HistoryEntry {
  if (bytes === undefined) throw fail('too_large', 'this object is larger than any entry');
  const frame = verifyEntry(bytes, site, node);
  return { slot, bytes, frame, forgotten: isForgotten(frame) };
}

/**
 * A frame of this site and node, wherever it is stored; whether it belongs there is not judged.
 *
 * @throws not_this_node, or any code of the format
 */
export function verifyEntry(
  bytes: Uint8Array,
  site: Pick<Site, 'pinned' | 'ancestors' | 'approval'>,
  node: NodeId,
): VerifiedFrame {
  const frame = verifyRecorded(decodeFrame(bytes, { maxBytes: MAX_ENTRY_BYTES }), site);
  if (frame.statement.node !== node) {
    throw fail('not_this_node', `this decision is about ${frame.statement.node}, not ${node}`);
  }
  return frame;
}

/** Whether the statement names a bundle that it puts in force, and the frame has none. */
function isForgotten({ statement, bundle }: VerifiedFrame): boolean {
  return bundle === undefined && statement.type !== 'reject' && !isZero(statement.digest);
}

/**
 * Each digest that a verified entry names, with the newest entry that does. Such a proposal is
 * decided, whatever the times say: sealing is random, so a new proposal has a new digest.
 */
export function decidedDigests(history: History): ReadonlyMap<DigestHex, HistoryEntry> {
  const named = history.entries.filter(({ frame }) => !isZero(frame.statement.digest));
  return new Map(named.map((entry) => [digestHex(entry.frame.statement.digest), entry] as const));
}

/** What decides whether a statement may follow another: a {@link VerifiedFrame} is one. */
export interface Link {
  readonly statement: Statement;
  /** 32 bytes */
  readonly statementDigest: Uint8Array;
  /** Signed by the node itself. */
  readonly self: boolean;
}

/**
 * The rules between a statement and the one that it follows; the server demands them of a decision,
 * and every reader of each entry.
 *
 * @param head undefined if nothing was decided yet: then `prev` is 32 zero bytes
 * @throws head_moved (`prev` is not the head), bad_sequence (seq is not above the head's),
 *   stale_keyset (keyset version below the head's), approval_required (a node's own statement after
 *   an admin's approve, rollback, revoke or reject); the first three have the head in their details:
 *   `head` (hex) and `seq`
 */
export function demandFollows(next: Omit<Link, 'statementDigest'>, head: Link | undefined): void {
  const { statement } = next;
  const digest = head?.statementDigest ?? ZERO_DIGEST;
  const seq = head?.statement.seq ?? 0;
  const details = { head: toHex(digest), seq };
  if (!equalBytes(statement.prev, digest)) {
    const now = head === undefined ? 'nothing is decided' : `the newest decision is seq ${seq}`;
    throw fail('head_moved', `${now}, and this statement follows another: review again`, {
      details,
    });
  }
  if (statement.seq <= seq) {
    throw fail('bad_sequence', `seq must be above ${seq}: sign again`, { details });
  }
  if (head === undefined) return;
  if (statement.keysetVersion < head.statement.keysetVersion) {
    const version = head.statement.keysetVersion;
    throw fail('stale_keyset', `the newest decision was made under keyset ${version}: sign again`, {
      details: { ...details, version },
    });
  }
  if (next.self && !head.self && head.statement.type !== 'reconfigure') {
    throw fail(
      'approval_required',
      "an administrator's decision stands: only a reconfigure hands this node back to itself",
    );
  }
}
