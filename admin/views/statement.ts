import { toHex } from '../../bundle/index.ts';
import type { NodeId, StatementType, VerifiedFrame } from '../../bundle/index.ts';
import type { History, HistoryEntry } from '../../protocol/history.ts';

/** A signed decision. Digests are SHA-256 in 64 hex digits, times unix seconds. */
export interface StatementView {
  readonly type: StatementType;
  readonly node: NodeId;
  readonly seq: number;
  readonly keysetVersion: number;
  readonly issued: number;
  readonly expires?: number;
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

/** {@link StatementView} of a frame that verified. */
export function statementView(frame: VerifiedFrame): StatementView {
  const { type, node, digest, prev, seq, keysetVersion, issued, expires, reason } = frame.statement;
  return {
    ...{ type, node, seq, keysetVersion, issued, reason },
    ...(expires === undefined ? {} : { expires }),
    digest: toHex(digest),
    prev: toHex(prev),
    statementDigest: toHex(frame.statementDigest),
    decidedBy: frame.self ? ['node'] : frame.signers.map((i) => frame.keyset.keys[i]!.name),
    self: frame.self,
  };
}

/** A decision where it is recorded. */
export interface RecordedView extends StatementView {
  readonly slot: number;
}

/** {@link RecordedView} of an entry. */
export const recordedView = ({ slot, frame }: HistoryEntry): RecordedView => ({
  slot,
  ...statementView(frame),
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

/** {@link HistoryView} of a record. */
export function historyView(node: NodeId, { entries, junk, inForce }: History): HistoryView {
  const [first] = entries;
  return {
    node,
    entries: entries.map((entry) => ({
      ...recordedView(entry),
      inForce: entry === inForce,
      forgotten: entry.forgotten,
    })),
    junk,
    isWhole: first === undefined || first.frame.statement.prev.every((byte) => byte === 0),
  };
}
