import {
  CoatcheckError,
  isZero,
  MAX_REPORT_BYTES,
  MAX_SEALED_BYTES,
  toHex,
} from '../bundle/index.ts';
import type { NodeId, VerifiedFrame } from '../bundle/index.ts';
import { codeOf, fail, hasCode, mayPass } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { MAX_ENTRY_BYTES, verifyEntry } from '../protocol/history.ts';
import { approvedKey } from '../protocol/keys.ts';
import type { DigestHex, Prefix } from '../protocol/keys.ts';
import { predecessorOf } from '../protocol/succession.ts';
import type { Predecessor } from '../protocol/succession.ts';
import { approvedTpm, attestedReport } from './attested.ts';
import type { ApprovedTpm, AttestedFacts } from './attested.ts';
import type { Cached } from './cache.ts';
import type { Listed, ReadObject } from './objects.ts';
import { isUnreadable, openProposal, openSealed } from './open.ts';
import { collect } from './pool.ts';
import type { Session } from './session.ts';
import { openNodeReport } from './views/report.ts';
import { statementView } from './views/statement.ts';
import type { StatementView } from './views/statement.ts';

/** Why nothing is known of an object: it cannot be read now, or it is no good. */
export interface NoFacts {
  readonly problem: ErrorCode;
}

/** Of `approved/<node>`. */
export interface ApprovedFacts {
  readonly decision: StatementView;
  /** digest of the bundle, 64 hex digits; absent where there is none */
  readonly bundle?: string;
  /** the host name that the bundle sets; absent where there is none, or it cannot be opened here */
  readonly name?: string;
  /** where the node's key comes from, and the site's PCR key that it is bound to; claimed */
  readonly keySource?: string;
  readonly pcrKey?: string;
  /** Ed25519 key of the node, 64 hex digits, where the bundle was opened */
  readonly signKey?: string;
  /** the TPM that was approved with it; absent where none was */
  readonly tpm?: ApprovedTpm;
}

/** Of `pending/<node>/<digest>`. What only its maker vouches for is a claim. */
export interface ProposalFacts {
  readonly madeBy: 'node' | 'admin';
  /** claimed */
  readonly hostname?: string;
  /** claimed */
  readonly keySource?: string;
  /** Which machine it says that it was, and whether that is proven */
  readonly succeeds?: Predecessor;
}

/** Of the newest slot of a history, where it is not what the node is shown. */
export interface HeadFacts {
  /** The newest decision; absent where no slot holds one. */
  readonly head?: StatementView;
  /** The newest that puts something in force; absent where there is none. */
  readonly inForce?: StatementView;
}

/** Of `reports/<node>`: the machine's word. */
export interface ReportFacts {
  /** unix seconds, by the node's clock */
  readonly time: number;
  readonly result: string;
  /** 64 hex digits */
  readonly statementDigest: string;
  /** Ed25519 key of who signed, 64 hex digits */
  readonly signer: string;
  /** The latest time of any report of the node that was seen here, unix seconds by its clock. */
  readonly latest: number;
  /** what its TPM vouches for; absent where nothing vouches */
  readonly attested?: AttestedFacts;
}

/** What the objects of a store come to, each read once for every version of it. */
export interface Facts {
  readonly approved: (listed: Listed) => ApprovedFacts | NoFacts | undefined;
  readonly proposal: (listed: Listed) => ProposalFacts | NoFacts | undefined;
  readonly head: (listed: Listed) => HeadFacts | NoFacts | undefined;
  readonly report: (listed: Listed) => ReportFacts | NoFacts | undefined;
  /** Those of which nothing is known, or only what another version of them said, or what may pass. */
  unread(listed: readonly Listed[]): Listed[];
  /**
   * Reads these, 8 at a time: one request for 100 of them, and a GET each.
   * @param onRead called after each
   */
  read(listed: readonly Listed[], onRead: () => void): Promise<void>;
  /** Keeps what is known of these. Of others only what `prefixes` does not name. */
  keep(listed: readonly Listed[], prefixes: readonly Prefix[]): Promise<void>;
}

/** {@link Facts} over what the cache of the session has. */
export async function loadFacts(session: Session): Promise<Facts> {
  const { cache } = session;
  const loaded = await cache.load();
  const known = new Map(loaded);
  /** By key, what is known to be kept. */
  const kept = new Map<string, Pick<Cached, 'version'>>(loaded);
  /** Keys of what cannot be read now, and may be the next time. */
  const passing = new Set<string>();
  /** Keys of what was read since it was kept. */
  const news = new Set<string>();

  const get = ({ key, version }: Listed): unknown => {
    const entry = known.get(key);
    return entry !== undefined && entry.version === (version ?? '') ? entry.facts : undefined;
  };

  async function factsOf(listed: Listed, object: ReadObject): Promise<unknown> {
    const { parsed } = listed;
    if (!('node' in parsed)) return undefined;
    const { node } = parsed;
    if (parsed.prefix === 'pending') return proposalFacts(session, node, parsed.digest, object);
    if (parsed.prefix === 'approved') return approvedFacts(session, node, object);
    if (parsed.prefix === 'history') {
      const shown = known.get(approvedKey(node))?.facts as ApprovedFacts | NoFacts | undefined;
      return headFacts(session, parsed, object, shown);
    }
    const before = known.get(listed.key)?.facts as Partial<ReportFacts> | undefined;
    return reportFacts(session, node, object, before?.latest);
  }

  async function read(listed: readonly Listed[], onRead: () => void): Promise<void> {
    for (const { prefix, maxBytes } of KINDS) {
      const wanted = listed.filter((one) => one.parsed.prefix === prefix);
      const keys = wanted.map(({ key }) => key);
      const each = session.readEach(keys, maxBytes, async (object, i) => {
        const one = wanted[i]!;
        const { facts, isPassing } = await orProblem(object, () => factsOf(one, object));
        // A listing that tells of no version says not whether this is the same the next time.
        const isUntold = one.version === undefined;
        known.set(one.key, { version: one.version ?? '', facts });
        if (isPassing || isUntold) passing.add(one.key);
        else passing.delete(one.key);
        news.add(one.key);
        onRead();
      });
      await collect(each);
    }
  }

  async function keep(listed: readonly Listed[], prefixes: readonly Prefix[]): Promise<void> {
    const there = new Set(listed.map(({ key }) => key));
    // One whose kept version is another now was kept by somebody who looked later.
    const gone = [...kept].filter(
      ([key]) => !there.has(key) && prefixes.some((prefix) => key.startsWith(`${prefix}/`)),
    );
    const read = [...news].flatMap((key) => {
      const entry = known.get(key);
      const isKept = entry !== undefined && !passing.has(key) && there.has(key);
      return isKept ? [[key, entry] as const] : [];
    });
    news.clear();
    if (gone.length + read.length === 0) return;
    await cache.update((now) => {
      const entries = new Map(now);
      for (const [key, { version }] of gone) {
        if (now.get(key)?.version === version) entries.delete(key);
      }
      for (const [key, { version, facts }] of read) {
        entries.set(key, { version, facts: withLatest(facts, now.get(key)?.facts) });
      }
      return entries;
    });
    for (const [key] of gone) {
      kept.delete(key);
      known.delete(key);
      passing.delete(key);
    }
    for (const [key, entry] of read) kept.set(key, entry);
  }

  return {
    approved: get as Facts['approved'],
    proposal: get as Facts['proposal'],
    head: get as Facts['head'],
    report: get as Facts['report'],
    unread: (listed) => listed.filter((one) => get(one) === undefined || passing.has(one.key)),
    ...{ read, keep },
  };
}

/** Of a report, with the latest time that another program has seen meanwhile. */
function withLatest(facts: unknown, others: unknown): unknown {
  const [own, other] = [facts, others] as Partial<ReportFacts>[];
  if (own?.latest === undefined || other?.latest === undefined) return facts;
  return { ...own, latest: Math.max(own.latest, other.latest) };
}

/** In this order: what a newest slot comes to is told from what the node is shown. */
const KINDS = [
  { prefix: 'approved', maxBytes: MAX_ENTRY_BYTES },
  { prefix: 'pending', maxBytes: MAX_SEALED_BYTES },
  { prefix: 'reports', maxBytes: MAX_REPORT_BYTES },
  { prefix: 'history', maxBytes: MAX_ENTRY_BYTES },
] as const;

async function orProblem(
  { error }: ReadObject,
  work: () => Promise<unknown>,
): Promise<{ readonly facts: unknown; readonly isPassing: boolean }> {
  try {
    if (error !== undefined) throw error;
    return { facts: await work(), isPassing: false };
  } catch (reason) {
    const problem = codeOf(reason);
    const isPassing = mayPass(problem) || hasCode(reason, 'not_found', 'already_decided');
    if (!isPassing && !isUnreadable(reason) && !hasCode(reason, 'too_large', 'wrong_site'))
      throw reason;
    return { facts: { problem }, isPassing };
  }
}

async function approvedFacts(
  session: Session,
  node: NodeId,
  { key, bytes }: ReadObject,
): Promise<ApprovedFacts> {
  if (bytes === undefined) throw fail('not_found', `there is nothing at ${key}`);
  const frame = verifyEntry(bytes, session.site, node);
  const decision = statementView(frame, session.client.now());
  const { bundle, keyset } = frame;
  if (bundle === undefined) return { decision };
  const facts = { decision, bundle: toHex(bundle.digest) };
  try {
    const { manifest } = await openSealed(session, node, bundle, keyset);
    const { hostname, keySource, pcrKey } = manifest.metadata;
    const tpm = frame.self ? undefined : approvedTpm(manifest.metadata, frame.statementDigest);
    return {
      ...facts,
      ...(tpm && { tpm }),
      ...(hostname === undefined ? {} : { name: hostname }),
      ...(keySource !== undefined && { keySource }),
      ...(pcrKey !== undefined && { pcrKey }),
      signKey: toHex(manifest.node.signKey),
    };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return facts;
  }
}

async function proposalFacts(
  session: Session,
  node: NodeId,
  digest: DigestHex,
  { bytes }: ReadObject,
): Promise<ProposalFacts> {
  const { sealed, manifest } = await openProposal(session, node, digest, bytes);
  const { hostname, keySource, succeeds } = manifest.metadata;
  return {
    madeBy: sealed.kind === 'admin' ? 'admin' : 'node',
    ...(hostname === undefined ? {} : { hostname }),
    ...(keySource === undefined ? {} : { keySource }),
    ...(succeeds !== undefined && { succeeds: predecessorOf(session.site.id, node, succeeds) }),
  };
}

/**
 * What the newest slot says. One that follows what the node is shown, or nothing, tells all by itself;
 * otherwise the record is read.
 */
async function headFacts(
  session: Session,
  { node, slot }: { readonly node: NodeId; readonly slot: number },
  { bytes }: ReadObject,
  shown: ApprovedFacts | NoFacts | undefined,
): Promise<HeadFacts> {
  const now = session.client.now();
  const decided = shown !== undefined && 'decision' in shown ? shown.decision : undefined;
  const newest = bytes === undefined ? undefined : entryOrNone(bytes, session, node);
  if (newest !== undefined) {
    const view = statementView(newest, now);
    const isShown = view.statementDigest === decided?.statementDigest;
    if (isShown) return { head: view, inForce: view };
    const follows =
      view.prev === decided?.statementDigest || (slot === 1 && isZero(newest.statement.prev));
    if (follows && view.seq > (decided?.seq ?? 0)) {
      if (view.type !== 'reject') return { head: view, inForce: view };
      return { head: view, ...(decided === undefined ? {} : { inForce: decided }) };
    }
  }
  const { head, inForce } = await session.history(node);
  return {
    ...(head === undefined ? {} : { head: statementView(head.frame, now) }),
    ...(inForce === undefined ? {} : { inForce: statementView(inForce.frame, now) }),
  };
}

/** Undefined for what does not verify: the record says what stands then. */
function entryOrNone(
  bytes: Uint8Array,
  { site }: Session,
  node: NodeId,
): VerifiedFrame | undefined {
  try {
    return verifyEntry(bytes, site, node);
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return undefined;
  }
}

async function reportFacts(
  session: Session,
  node: NodeId,
  { key, bytes }: ReadObject,
  before: number | undefined,
): Promise<ReportFacts> {
  if (bytes === undefined) throw fail('not_found', `there is nothing at ${key}`);
  const { report, signer } = await openNodeReport(session, node, bytes);
  const { time, result, statementDigest } = report;
  const attested = await attestedReport(session.site, report);
  return {
    ...{ time, result, statementDigest: toHex(statementDigest), signer: toHex(signer) },
    ...(attested && { attested }),
    latest: Math.max(time, before ?? 0),
  };
}
