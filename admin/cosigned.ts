import { equalBytes, toHex } from '../bundle/index.ts';
import type { Keyset, NodeId, SignedStatement, StatementType } from '../bundle/index.ts';
import { sortSignatures } from '../bundle/signatures.ts';
import { codeOf } from '../protocol/errors.ts';
import {
  decodeCosignature,
  isSignedUnder,
  isUnderWay,
  MAX_COSIGNATURE_BYTES,
} from '../protocol/cosignature.ts';
import { isExpired } from '../protocol/verify.ts';
import type { Session } from './session.ts';

/** A decision that somebody has signed, with the signatures on it that lie in the store. */
export interface Cosigned {
  readonly node: NodeId;
  readonly signed: SignedStatement;
  /** It will never be a decision: it follows another than the newest, is of an older keyset, or has ended. */
  readonly isVoid: boolean;
  /** Its own end has passed: to sign it would only end what is in force. */
  readonly hasEnded: boolean;
}

/** What a decision that lacks signatures would follow. */
interface Follows {
  /** statement digest of the newest decision, 32 bytes; zeros for none */
  readonly head: Uint8Array;
  /** An end that is nothing new, unix seconds: that of what is in force, which a reseal keeps. */
  readonly end?: number | undefined;
}

/** Whose signatures a decision has, and lacks. A plain value. */
export interface CosignedView {
  readonly type: StatementType;
  readonly seq: number;
  /** of the bundle that it is about, 64 hex digits; zeros for none */
  readonly digest: string;
  /** 64 hex digits */
  readonly statementDigest: string;
  readonly reason: string;
  /** unix seconds */
  readonly issued: number;
  /** unix seconds */
  readonly expires?: number;
  /** names of administrators */
  readonly signedBy: readonly string[];
  /** who may sign it yet */
  readonly open: readonly string[];
  /** how many of them have to */
  readonly lacking: number;
  readonly isVoid: boolean;
  /** where it is void since `expires` has passed */
  readonly hasEnded?: true;
}

/**
 * What administrators have signed about a node that lacks signatures, each with all that there are.
 * Nothing is asked where one signature is always enough.
 * @throws what the client throws
 */
export async function readCosigned(
  session: Session,
  node: NodeId,
  { head, end }: Follows,
): Promise<Cosigned[]> {
  const { chain, client, keyset, site } = session;
  if (chain.every((link) => link.keyset.threshold === 1)) return [];
  const places: { key: string; parsed: Parameters<typeof decodeCosignature>[1] }[] = [];
  for await (const { key, parsed } of session.list('cosign', node)) {
    if (parsed.prefix === 'cosign') places.push({ key, parsed });
  }
  const keys = places.map(({ key }) => key);
  const found = new Map<string, SignedStatement>();
  const read = session.readEach(keys, MAX_COSIGNATURE_BYTES, ({ bytes, error }, i) => {
    if (error !== undefined) throw error;
    return bytes && decoded(bytes, places[i]!.parsed, site);
  });
  for await (const signed of read) {
    if (signed === undefined) continue;
    const of = chain.find((link) => link.keyset.version === signed.statement.keysetVersion);
    if (of === undefined || !isSignedUnder(signed, of.keyset)) continue;
    const digest = toHex(signed.digest);
    const before = found.get(digest);
    found.set(digest, before === undefined ? signed : joined(before, [signed]));
  }
  return [...found.values()].map((signed) => {
    const isUp = isUnderWay(signed, { statementDigest: head }, keyset);
    const { statement } = signed;
    const hasEnded = isUp && statement.expires !== end && isExpired(statement, [client.now()]);
    return { ...{ node, signed, hasEnded }, isVoid: !isUp || hasEnded };
  });
}

/** What is no signature is for a repair to take away. */
function decoded(
  bytes: Uint8Array,
  at: Parameters<typeof decodeCosignature>[1],
  site: Session['site'],
): SignedStatement | undefined {
  try {
    return decodeCosignature(bytes, at, site);
  } catch (error) {
    if (codeOf(error) === 'internal') throw error;
    return undefined;
  }
}

/** One statement with all the signatures on it, each key once. */
export function joined(
  first: SignedStatement,
  others: readonly SignedStatement[],
): SignedStatement {
  const byIndex = new Map(
    [first, ...others]
      .flatMap(({ signatures }) => signatures)
      .flatMap((entry) => ('keyIndex' in entry ? [[entry.keyIndex, entry] as const] : [])),
  );
  return { ...first, signatures: sortSignatures([...byIndex.values()]) };
}

/** Whether this key has signed it. */
export const isSignedBy = ({ signatures }: SignedStatement, keyIndex: number): boolean =>
  signatures.some((entry) => 'keyIndex' in entry && entry.keyIndex === keyIndex);

/** {@link CosignedView} of a decision. */
export function cosignedView(
  { chain }: Pick<Session, 'chain'>,
  { signed, isVoid, hasEnded }: Pick<Cosigned, 'signed' | 'isVoid' | 'hasEnded'>,
): CosignedView {
  const { type, seq, digest, reason, issued, expires, keysetVersion } = signed.statement;
  const { keyset } = chain.find((link) => link.keyset.version === keysetVersion)!;
  const signers = keyset.keys.filter((_, i) => isSignedBy(signed, i));
  return {
    ...{ type, seq, reason, issued, isVoid },
    ...(hasEnded ? { hasEnded } : {}),
    ...(expires === undefined ? {} : { expires }),
    digest: toHex(digest),
    statementDigest: toHex(signed.digest),
    signedBy: signers.map(({ name }) => name),
    open: openTo(keyset, signed).map(({ name }) => name),
    lacking: Math.max(0, keyset.threshold - signers.length),
  };
}

function openTo({ keys }: Keyset, signed: SignedStatement): Keyset['keys'] {
  const { type, seq, prev } = signed.statement;
  const isFirst = type === 'approve' && seq === 1 && equalBytes(prev, new Uint8Array(32));
  return keys.filter((key, i) => !isSignedBy(signed, i) && (key.may === 'all' || isFirst));
}

/** Whose signatures there are and are not, in a few words: `1 of 2 signatures (ada); lacks one of bob, cyd`. */
export function signaturesText({
  signedBy,
  open,
  lacking,
}: Pick<CosignedView, 'signedBy' | 'open' | 'lacking'>): string {
  const has = `${signedBy.length} of ${signedBy.length + lacking} signatures (${signedBy.join(', ')})`;
  if (lacking === 0) return `${has}; lacks none, and has to be sent`;
  const names = open.join(', ');
  if (open.length <= lacking) return `${has}; lacks ${names}`;
  return `${has}; lacks ${lacking === 1 ? 'one' : lacking} of ${names}`;
}
