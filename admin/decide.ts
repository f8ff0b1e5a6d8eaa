import { CoatcheckError, encodeSignedStatement, equalBytes, toHex } from '../bundle/index.ts';
import type { NodeId, SignedStatement, Statement, StatementType } from '../bundle/index.ts';
import { codeOf, fail, hasCode } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { cosignedView, isSignedBy, joined, readCosigned, signaturesText } from './cosigned.ts';
import type { Seen } from './memory.ts';
import type { PlannedStatement, Predecessor } from './plan.ts';
import { decidersOf, decisionText } from './record.ts';
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
  /** until when it is good, unix seconds */
  readonly expires?: number;
  /** False if nodes do not see it yet: a repair of the node finishes it. */
  readonly published: boolean;
  /** Why this program could not keep that it saw the decision, which stands all the same. */
  readonly unremembered?: { readonly code: ErrorCode; readonly message: string };
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
 * @param onSending told before it is sent: from then on it may be decided
 * Where the keyset asks for several signatures, this one is left for the others, or sent with theirs.
 * @throws undersigned where others have to sign it: the signature is there, and nothing is decided;
 *   head_moved if somebody decided after `after`, every refusal of the server, and what the ports throw:
 *   nothing was decided. already_decided where others signed this very statement first: it stands, as theirs. store_unknown where that is not known
 */
export async function decide(
  session: Session,
  node: NodeId,
  after: Predecessor,
  planned: PlannedStatement,
  uploaded: Uint8Array | undefined,
  onSending?: () => void,
): Promise<Recorded> {
  if (planned.joins !== undefined) {
    return record(session, planned.joins.statement, planned, onSending);
  }
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
    return await record(session, statement, planned, onSending);
  } catch (error) {
    const shown = seqShown(error);
    if (shown === undefined || shown <= above) throw error;
    return await record(session, { ...statement, seq: shown + 1 }, planned, onSending);
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
  onSending: (() => void) | undefined,
): Promise<Recorded> {
  const { node, type, digest, seq, expires } = statement;
  const { joins } = planned;
  const isSigned = joins !== undefined && isSignedBy(joins, session.keyIndex);
  const own = isSigned ? undefined : await session.key.sign.statement(statement, session.keyIndex);
  onSending?.();
  const signed =
    own !== undefined && session.keyset.threshold === 1
      ? own
      : await collect(session, node, { joins, own }, planned);
  const { outcome, slot, published } = await send('decide', session, node, signed, planned);
  if (outcome === 'already') await demandOwn(session, signed.statement, slot);
  const statementDigest = toHex(signed.digest);
  const unremembered = await remember(session, node, { seq, slot, digest: statementDigest });
  return {
    outcome: {
      ...{ node, type, digest: toHex(digest), seq, slot, statementDigest, published },
      ...(expires === undefined ? {} : { expires }),
      ...(unremembered === undefined ? {} : { unremembered }),
    },
    made: { digest: signed.digest, seq },
  };
}

/**
 * A statement does not say who signs it: two who decide the same within one second make the same one, and it is
 * recorded once, with the signatures of whoever came first.
 * @throws already_decided where this administrator's is not among them; what the client throws, with the
 *   word that it is decided
 */
async function demandOwn(
  session: Session,
  { node, type, seq }: Statement,
  slot: number,
): Promise<void> {
  const { entries } = await session.history(node).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw fail(
      codeOf(cause),
      `${type} (seq ${seq}) of ${node} is decided, and whose signatures it has could not be read: ${why}`,
      { cause },
    );
  });
  const entry = entries.find((one) => one.slot === slot);
  if (entry === undefined || entry.frame.signers.includes(session.keyIndex)) return;
  throw fail(
    'already_decided',
    `${decisionText(entry)} came first, and says the same: your signature is not in it`,
    { details: { type, seq, slot, by: decidersOf(entry).join(', ') } },
  );
}

/**
 * The statement with as many signatures as the keyset asks for. Where they are not there this one is left
 * for the others, and it is looked again: another may have left theirs in this moment.
 * @throws undersigned where there are not enough
 */
async function collect(
  session: Session,
  node: NodeId,
  {
    joins,
    own,
  }: { readonly joins: SignedStatement | undefined; readonly own: SignedStatement | undefined },
  planned: PlannedStatement,
): Promise<SignedStatement> {
  const { threshold } = session.keyset;
  const given = [joins, own].filter((one) => one !== undefined);
  let signed = joined(given[0]!, given.slice(1));
  if (signed.signatures.length >= threshold) return signed;
  try {
    if (own !== undefined) await send('cosign', session, node, own, planned);
  } catch (error) {
    // Then sending it again finds it.
    if (hasCode(error, 'already_decided')) return signed;
    throw error;
  }
  const { prev } = signed.statement;
  const there = (await readCosigned(session, node, { head: prev })).filter((one) =>
    equalBytes(one.signed.digest, signed.digest),
  );
  signed = joined(
    signed,
    there.map((one) => one.signed),
  );
  if (signed.signatures.length >= threshold) return signed;
  const view = cosignedView(session, { signed, isVoid: false, hasEnded: false });
  throw fail(
    'undersigned',
    `signed: ${view.type} of ${node} has ${signaturesText(view)}: coatcheck cosign ${node}`,
    { details: { node, statement: view.statementDigest, lacking: view.lacking } },
  );
}

/** Behind the commit: whatever goes wrong here, the decision stands. */
async function remember(
  session: Session,
  node: NodeId,
  seen: Seen,
): Promise<Outcome['unremembered']> {
  try {
    await session.remember(node, seen);
    return undefined;
  } catch (error) {
    return { code: codeOf(error), message: error instanceof Error ? error.message : String(error) };
  }
}

/** Sending the same statement again is harmless: the server finds it recorded already. */
const ATTEMPTS = 3;

async function send<C extends 'decide' | 'cosign'>(
  call: C,
  session: Session,
  node: NodeId,
  signed: SignedStatement,
  { from, nodeBoxKey }: PlannedStatement,
): Promise<Awaited<ReturnType<Session['client'][C]>>> {
  const bytes = encodeSignedStatement(signed);
  let isUnknown = false;
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await session.client[call](node, bytes, from, nodeBoxKey);
      return answer as Awaited<ReturnType<Session['client'][C]>>;
    } catch (error) {
      const isNoAnswer = hasCode(error, ...NO_ANSWER);
      isUnknown ||= isNoAnswer;
      if ((isNoAnswer || hasCode(error, 'store_unavailable')) && attempt < ATTEMPTS) {
        await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
        continue;
      }
      // An earlier sending may still be under way: only this says that it came too late.
      if (!isUnknown || hasCode(error, 'head_moved')) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw fail(
        'store_unknown',
        `whether this ${signed.statement.type} of ${node} is decided is not known (${why}): look at its history, and send it again if it is not there`,
        { cause: error, details: { statement: toHex(signed.digest) } },
      );
    }
  }
}

/** After these what was sent may be recorded, or be recorded later. */
export const NO_ANSWER = [
  'server_unreachable',
  'server_garbage',
  'store_unknown',
  'internal',
] as const satisfies ErrorCode[];
