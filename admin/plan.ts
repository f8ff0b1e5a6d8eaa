import type { Manifest, NodeId, SignedStatement, StatementType } from '../bundle/index.ts';
import { equalBytes, MAX_REASON_BYTES, utf8, ZERO_DIGEST } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import type { History } from '../protocol/history.ts';
import type { DecisionSource } from '../protocol/http.ts';
import type { NodeHistory } from './in-force.ts';
import type { Review } from './review.ts';
import type { Session } from './session.ts';
import type { Objection, PlanWarning } from './warning.ts';

/** The decision that a statement follows. */
export interface Predecessor {
  /** statement digest, 32 bytes; zeros where nothing was decided */
  readonly digest: Uint8Array;
  readonly seq: number;
}

/** One statement that a plan signs, and what is uploaded before it. */
export interface PlannedStatement {
  readonly type: StatementType;
  /** Of the bundle that it names, 32 bytes, zeros for none; absent: that of `upload`. */
  readonly digest?: Uint8Array;
  /** A bundle to seal, sign and upload as a proposal first. Its time and maker are set then. */
  readonly upload?: Manifest;
  /** `upload` is what is in force already, for other recipients: no path of it is judged again. */
  readonly isSame?: true;
  /** Where the server finds the bundle. */
  readonly from?: DecisionSource;
  /** The node's X25519 key, 32 bytes: where the node made the bundle. */
  readonly nodeBoxKey?: Uint8Array;
  readonly reason: string;
  /** The first 16 hex digits of the bundle that the plan uploaded follow the reason. */
  readonly reasonNamesUpload?: true;
  /** unix seconds */
  readonly expires?: number;
  /** That is the end of what is in force: where it has passed, nothing more ends by it. */
  readonly keepsEnd?: true;
  /** This very statement is signed, which others have signed: nothing of it is made anew. */
  readonly joins?: SignedStatement;
}

/**
 * What would be signed, and all that whoever consents should know of it. A plain value: it can be
 * stored, sent, and shown. Nothing was signed or uploaded for it, and nothing of it is a promise:
 * who decides in between makes it stale, and then {@link sign} signs nothing that holds.
 */
export interface Plan {
  readonly action:
    | 'approve'
    | 'change'
    | 'rebase'
    | 'renew'
    | 'reject'
    | 'rollback'
    | 'reconfigure'
    | 'revoke'
    | 'reseal'
    | 'transfer'
    | 'prepare';
  readonly node: NodeId;
  /** the keyset whose signature it wants, by version */
  readonly keysetVersion: number;
  /** the newest decision that was looked at: the first statement follows it */
  readonly after: Predecessor;
  /** in order: each follows the one before */
  readonly statements: readonly [PlannedStatement, ...PlannedStatement[]];
  /** of what would be in force; absent where nothing new would be */
  readonly review?: Review;
  readonly warnings: readonly PlanWarning[];
  /** what must be named in the consent, or {@link sign} refuses */
  readonly objections: readonly Objection[];
}

/** What an administrator says with a decision. */
export interface Saying {
  /** up to 200 bytes of UTF-8; signed, and shown to the node */
  readonly reason: string;
}

/** What an administrator says with an approval. */
export interface Approving extends Saying {
  /**
   * Until when it is good, unix seconds. Without it, what is put in force again keeps the end that it
   * had, and a new approval has none.
   */
  readonly expires?: number | 'never';
}

/**
 * Until when the bundle of a decision is good that is put in force again.
 * @throws usage where it kept a time that is over
 */
export function keptExpiry(
  { entries }: Pick<History, 'entries'>,
  digest: Uint8Array,
  wanted: Approving['expires'],
  now: number,
): { readonly expires?: number; readonly warnings: readonly PlanWarning[] } {
  if (wanted === 'never') return { warnings: [] };
  if (wanted !== undefined) return { expires: wanted, warnings: [] };
  const { expires } =
    entries.findLast(({ frame: { statement } }) => {
      const approves = statement.type === 'approve' || statement.type === 'rollback';
      return approves && equalBytes(statement.digest, digest);
    })?.frame.statement ?? {};
  if (expires === undefined) return { warnings: [] };
  if (expires > now) return { expires, warnings: [{ code: 'keeps_expiry', expires }] };
  throw fail(
    'usage',
    `the approval of this bundle ended ${endText(expires)}: say until when it is good now`,
    {
      details: { expires },
    },
  );
}

/** `2026-11-24T08:13:05Z` of unix seconds. */
export const endText = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().replace('.000', '');

/** @returns the reason. @throws usage for one that no statement can carry */
export function checkReason(reason: string): string {
  if (utf8(reason).length > MAX_REASON_BYTES) {
    throw fail('usage', `a reason has at most ${MAX_REASON_BYTES} bytes`);
  }
  return reason;
}

/** The head of a record as what the next statement follows. */
export function headToFollow({ head }: Pick<History, 'head'>): Predecessor {
  if (head === undefined) return { digest: ZERO_DIGEST, seq: 0 };
  return { digest: head.frame.statementDigest, seq: head.frame.statement.seq };
}

/** What every plan about a node has in common. */
export function planAbout(
  session: Pick<Session, 'keyset' | 'doubts'>,
  { node, history }: NodeHistory,
): Pick<Plan, 'node' | 'keysetVersion' | 'after' | 'warnings' | 'objections'> {
  return {
    node,
    keysetVersion: session.keyset.version,
    after: headToFollow(history),
    warnings: [],
    objections: doubtsAbout(session, node),
  };
}

function doubtsAbout({ doubts }: Pick<Session, 'doubts'>, node: NodeId): Objection[] {
  return doubts
    .filter((doubt) => !('node' in doubt) || doubt.node === node)
    .map((doubt) => ({ code: 'record_doubtful', doubt }));
}
