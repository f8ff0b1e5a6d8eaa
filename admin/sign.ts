import {
  bundleDigest,
  CoatcheckError,
  encodeSignedStatement,
  nodeIdOf,
  toHex,
} from '../bundle/index.ts';
import type { Manifest, NodeId, Statement, StatementType } from '../bundle/index.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { parseDigest } from '../protocol/keys.ts';
import { headToFollow } from './plan.ts';
import type { Predecessor, Plan, PlannedStatement } from './plan.ts';
import type { Session } from './session.ts';
import type { Objection } from './warning.ts';

/** What whoever consents has said. */
export interface Consent {
  /** The objections that were seen, and that stop nothing. */
  readonly despite?: readonly Objection['code'][];
}

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

/**
 * Signs a plan, statement by statement, and has each recorded.
 *
 * A statement follows the decision that was looked at, so one that somebody made in between is never
 * overruled: the server refuses, and nothing is decided. Then look and plan again; nothing read
 * before is good any more. An outcome that is not known is asked for again with the same statement,
 * which the server finds recorded if it was.
 *
 * @returns one outcome a statement, in order
 * @throws stale_base or record_doubtful for an objection that the consent does not name, and
 *   stale_keyset for a plan under another keyset: nothing was signed. head_moved if somebody decided
 *   meanwhile, too_large, every refusal of the server, and what the client and the ports throw
 */
export async function sign(
  session: Session,
  plan: Plan,
  consent: Consent = {},
): Promise<Outcome[]> {
  demandConsent(plan, consent);
  if (plan.keysetVersion !== session.keyset.version) {
    const { version } = session.keyset;
    throw fail('stale_keyset', `the newest keyset is ${version}: plan again`, {
      details: { version },
    });
  }
  const outcomes: Outcome[] = [];
  let uploaded: Uint8Array | undefined;
  let { after } = plan;
  for (const planned of plan.statements) {
    if (planned.upload !== undefined) uploaded = await propose(session, planned.upload);
    const recorded = await decideAfterOwn(session, plan.node, after, planned, {
      isFirst: outcomes.length === 0,
      ...(uploaded === undefined ? {} : { uploaded }),
    });
    outcomes.push(recorded.outcome);
    after = recorded.made;
  }
  return outcomes;
}

function demandConsent({ objections }: Plan, { despite = [] }: Consent): void {
  const open = objections.find(({ code }) => !despite.includes(code));
  if (open === undefined) return;
  if (open.code === 'record_doubtful') {
    throw fail('record_doubtful', 'the store contradicts what was seen before: nothing was signed');
  }
  const what =
    open.code === 'older_bundle' ? 'the bundle is' : 'the proposal was made against what is';
  throw fail('stale_base', `${what} no longer in force: nothing was signed`);
}

interface Recorded {
  readonly outcome: Outcome;
  readonly made: Predecessor;
}

/**
 * The statements after the first follow our own, which was just recorded. Who decided since saw that
 * one, and does not speak against them: they follow that decision instead.
 */
async function decideAfterOwn(
  session: Session,
  node: NodeId,
  after: Predecessor,
  planned: PlannedStatement,
  sofar: { readonly isFirst: boolean; readonly uploaded?: Uint8Array },
): Promise<Recorded> {
  try {
    return await decide(session, node, after, planned, sofar.uploaded);
  } catch (error) {
    if (sofar.isFirst || !hasCode(error, 'head_moved')) throw error;
    const now = headToFollow(await session.history(node));
    return await decide(session, node, now, planned, sofar.uploaded);
  }
}

/**
 * The seq is above the store's, above the remembered one, and above what the node is shown if the
 * record lost that: so that nodes that remember more than a restored store shows obey.
 */
async function decide(
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

/**
 * Seals a manifest to its node and to every administrator of the newest keyset, signs it as this
 * administrator, and uploads it as a proposal.
 * @returns its digest, 32 bytes
 */
async function propose(session: Session, manifest: Manifest): Promise<Uint8Array> {
  const made = { madeAt: session.client.now(), madeBy: session.program };
  const sealed = await session.key.sign.bundle(
    { ...manifest, metadata: { ...manifest.metadata, ...made } },
    [manifest.node.boxKey, ...session.keyset.keys.map(({ boxKey }) => boxKey)],
  );
  const { maxBundleBytes } = session.site;
  if (sealed.length > maxBundleBytes) {
    throw fail('too_large', `${sealed.length} sealed bytes are over the site's ${maxBundleBytes}`);
  }
  const digest = bundleDigest(sealed);
  const { put } = await session.client.propose(nodeIdOf(manifest.node), {
    digest: parseDigest(toHex(digest)),
    size: sealed.length,
  });
  await session.client.put(put, sealed);
  return digest;
}
