import { CoatcheckError, encodeSignedStatement, toHex } from '../bundle/index.ts';
import type { NodeId, Statement, StatementType } from '../bundle/index.ts';
import { hasCode } from '../protocol/errors.ts';
import type { PlannedStatement, Predecessor } from './plan.ts';
import type { Session } from './session.ts';

/** A decision that is recorded. */
export interface Outcome {
  readonly node: NodeId;
  readonly type: StatementType;
  /** of the bundle that it names, 64 hex digits; zeros for none */
  readonly digest: string;
  readonly seq: number;
  readonly slot: number;
  /** 64 hex digits */
  readonly statementDigest: string;
  /** False if nodes do not see it yet: a repair of the node finishes it. */
  readonly published: boolean;
}

/** An outcome, and what the next statement may follow. */
export interface Recorded {
  readonly outcome: Outcome;
  readonly made: Predecessor;
}

/**
 * Signs one statement of a plan, and has it recorded.
 *
 * The seq is above the store's, above the remembered one, and above what the node is shown if the
 * record lost that: so that nodes that remember more than a restored store shows obey.
 * @param uploaded what the plan uploaded, 32 bytes
 * @throws head_moved if somebody decided after `after`, every refusal of the server, and what the
 *   client and the ports throw
 */
export async function decide(
  session: Session,
  node: NodeId,
  after: Predecessor,
  planned: PlannedStatement,
  uploaded: Uint8Array | undefined,
): Promise<Recorded> {
  const above = Math.max(after.seq, session.seen(node)?.seq ?? 0);
  const { type, expires, reasonNamesUpload } = planned;
  const digest = planned.digest ?? uploaded!;
  const named = reasonNamesUpload === undefined ? '' : toHex(uploaded!).slice(0, 16);
  const statement: Statement = {
    type,
    keysetVersion: session.keyset.version,
    site: session.site.id,
    node,
    digest,
    prev: after.digest,
    seq: above + 1,
    issued: session.client.now(),
    ...(expires === undefined ? {} : { expires }),
    reason: planned.reason + named,
  };
  try {
    return await record(session, statement, planned);
  } catch (error) {
    const shown = seqShown(error);
    if (shown === undefined || shown <= above) throw error;
    return await record(session, { ...statement, seq: shown + 1 }, planned);
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
  planned: PlannedStatement,
): Promise<Recorded> {
  const { node, type, digest, seq } = statement;
  const signed = await session.key.sign.statement(statement, session.keyIndex);
  const { slot, published } = await send(session, node, encodeSignedStatement(signed), planned);
  const statementDigest = toHex(signed.digest);
  await session.remember(node, { seq, digest: statementDigest });
  return {
    outcome: { node, type, digest: toHex(digest), seq, slot, statementDigest, published },
    made: { digest: signed.digest, seq },
  };
}

/** Sending the same statement again is harmless: the server finds it recorded already. */
const ATTEMPTS = 3;

async function send(
  session: Session,
  node: NodeId,
  statement: Uint8Array,
  { from, nodeBoxKey }: PlannedStatement,
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
