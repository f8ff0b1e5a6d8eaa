import { equalBytes, Reader, Writer } from './bytes.ts';
import { bundleError } from './errors.ts';
import { bundleDigest, MAX_SEALED_BYTES, readBundle } from './header.ts';
import type { SealedBundle } from './header.ts';
import { decodeChain, encodeChain, verifyChain } from './keyset.ts';
import type { Keyset, SignedKeyset } from './keyset.ts';
import {
  decodeSignedStatement,
  encodeSignedStatement,
  MAX_STATEMENT_BYTES,
  verifyStatement,
} from './statement.ts';
import type { SignedStatement, Statement } from './statement.ts';

/** What `history/`, `approved/` and `rejected/` hold: a decision that carries its whole proof. */
export interface Frame {
  /** Keysets, oldest first; the last is the statement's */
  readonly chain: readonly SignedKeyset[];
  readonly statement: SignedStatement;
  /** The sealed bundle that the statement names; absent where there is none, or it was forgotten */
  readonly bundle?: Uint8Array;
}

/** A frame whose every signature is good. */
export interface VerifiedFrame {
  readonly keyset: Keyset;
  readonly statement: Statement;
  readonly statementDigest: Uint8Array;
  /** Approved by the node itself */
  readonly self: boolean;
  /** Key indexes in `keyset`, ascending; none if `self` */
  readonly signers: readonly number[];
  readonly bundle?: SealedBundle;
  readonly chain: readonly SignedKeyset[];
}

/** Limit on the keysets of a frame together, bytes. */
export const MAX_CHAIN_BYTES = 128 * 1024;

/** The largest frame around a bundle of at most `maxSealedBytes`. */
export function maxFrameBytes(maxSealedBytes: number): number {
  return 4 + 4 + MAX_CHAIN_BYTES + 2 + MAX_STATEMENT_BYTES + maxSealedBytes;
}

/** @throws chain_too_large */
export function encodeFrame(frame: Frame): Uint8Array {
  const chain = encodeChain(frame.chain);
  checkChainBytes(chain.length);
  const statement = encodeSignedStatement(frame.statement);
  return new Writer()
    .magic('ccf')
    .u32(chain.length)
    .bytes(chain)
    .u16(statement.length)
    .bytes(statement)
    .bytes(frame.bundle ?? new Uint8Array())
    .finish();
}

/**
 * The layout only: {@link verifyFrame} judges.
 * @throws too_large, truncated, bad_magic, unsupported_version, chain_too_large, and as
 *   `decodeChain` and `decodeSignedStatement`
 */
export function decodeFrame(bytes: Uint8Array, options: { maxBytes: number }): Frame {
  if (bytes.length > options.maxBytes) {
    throw bundleError('too_large', `a frame of ${bytes.length} bytes is over ${options.maxBytes}`);
  }
  const reader = new Reader(bytes);
  reader.magic('ccf');
  const chainBytes = reader.u32();
  checkChainBytes(chainBytes);
  const chain = decodeChain(reader.bytes(chainBytes));
  const statement = decodeSignedStatement(reader.bytes(reader.u16()));
  const bundle = reader.rest();
  return { chain, statement, ...(bundle.length > 0 && { bundle }) };
}

function checkChainBytes(length: number): void {
  if (length > MAX_CHAIN_BYTES) {
    throw bundleError('chain_too_large', `${length} bytes of keysets are over ${MAX_CHAIN_BYTES}`);
  }
}

/**
 * The whole proof: the chain leads through the pinned keyset to the statement's, enough of its keys
 * signed, and the bundle is the one that the statement names, itself well-formed and signed.
 *
 * Does not judge: which node and type the reader wants, the order of statements, the expiry, and
 * who signed the bundle.
 * @throws as `verifyChain`, `verifyStatement` and `readBundle`; digest_mismatch
 */
export function verifyFrame(
  frame: Frame,
  trust: { pinned: SignedKeyset; approval: 'required' | 'none' },
): VerifiedFrame {
  const keyset = verifyChain(frame.chain, trust.pinned);
  const { signers, self } = verifyStatement(frame.statement, keyset, trust);
  const { statement, digest: statementDigest } = frame.statement;
  const proof = { keyset, statement, statementDigest, self, signers, chain: frame.chain };
  if (frame.bundle === undefined) return proof;
  if (!equalBytes(bundleDigest(frame.bundle), statement.digest)) {
    throw bundleError('digest_mismatch', 'the bundle is not the one that the statement names');
  }
  const bundle = readBundle(frame.bundle, { maxBytes: MAX_SEALED_BYTES, expect: 'proposal' });
  return { ...proof, bundle };
}
