import { ed25519PublicKey, hkdfSha256, sha256, x25519PublicKey } from '#platform';
import { fromBase32, toBase32 } from './base64.ts';
import type { Brand } from './brand.ts';
import { isZero, utf8 } from './bytes.ts';
import { bundleError } from './errors.ts';

/** Lower-case base32 of the first 20 bytes of SHA-256(signKey || boxKey): 32 characters. */
export type NodeId = Brand<string, 'NodeId'>;

/** What others know of a node or an administrator. */
export interface PublicKeys {
  /** Ed25519, 32 bytes */
  readonly signKey: Uint8Array;
  /** X25519, 32 bytes */
  readonly boxKey: Uint8Array;
}

/** The keys that one 32-byte seed gives. */
export interface Identity extends PublicKeys {
  readonly id: NodeId;
  /** Ed25519 seed, 32 bytes */
  readonly signSecret: Uint8Array;
  /** X25519, 32 bytes */
  readonly boxSecret: Uint8Array;
  /** Mixed into every key that a weak random source might repeat, 32 bytes */
  readonly hedge: Uint8Array;
}

const SALT = utf8('coatcheck/v1');

/**
 * HKDF-SHA256(seed, salt "coatcheck/v1") with info "sign", "box" and "hedge". Nodes and
 * administrators alike.
 * @param seed 32 bytes
 * @throws bad_public_key for a seed of another length, or all zeros
 */
export function deriveIdentity(seed: Uint8Array): Identity {
  if (seed.length !== 32 || isZero(seed)) {
    throw bundleError('bad_public_key', 'a seed is 32 bytes and not all zeros: make a new one');
  }
  const signSecret = hkdfSha256(seed, SALT, utf8('sign'), 32);
  const boxSecret = hkdfSha256(seed, SALT, utf8('box'), 32);
  const keys = {
    signKey: ed25519PublicKey(signSecret),
    boxKey: x25519PublicKey(boxSecret),
  };
  const hedge = hkdfSha256(seed, SALT, utf8('hedge'), 32);
  return { ...keys, id: nodeIdOf(keys), signSecret, boxSecret, hedge };
}

/** The id of the node that has these keys: the first 20 bytes of SHA-256(sign key || box key). */
export function nodeIdOf(keys: PublicKeys): NodeId {
  return nodeIdFromBytes(sha256(keys.signKey, keys.boxKey).subarray(0, 20));
}

/** 20 bytes. @throws bad_node_id */
export function nodeIdBytes(id: NodeId): Uint8Array {
  if (!/^[a-z2-7]{32}$/.test(id)) {
    throw bundleError('bad_node_id', 'a node id is 32 characters of a-z and 2-7');
  }
  return fromBase32(id);
}

/** @param bytes 20 bytes. @throws bad_node_id for another length */
export function nodeIdFromBytes(bytes: Uint8Array): NodeId {
  if (bytes.length !== 20) throw bundleError('bad_node_id', 'a node id is 20 bytes');
  return toBase32(bytes) as NodeId;
}
