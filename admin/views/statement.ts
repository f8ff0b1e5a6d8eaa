import { toHex } from '../../bundle/index.ts';
import type { NodeId, StatementType, VerifiedFrame } from '../../bundle/index.ts';
import { isExpired } from '../../protocol/verify.ts';
import type { History, HistoryEntry } from '../../protocol/history.ts';
import { decidersOf } from '../record.ts';

/** A signed decision. Digests are SHA-256 in 64 hex digits, times unix seconds. */
export interface StatementView {
  readonly type: StatementType;
  readonly node: NodeId;
  readonly seq: number;
  readonly keysetVersion: number;
  readonly issued: number;
  readonly expires?: number;
  /** Where it has an end: whether that is over, by the clock here. */
  readonly expired?: boolean;
  readonly reason: string;
  /** of the bundle that it is about; zeros where there is none */
  readonly digest: string;
  /** of the statement that it follows; zeros for the first */
  readonly prev: string;
  readonly statementDigest: string;
  /** Who signed, by the names of the keyset; `node` alone where the node decided for itself. */
  readonly decidedBy: readonly string[];
  readonly self: boolean;
}

/** {@link StatementView} of a frame that verified. @param now unix seconds */
export function statementView(frame: VerifiedFrame, now: number): StatementView {
  const { type, node, digest, prev, seq, keysetVersion, issued, expires, reason } = frame.statement;
  return {
    ...{ type, node, seq, keysetVersion, issued, reason },
    ...(expires === undefined ? {} : { expires, expired: isExpired(frame.statement, [now]) }),
    digest: toHex(digest),
    prev: toHex(prev),
    statementDigest: toHex(frame.statementDigest),
    decidedBy: decidersOf({ frame }),
    self: frame.self,
  };
}

/** The same decision at another time, by which it may have ended. @param now unix seconds */
export function statementViewAt(view: StatementView, now: number): StatementView {
  const { issued, expires } = view;
  if (expires === undefined) return view;
  return { ...view, expired: isExpired({ issued, expires }, [now]) };
}

/** A decision where it is recorded. */
export interface RecordedView extends StatementView {
  readonly slot: number;
}

/** {@link RecordedView} of an entry. @param now unix seconds */
export const recordedView = ({ slot, frame }: HistoryEntry, now: number): RecordedView => ({
  slot,
  ...statementView(frame, now),
});

/** The record of a node. */
export interface HistoryView {
  readonly node: NodeId;
  /** by slot, and so by seq */
  readonly entries: readonly (RecordedView & {
    readonly inForce: boolean;
    /** its bundle was taken away since */
    readonly forgotten: boolean;
  })[];
  /** slots that hold no decision, and why */
  readonly junk: History['junk'];
  /** Whether it begins with the first decision; otherwise what was before is not kept. */
  readonly isWhole: boolean;
}

/** {@link HistoryView} of a record. @param now unix seconds */
export function historyView(
  node: NodeId,
  { entries, junk, inForce }: History,
  now: number,
): HistoryView {
  const [first] = entries;
  return {
    node,
    entries: entries.map((entry) => ({
      ...recordedView(entry, now),
      inForce: entry === inForce,
      forgotten: entry.forgotten,
    })),
    junk,
    isWhole: first === undefined || first.frame.statement.prev.every((byte) => byte === 0),
  };
}
