import * as v from 'valibot';
import { BUNDLE_ERROR_CODES } from '../bundle/errors.ts';
import { MAX_TIME, STATEMENT_TYPES } from '../bundle/statement.ts';
import type { ErrorCode } from './errors.ts';
import { PREFIXES } from './keys.ts';
import type { Credential } from './permissions.ts';

/**
 * The bodies and the table of all routes: what the server checks, what the client sends and
 * expects, and what docs/openapi.json is made from. Bytes are base64url without padding, digests
 * lower-case hex, times Unix seconds. Requests are strict; answers may gain members.
 */

/** Limit on a request's body and on an answer's, bytes. */
export const MAX_REQUEST_BYTES = 192 * 1024;
/** Limit on an answer's body, bytes. */
export const MAX_ANSWER_BYTES = 1024 * 1024;
/** Limit on the keys of one `read`. */
export const MAX_READ_KEYS = 100;

const Digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'is not 64 lower-case hex digits'));
const Bytes = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/, 'is not base64url without padding'));
const Time = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_TIME));
const Size = v.pipe(v.number(), v.integer(), v.minValue(1));
const Slot = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(9_999_999_999));
const Version = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xffff_ffff));
const Key = v.pipe(v.string(), v.maxLength(200));
/** The header in which a monitor shows its capability (docs/format.md), base64url. */
export const CAPABILITY_HEADER = 'coatcheck-capability';
const NodeId = v.pipe(v.string(), v.regex(/^[a-z2-7]{32}$/, 'is not a node id'));

const Put = v.object({
  url: v.string(),
  headers: v.record(v.string(), v.string()),
  expiresAt: Time,
});
/** A presigned PUT: its URL, the headers to send with it, and when it ends (Unix seconds). */
export type PutAnswer = v.InferOutput<typeof Put>;

const Decision = v.strictObject({
  statement: Bytes,
  from: v.optional(
    v.union([v.strictObject({ pending: v.literal(true) }), v.strictObject({ slot: Slot })]),
  ),
  /** X25519: with the maker's key in the bundle it must hash to the node's id. */
  nodeBoxKey: v.optional(
    v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/, 'is not 32 bytes of base64url')),
  ),
});
/** Where the bundle of a decision is read from. */
export type DecisionSource = NonNullable<v.InferOutput<typeof Decision>['from']>;

const Decided = v.object({
  outcome: v.picklist(['decided', 'already']),
  slot: Slot,
  statementDigest: Digest,
  published: v.boolean(),
});

/** The answer of every refusal. */
export const ErrorAnswer = v.object({
  error: v.object({
    code: v.string(),
    message: v.string(),
    details: v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
    /** For a status of 500 and above: by what the log of the server has the reason. */
    request: v.optional(v.string()),
  }),
});

/** Whose signature a route wants. */
export type SignedBy = 'nobody' | 'node' | 'admin' | 'node or admin' | 'admin or monitor';
type Schema = v.GenericSchema;

/** A row of {@link ROUTES}. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** In the notation of Hono: `:node` is a node id. */
  readonly path: string;
  /**
   * Whose key must have signed the request; `node` is the one that the path names, `monitor` one to which the
   * request shows a capability.
   */
  readonly signedBy: SignedBy;
  /** An administrator whose key may only approve what is first may ask, too. */
  readonly mayFirst?: true;
  /** The credential of the function that serves it; `any`: every function does. */
  readonly credential: Credential | 'any';
  readonly summary: string;
  readonly query?: v.GenericSchema<Record<string, string | undefined>>;
  readonly body?: Schema;
  readonly status: 200 | 201;
  readonly answer: Schema;
  /** What it may refuse with, besides {@link COMMON_ERRORS} and {@link SIGNED_ERRORS}. */
  readonly errors: readonly ErrorCode[];
}

/** What any route may answer. */
export const COMMON_ERRORS = ['bad_request', 'internal'] as const satisfies ErrorCode[];

/** What any signed route may answer besides. */
export const SIGNED_ERRORS = [
  'signature_missing',
  'signature_malformed',
  'signature_invalid',
  'signature_expired',
  'content_digest_mismatch',
  'wrong_site',
] as const satisfies ErrorCode[];

const POSTED = ['bad_json', 'body_too_large', 'body_was_read'] as const satisfies ErrorCode[];
/** Of the store, and of the keysets in it. */
const STORE = [
  'store_unavailable',
  'store_unknown',
  'store_denied',
  'store_full',
  'no_such_bucket',
  'does_not_verify',
] as const satisfies ErrorCode[];
/** Of a statement or a frame in the request. */
const PROOF = [
  ...BUNDLE_ERROR_CODES,
  'does_not_verify',
  'not_this_node',
] as const satisfies ErrorCode[];
const DECISION = [
  ...POSTED,
  ...STORE,
  ...PROOF,
  'already_decided',
  'approval_required',
  'head_moved',
  'stale_keyset',
  'in_force',
  'not_found',
  'bad_signer',
  'bad_recipients',
] as const satisfies ErrorCode[];

/** Every route of a server (docs/http-api.md), by name. */
export const ROUTES = {
  health: {
    method: 'GET',
    path: '/v1/health',
    signedBy: 'nobody',
    credential: 'any',
    summary: 'Whether the server answers, and its time.',
    status: 200,
    answer: v.object({ ok: v.literal(true), version: v.string(), now: Time }),
    errors: [],
  },
  ready: {
    method: 'GET',
    path: '/v1/ready',
    signedBy: 'nobody',
    credential: 'download',
    summary: 'Whether the store answers the server, as it did within the last 5 seconds.',
    status: 200,
    answer: v.object({ ready: v.literal(true), now: Time }),
    errors: [...STORE],
  },
  site: {
    method: 'GET',
    path: '/v1/site',
    signedBy: 'nobody',
    credential: 'download',
    summary: 'The site and its chain of keysets, from the oldest that its file has to the newest.',
    status: 200,
    answer: v.object({
      site: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
      name: v.string(),
      approval: v.picklist(['required', 'none']),
      maxBundleBytes: Size,
      chain: Bytes,
      now: Time,
    }),
    errors: [...STORE],
  },
  config: {
    method: 'GET',
    path: '/v1/nodes/:node/config',
    signedBy: 'node',
    credential: 'download',
    summary:
      "A URL of the node's configuration and, if it names a waiting proposal, one of its refusal.",
    query: v.strictObject({ waiting: v.optional(Digest) }),
    status: 200,
    answer: v.object({
      url: v.string(),
      expiresAt: Time,
      rejectedUrl: v.optional(v.string()),
      now: Time,
    }),
    errors: ['bad_node_id', 'not_this_node', 'store_unavailable', 'store_denied', 'no_such_bucket'],
  },
  propose: {
    method: 'POST',
    path: '/v1/nodes/:node/proposals',
    signedBy: 'node or admin',
    credential: 'upload',
    summary: 'A presigned PUT for one sealed bundle.',
    body: v.strictObject({
      digest: Digest,
      size: Size,
      after: v.optional(Digest),
      token: v.optional(v.pipe(v.string(), v.maxLength(256))),
      decidedBy: v.optional(Bytes),
    }),
    status: 201,
    answer: v.object({ key: Key, put: Put }),
    errors: [
      ...POSTED,
      ...STORE,
      ...PROOF,
      'token_refused',
      'already_decided',
      'waiting',
      'rejected',
      'too_many_pending',
    ],
  },
  withdraw: {
    method: 'POST',
    path: '/v1/nodes/:node/withdraw',
    signedBy: 'admin',
    credential: 'admin',
    summary: 'Takes back a waiting proposal that the same administrator made.',
    body: v.strictObject({ digest: Digest }),
    status: 200,
    answer: v.object({ withdrawn: v.boolean() }),
    errors: [
      ...POSTED,
      ...STORE,
      'bad_node_id',
      'not_an_admin',
      'key_not_allowed',
      'bad_signer',
      'already_decided',
      'cosigned',
    ],
  },
  report: {
    method: 'POST',
    path: '/v1/nodes/:node/reports',
    signedBy: 'node',
    credential: 'upload',
    summary: 'A presigned PUT for a report on what the node applied.',
    body: v.strictObject({ digest: Digest, size: Size, proof: Bytes }),
    status: 201,
    answer: v.object({ key: Key, put: Put }),
    errors: [...POSTED, ...PROOF, 'store_unavailable', 'store_denied', 'no_such_bucket'],
  },
  decide: {
    method: 'POST',
    path: '/v1/nodes/:node/decisions',
    signedBy: 'admin',
    mayFirst: true,
    credential: 'admin',
    summary: 'Records a signed decision about a node and puts it in force.',
    body: Decision,
    status: 200,
    answer: Decided,
    errors: [...DECISION, 'not_an_admin'],
  },
  cosign: {
    method: 'POST',
    path: '/v1/nodes/:node/cosignatures',
    signedBy: 'admin',
    mayFirst: true,
    credential: 'admin',
    summary: 'Keeps one signature on a decision that lacks others.',
    body: Decision,
    status: 200,
    answer: v.object({ outcome: v.picklist(['created', 'already']), key: Key }),
    errors: [...DECISION, 'not_an_admin', 'too_many_cosignatures'],
  },
  accept: {
    method: 'POST',
    path: '/v1/nodes/:node/accept',
    signedBy: 'node',
    credential: 'admin',
    summary: "Records a node's own approval, where the site's policy is approval none.",
    body: Decision,
    status: 200,
    answer: Decided,
    errors: [...DECISION, 'too_many_nodes', 'too_many_entries'],
  },
  repair: {
    method: 'POST',
    path: '/v1/nodes/:node/repair',
    signedBy: 'admin',
    credential: 'admin',
    summary: 'Does again whatever a decision left undone, and names what does not verify.',
    body: v.strictObject({}),
    status: 200,
    answer: v.object({
      published: v.boolean(),
      junk: v.array(v.object({ slot: Slot, code: v.string() })),
      cleaned: v.array(Key),
      written: v.array(Key),
    }),
    errors: [
      ...POSTED,
      ...STORE,
      'bad_node_id',
      'not_an_admin',
      'key_not_allowed',
      'already_exists',
      'precondition_failed',
    ],
  },
  forget: {
    method: 'POST',
    path: '/v1/nodes/:node/forget',
    signedBy: 'admin',
    credential: 'admin',
    summary: 'Takes away every bundle, proposal, refusal and report of a revoked node.',
    body: v.strictObject({ head: Digest }),
    status: 200,
    answer: v.object({
      slots: v.array(Slot),
      removed: v.array(Key),
      junk: v.array(v.object({ slot: Slot, code: v.string() })),
    }),
    errors: [
      ...POSTED,
      ...STORE,
      'bad_node_id',
      'not_an_admin',
      'key_not_allowed',
      'head_moved',
      'already_exists',
      'precondition_failed',
    ],
  },
  keyset: {
    method: 'POST',
    path: '/v1/admin/keysets',
    signedBy: 'admin',
    credential: 'admin',
    summary: 'Makes a keyset the newest, if the threshold of the newest one signed it.',
    body: v.strictObject({ keyset: Bytes }),
    status: 200,
    answer: v.object({
      outcome: v.picklist(['created', 'already']),
      version: Version,
      digest: Digest,
    }),
    errors: [...POSTED, ...STORE, ...BUNDLE_ERROR_CODES, 'stale_keyset', 'not_an_admin'],
  },
  list: {
    method: 'GET',
    path: '/v1/admin/list',
    signedBy: 'admin',
    mayFirst: true,
    credential: 'admin',
    summary: 'One page of the objects under a prefix, in the order of their keys.',
    query: v.strictObject({
      prefix: v.picklist(PREFIXES),
      node: v.optional(NodeId),
      after: v.optional(Key),
    }),
    status: 200,
    answer: v.object({
      objects: v.array(
        v.object({
          key: Key,
          size: v.pipe(v.number(), v.integer()),
          modified: Time,
          version: v.optional(v.pipe(v.string(), v.maxLength(128))),
        }),
      ),
      next: v.optional(Key),
    }),
    errors: [...STORE, 'not_an_admin'],
  },
  read: {
    method: 'POST',
    path: '/v1/admin/read',
    signedBy: 'admin',
    mayFirst: true,
    credential: 'admin',
    summary: 'URLs of objects, to be fetched straight from the store.',
    body: v.strictObject({
      keys: v.pipe(v.array(Key), v.minLength(1), v.maxLength(MAX_READ_KEYS)),
    }),
    status: 200,
    answer: v.object({
      urls: v.array(v.object({ key: Key, url: v.string(), expiresAt: Time })),
    }),
    errors: [...POSTED, ...STORE, 'not_an_admin', 'key_not_allowed'],
  },
  states: {
    method: 'GET',
    path: '/v1/states',
    signedBy: 'admin or monitor',
    mayFirst: true,
    credential: 'admin',
    summary:
      'How nodes stand, as far as nothing of it is sealed: up to 1,000 of them, in the order of their ids.',
    query: v.strictObject({ after: v.optional(NodeId) }),
    status: 200,
    answer: v.object({
      nodes: v.array(
        v.object({
          node: NodeId,
          words: v.string(),
          waitingSince: v.optional(Time),
          type: v.optional(v.picklist(STATEMENT_TYPES)),
          seq: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
          issued: v.optional(Time),
          expires: v.optional(Time),
          reported: v.optional(Time),
          problem: v.optional(v.string()),
        }),
      ),
      next: v.optional(NodeId),
      now: Time,
    }),
    errors: [...STORE, 'not_an_admin', 'capability_refused'],
  },
  events: {
    method: 'GET',
    path: '/v1/events',
    signedBy: 'admin or monitor',
    mayFirst: true,
    credential: 'admin',
    summary:
      'How many proposals wait: at once where others wait than at the cursor, otherwise once that is so, or some seconds later.',
    query: v.strictObject({ after: v.optional(v.pipe(v.string(), v.maxLength(64))) }),
    status: 200,
    answer: v.object({
      cursor: v.pipe(v.string(), v.maxLength(64)),
      waiting: v.pipe(v.number(), v.integer(), v.minValue(0)),
      again: v.pipe(v.number(), v.integer(), v.minValue(0)),
    }),
    errors: [...STORE, 'not_an_admin', 'capability_refused'],
  },
} as const satisfies Record<string, Route>;

/** The name of a route. */
export type RouteName = keyof typeof ROUTES;

type Part<N extends RouteName, P extends 'query' | 'body' | 'answer'> =
  (typeof ROUTES)[N] extends Record<P, infer S extends Schema> ? v.InferOutput<S> : undefined;
/** What a route's query, body and answer hold, as JSON carries them. */
export type Query<N extends RouteName> = Part<N, 'query'>;
/** What a route's body holds, as JSON carries it; undefined where it has none. */
export type Body<N extends RouteName> = Part<N, 'body'>;
/** What a route's answer holds, as JSON carries it. */
export type Answer<N extends RouteName> = Part<N, 'answer'>;
