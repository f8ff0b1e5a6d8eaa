import { toHex } from '../bundle/bytes.ts';
import { CoatcheckError } from '../bundle/errors.ts';
import type { Brand } from '../bundle/brand.ts';
import type { NodeId } from '../bundle/identity.ts';

/** A key of the bucket, made by one of the functions below and nowhere else. */
export type ObjectKey = Brand<string, 'ObjectKey'>;

/** Lower-case hex of a SHA-256: 64 characters. */
export type DigestHex = Brand<string, 'DigestHex'>;

/** The prefixes of a site's bucket (docs/http-api.md, "Objects"). */
export const PREFIXES = [
  'pending',
  'history',
  'approved',
  'rejected',
  'reports',
  'keysets',
  'cosign',
] as const;
/** One of these. */
export type Prefix = (typeof PREFIXES)[number];

/** How long a proposal waits for a decision at most, days: longer than a holiday (docs/adr/0177). */
export const PENDING_DAYS = 30;

const NODE_ID = /^[a-z2-7]{32}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const NUMBER = /^[0-9]{10}$/;
const KEY_INDEX = /^([0-9]|1[0-4])$/;
const MAX_NUMBER = 9_999_999_999;

/** Whether `text` is a whole node id: 32 characters of lower-case base32 (RFC 4648). */
export const isNodeId = (text: string): text is NodeId => NODE_ID.test(text);

/** @throws bad_node_id unless `text` is 32 characters of lower-case base32 (RFC 4648) */
export function parseNodeId(text: string): NodeId {
  if (!isNodeId(text)) {
    throw new CoatcheckError('bad_node_id', 'a node id is 32 characters of a-z and 2-7');
  }
  return text;
}

/** @throws bad_digest unless `text` is 64 lower-case hex digits */
export function parseDigest(text: string): DigestHex {
  if (!DIGEST.test(text)) {
    throw new CoatcheckError('bad_digest', 'a digest is 64 lower-case hex digits');
  }
  return text as DigestHex;
}

/** @param digest 32 bytes. @throws bad_digest for another length */
export function digestHex(digest: Uint8Array): DigestHex {
  return parseDigest(toHex(digest));
}

function number(n: number): string {
  if (!Number.isSafeInteger(n) || n < 1 || n > MAX_NUMBER) {
    throw new CoatcheckError('bad_number', `a slot or version is 1 to ${MAX_NUMBER}`);
  }
  return String(n).padStart(10, '0');
}

const key = (text: string): ObjectKey => text as ObjectKey;

/** Where a proposal waits. */
export const pendingKey = (node: NodeId, digest: DigestHex): ObjectKey =>
  key(`pending/${node}/${digest}`);
/** Where a decision is recorded. @param slot 1 to 9,999,999,999 */
export const historyKey = (node: NodeId, slot: number): ObjectKey =>
  key(`history/${node}/${number(slot)}`);
/** Where a node fetches what is in force for it. */
export const approvedKey = (node: NodeId): ObjectKey => key(`approved/${node}`);
/** Where the refusal of a proposal is. */
export const rejectedKey = (node: NodeId, digest: DigestHex): ObjectKey =>
  key(`rejected/${node}/${digest}`);
/** Where a node's newest report is. */
export const reportKey = (node: NodeId): ObjectKey => key(`reports/${node}`);
/** Where a keyset is. @param version 1 to 9,999,999,999 */
export const keysetKey = (version: number): ObjectKey => key(`keysets/${number(version)}`);

/**
 * Where one administrator's signature on a statement is that lacks others.
 * @param statement digest of the statement
 * @param keyIndex 0 to 14: the position of the key in the keyset of the statement
 */
export function cosignKey(node: NodeId, statement: DigestHex, keyIndex: number): ObjectKey {
  if (!KEY_INDEX.test(String(keyIndex))) {
    throw new CoatcheckError('bad_number', 'a key of a keyset is number 0 to 14');
  }
  return key(`cosign/${node}/${statement}/${keyIndex}`);
}

/** The prefix under which a listing finds the objects of one node. */
export const nodePrefix = (
  prefix: 'pending' | 'history' | 'rejected' | 'cosign',
  node: NodeId,
): string => `${prefix}/${node}/`;

/** What a key means; undefined for a key that none of the functions above makes. */
export type ParsedKey =
  | { prefix: 'pending' | 'rejected'; node: NodeId; digest: DigestHex }
  | { prefix: 'history'; node: NodeId; slot: number }
  | { prefix: 'approved' | 'reports'; node: NodeId }
  | { prefix: 'keysets'; version: number }
  | { prefix: 'cosign'; node: NodeId; statement: DigestHex; keyIndex: number };

/** The inverse of the key makers. Total: any string of a listing or a request may be given. */
export function parseKey(text: string): ParsedKey | undefined {
  const parts = text.split('/');
  const [prefix, first = '', second = '', index = ''] = parts;
  if (prefix === 'cosign') {
    return parts.length === 4 && NODE_ID.test(first) && DIGEST.test(second) && KEY_INDEX.test(index)
      ? {
          ...{ prefix, node: first as NodeId },
          ...{ statement: second as DigestHex, keyIndex: Number(index) },
        }
      : undefined;
  }
  if (parts.length > 3) return undefined;
  switch (prefix) {
    case 'pending':
    case 'rejected':
      return NODE_ID.test(first) && DIGEST.test(second)
        ? { prefix, node: first as NodeId, digest: second as DigestHex }
        : undefined;
    case 'history':
      return NODE_ID.test(first) && isNumber(second)
        ? { prefix, node: first as NodeId, slot: Number(second) }
        : undefined;
    case 'approved':
    case 'reports':
      return parts.length === 2 && NODE_ID.test(first)
        ? { prefix, node: first as NodeId }
        : undefined;
    case 'keysets':
      return parts.length === 2 && isNumber(first) ? { prefix, version: Number(first) } : undefined;
    default:
      return undefined;
  }
}

const isNumber = (text: string): boolean => NUMBER.test(text) && Number(text) > 0;

/** Whether {@link parseKey} knows the text as a key. */
export function isObjectKey(text: string): text is ObjectKey {
  return parseKey(text) !== undefined;
}
