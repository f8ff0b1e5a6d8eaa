import {
  CoatcheckError,
  encodeSignedStatement,
  signStatement,
  toHex,
  ZERO_DIGEST,
} from '../bundle/index.ts';
import type { NodeId, Statement, StatementType } from '../bundle/index.ts';
import { hasCode } from '../protocol/errors.ts';
import type { History } from '../protocol/history.ts';
import type { DecisionSource } from '../protocol/http.ts';
import type { Session } from './session.ts';

/** What an administrator has looked at and wants. */
export interface Decision {
  readonly type: StatementType;
  /** 32 bytes; zeros where there is no bundle */
  readonly digest: Uint8Array;
  readonly from?: DecisionSource;
  /** 32 bytes; with `from`, where the node made the bundle */
  readonly nodeBoxKey?: Uint8Array;
  readonly reason: string;
  /** unix seconds */
  readonly expires?: number;
}

/** A decision that is recorded. */
export interface Decided {
  readonly node: NodeId;
  readonly type: StatementType;
  readonly digest: string;
  readonly seq: number;
  readonly slot: number;
  readonly statementDigest: string;
  /** False if nodes do not see it yet: `coatcheck repair` finishes it. */
  readonly published: boolean;
}

/** Sending the same statement again is harmless: the server finds it recorded already. */
const ATTEMPTS = 3;

/**
 * Signs a decision that follows the head of `history`, which the administrator has seen, and has it
 * recorded. The seq is above the store's, above the remembered one, and above what the node is
 * shown if the record lost that: so that nodes that remember more than a restored store shows obey.
 * @throws head_moved if somebody decided meanwhile, and every refusal of the server
 */
export async function decide(
  session: Session,
  node: NodeId,
  history: History,
  decision: Decision,
): Promise<Decided> {
  const head = history.head?.frame;
  const above = Math.max(head?.statement.seq ?? 0, session.seen(node)?.seq ?? 0);
  const { type, digest, reason, expires } = decision;
  const statement: Statement = {
    type,
    keysetVersion: session.keyset.version,
    site: session.site.id,
    node,
    digest,
    prev: head?.statementDigest ?? ZERO_DIGEST,
    seq: above + 1,
    issued: session.client.now(),
    ...(expires === undefined ? {} : { expires }),
    reason,
  };
  try {
    return await record(session, statement, decision);
  } catch (error) {
    const shown = seqShown(error);
    if (shown === undefined || shown <= above) throw error;
    return await record(session, { ...statement, seq: shown + 1 }, decision);
  }
}

/** The seq that a node is shown although the record lost it, where the server refuses to go below. */
function seqShown(error: unknown): number | undefined {
  if (!(error instanceof CoatcheckError) || error.code !== 'bad_sequence') return undefined;
  const { seq } = error.details;
  return typeof seq === 'number' && Number.isSafeInteger(seq) ? seq : undefined;
}

async function record(
  session: Session,
  statement: Statement,
  decision: Decision,
): Promise<Decided> {
  const { node, type, digest, seq } = statement;
  const signed = signStatement(statement, session.identity, session.keyIndex);
  const { slot, published } = await send(session, node, encodeSignedStatement(signed), decision);
  const statementDigest = toHex(signed.digest);
  await session.remember(node, { seq, digest: statementDigest });
  return { node, type, digest: toHex(digest), seq, slot, statementDigest, published };
}

async function send(
  session: Session,
  node: NodeId,
  statement: Uint8Array,
  { from, nodeBoxKey }: Decision,
): ReturnType<Session['client']['decide']> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await session.client.decide(node, statement, from, nodeBoxKey);
    } catch (error) {
      const unknown = hasCode(error, 'server_unreachable', 'store_unknown', 'store_unavailable');
      if (!unknown || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
    }
  }
}
