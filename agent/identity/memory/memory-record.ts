import { sha256 } from '#platform';
import { equalBytes, Reader, utf8, Writer } from '../../../bundle/bytes.ts';
import { nodeIdBytes } from '../../../bundle/identity.ts';
import type { NodeId } from '../../../bundle/identity.ts';
import { fail } from '../../../protocol/errors.ts';
import type { DecisionMemory } from './memory.ts';

/** Whose memory it is: a second key, or another site, has another one. */
export interface Owner {
  /** 16 bytes */
  readonly site: Uint8Array;
  readonly node: NodeId;
}

/** Bytes of a record. */
export const RECORD_BYTES = 140;
const SUM_BYTES = 16;

const sumOf = (bytes: Uint8Array): Uint8Array =>
  sha256(utf8('coatcheck/v1 memory\0'), bytes).subarray(0, SUM_BYTES);

/**
 * A memory in 140 bytes, for places that hold few: `ccm` 01, site (16), node id (20), keyset version
 * (4), keyset digest (32), seq (8), statement digest (32), issued (8), and the first 16 bytes of
 * SHA-256("coatcheck/v1 memory\0" || all before). Numbers are big-endian.
 */
export function encodeRecord({ site, node }: Owner, memory: DecisionMemory): Uint8Array {
  const body = new Writer()
    .magic('ccm')
    .bytes(site)
    .bytes(nodeIdBytes(node))
    .u32(memory.keysetVersion)
    .bytes(memory.keysetDigest)
    .u64(memory.seq)
    .bytes(memory.digest)
    .u64(memory.issued)
    .finish();
  return new Writer().bytes(body).bytes(sumOf(body)).finish();
}

/**
 * The inverse of {@link encodeRecord}.
 * @param place names it in messages
 * @returns undefined for another owner's
 * @throws file_malformed
 */
export function decodeRecord(
  bytes: Uint8Array,
  owner: Owner,
  place: string,
): DecisionMemory | undefined {
  const body = bytes.subarray(0, RECORD_BYTES - SUM_BYTES);
  const sum = bytes.subarray(RECORD_BYTES - SUM_BYTES);
  if (bytes.length !== RECORD_BYTES || !equalBytes(sum, sumOf(body))) {
    throw damaged(place);
  }
  const reader = new Reader(Uint8Array.from(body));
  reader.magic('ccm');
  const isOwn =
    equalBytes(reader.bytes(16), owner.site) &&
    equalBytes(reader.bytes(20), nodeIdBytes(owner.node));
  if (!isOwn) return undefined;
  return {
    keysetVersion: reader.u32(),
    keysetDigest: reader.bytes(32),
    seq: reader.u64(),
    digest: reader.bytes(32),
    issued: reader.u64(),
  };
}

/** A memory that is there and cannot be read, which is never taken for a missing one. */
export function damaged(place: string): Error {
  return fail(
    'file_malformed',
    `${place} is damaged, or somebody else's: restore it, or remove it if you accept that an older decision would not be noticed`,
  );
}

/** A number from an owner, for places that have numbers or short names: 8 bytes of SHA-256. */
export function ownerHash({ site, node }: Owner): Uint8Array {
  return sha256(utf8('coatcheck/v1 memory of\0'), site, nodeIdBytes(node)).subarray(0, 8);
}
