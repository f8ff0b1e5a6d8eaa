import { sha256 } from '#platform';
import { concat, fromUtf8, isZero, Reader, utf8, Writer } from './bytes.ts';
import { bundleError } from './errors.ts';
import { nodeIdBytes, nodeIdFromBytes } from './identity.ts';
import type { NodeId } from './identity.ts';
import { readSignatures, writeSignatures } from './signatures.ts';
import type { StatementSignature } from './signatures.ts';

/** What can be decided about a node. */
export const STATEMENT_TYPES = ['approve', 'reject', 'reconfigure', 'revoke', 'rollback'] as const;
/** One of these. */
export type StatementType = (typeof STATEMENT_TYPES)[number];

/** One decision about one node (docs/format.md, "Statement"). */
export interface Statement {
  readonly type: StatementType;
  /** The keyset that its signers belong to */
  readonly keysetVersion: number;
  /** 16 bytes */
  readonly site: Uint8Array;
  readonly node: NodeId;
  /** Of the bundle that it is about, 32 bytes; zeros for revoke, and where there is none */
  readonly digest: Uint8Array;
  /** Digest of the statement before it, 32 bytes; zeros if there is none */
  readonly prev: Uint8Array;
  /** 1 to 2^53 - 1 */
  readonly seq: number;
  /** Unix seconds */
  readonly issued: number;
  /** Unix seconds; absent for never */
  readonly expires?: number;
  /** 0 to 200 bytes of UTF-8; whoever prints it must escape it */
  readonly reason: string;
}

/** A statement, and who signed it. */
export interface SignedStatement {
  readonly statement: Statement;
  /** SHA-256("coatcheck/v1 statement\0" || statement without signatures), 32 bytes */
  readonly digest: Uint8Array;
  /** By ascending key index */
  readonly signatures: readonly StatementSignature[];
}

/** 32 zero bytes: stands for no bundle and no statement. */
export const ZERO_DIGEST: Uint8Array = new Uint8Array(32);
/** Limit on a reason, bytes of UTF-8. */
export const MAX_REASON_BYTES = 200;
/** The end of the year 9999: what calendars still print. Unix seconds. */
export const MAX_TIME = 253_402_300_799;
/** With the longest reason and 15 signatures. */
export const MAX_STATEMENT_BYTES = 134 + MAX_REASON_BYTES + 1 + 15 * 65;
const CONTEXT = utf8('coatcheck/v1 statement\0');

/** The statement without its signatures. @throws as {@link decodeSignedStatement} */
export function encodeStatement(statement: Statement): Uint8Array {
  checkStatement(statement);
  const reason = utf8(statement.reason);
  return new Writer()
    .magic('ccs')
    .u8(STATEMENT_TYPES.indexOf(statement.type))
    .u32(statement.keysetVersion)
    .bytes(statement.site)
    .bytes(nodeIdBytes(statement.node))
    .bytes(statement.digest)
    .bytes(statement.prev)
    .u64(statement.seq)
    .u64(statement.issued)
    .u64(statement.expires ?? 0)
    .u8(reason.length)
    .bytes(reason)
    .finish();
}

/** What every signature of the statement covers; its SHA-256 is the statement's digest. */
export function statementMessage(statement: Statement): Uint8Array {
  return concat(CONTEXT, encodeStatement(statement));
}

/** 32 bytes: what `prev` and a bundle's `base` name. */
export function statementDigest(statement: Statement): Uint8Array {
  return sha256(statementMessage(statement));
}

/** The statement with its signatures (docs/format.md, "Statement"). */
export function encodeSignedStatement(signed: SignedStatement): Uint8Array {
  const writer = new Writer().bytes(encodeStatement(signed.statement));
  return writeSignatures(writer, signed.signatures).finish();
}

/**
 * Checks the layout and the rules of the type, not the signatures.
 * @throws truncated, trailing_bytes, bad_magic, unsupported_version, bad_type, bad_field, bad_site,
 *   bad_sequence, bad_time, bad_reason, too_many_signatures, bad_key_index, duplicate, unsorted
 */
export function decodeSignedStatement(bytes: Uint8Array): SignedStatement {
  const reader = new Reader(bytes);
  reader.magic('ccs');
  const type = STATEMENT_TYPES[reader.u8()];
  if (type === undefined) throw bundleError('bad_type', 'this type of statement is not known');
  const keysetVersion = reader.u32();
  const site = reader.bytes(16);
  const node = nodeIdFromBytes(reader.bytes(20));
  const digest = reader.bytes(32);
  const prev = reader.bytes(32);
  const seq = reader.u64();
  const issued = reader.u64();
  const expires = reader.u64();
  const statement: Statement = {
    ...{ type, keysetVersion, site, node, digest, prev, seq, issued },
    ...(expires === 0 ? {} : { expires }),
    reason: readReason(reader.bytes(reader.u8())),
  };
  checkStatement(statement);
  const messageDigest = sha256(CONTEXT, reader.since(0));
  const signatures = readSignatures(reader);
  reader.end();
  return { statement, digest: messageDigest, signatures };
}

function readReason(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    throw bundleError('bad_reason', 'the reason is not UTF-8', { cause });
  }
}

function checkStatement(statement: Statement): void {
  const { type, keysetVersion, site, digest, prev, seq, issued, expires, reason } = statement;
  const whole = (n: number, min: number, max: number): boolean =>
    Number.isInteger(n) && n >= min && n <= max;
  if (site.length !== 16 || isZero(site)) {
    throw bundleError('bad_site', 'a site id is 16 bytes and not all zeros');
  }
  if (!whole(keysetVersion, 1, 0xffff_ffff) || digest.length !== 32 || prev.length !== 32) {
    throw bundleError('bad_field', 'a field of the statement has a wrong size');
  }
  if (type !== 'reconfigure' && isZero(digest) !== (type === 'revoke')) {
    throw bundleError(
      'bad_field',
      type === 'revoke' ? 'a revoke names no bundle' : `${type} must name a bundle`,
    );
  }
  if (!whole(seq, 1, Number.MAX_SAFE_INTEGER)) {
    throw bundleError('bad_sequence', 'a sequence number is 1 to 2^53 - 1');
  }
  if (!whole(issued, 0, MAX_TIME) || (expires !== undefined && !whole(expires, 1, MAX_TIME))) {
    throw bundleError('bad_time', 'a time is in unix seconds, up to the year 9999');
  }
  if (utf8(reason).length > MAX_REASON_BYTES || fromUtf8(utf8(reason)) !== reason) {
    throw bundleError('bad_reason', `a reason has at most ${MAX_REASON_BYTES} bytes of UTF-8`);
  }
}
