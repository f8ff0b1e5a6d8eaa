import * as v from 'valibot';
import { BUNDLE_ERROR_CODES } from '../bundle/errors.ts';
import { MAX_TIME } from '../bundle/statement.ts';
import type { ErrorCode } from './errors.ts';
import type { Credential } from './permissions.ts';

/**
 * What the routes of nodes and of administrators have in common, and those that a node asks: an agent carries
 * no more of `http.ts`, which has the whole table.
 */

/** Limit on a request's body and on an answer's, bytes. */
export const MAX_REQUEST_BYTES = 192 * 1024;
/** The header in which a monitor shows its capability (docs/format.md), base64url. */
export const CAPABILITY_HEADER = 'coatcheck-capability';
/** Limit on an answer's body, bytes. */
export const MAX_ANSWER_BYTES = 1024 * 1024;

/** SHA-256, in hex. */
export const Digest = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{64}$/, 'is not 64 lower-case hex digits'),
);
/** Bytes, as base64url. */
export const Bytes = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]+$/, 'is not base64url without padding'),
);
/** Unix time, seconds. */
export const Time = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_TIME));
/** Bytes, at least one. */
export const Size = v.pipe(v.number(), v.integer(), v.minValue(1));
/** A place in a node's history. */
export const Slot = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(9_999_999_999));
/** The key of an object. */
export const Key = v.pipe(v.string(), v.maxLength(200));

const Put = v.object({
  url: v.string(),
  headers: v.record(v.string(), v.string()),
  expiresAt: Time,
});
/** A presigned PUT: its URL, the headers to send with it, and when it ends (Unix seconds). */
export type PutAnswer = v.InferOutput<typeof Put>;

/** The body of what decides. */
export const Decision = v.strictObject({
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

/** The answer to it. */
export const Decided = v.object({
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
/** Of a body or an answer. */
export type Schema = v.GenericSchema;

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

/** Of a body. */
export const POSTED = [
  'bad_json',
  'body_too_large',
  'body_was_read',
] as const satisfies ErrorCode[];
/** Of the store, and of the keysets in it. */
export const STORE = [
  'store_unavailable',
  'store_unknown',
  'store_denied',
  'store_full',
  'no_such_bucket',
  'does_not_verify',
] as const satisfies ErrorCode[];
/** Of a statement or a frame in the request. */
export const PROOF = [
  ...BUNDLE_ERROR_CODES,
  'does_not_verify',
  'not_this_node',
] as const satisfies ErrorCode[];
/** Of a decision. */
export const DECISION = [
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

/** The routes that a node asks, by name: all that an agent carries. */
export const NODE_ROUTES = {
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
} as const satisfies Record<string, Route>;
