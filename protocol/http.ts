import * as v from 'valibot';
import { BUNDLE_ERROR_CODES } from '../bundle/errors.ts';
import { STATEMENT_TYPES } from '../bundle/statement.ts';
import { PREFIXES } from './keys.ts';
import {
  Bytes,
  Decided,
  Decision,
  DECISION,
  Digest,
  Key,
  NODE_ROUTES,
  POSTED,
  Slot,
  STORE,
  Time,
} from './node-routes.ts';
import type { Route, Schema } from './node-routes.ts';

export {
  CAPABILITY_HEADER,
  COMMON_ERRORS,
  ErrorAnswer,
  MAX_ANSWER_BYTES,
  MAX_REQUEST_BYTES,
  SIGNED_ERRORS,
} from './node-routes.ts';
export type { DecisionSource, PutAnswer, Route, SignedBy } from './node-routes.ts';

/**
 * The bodies and the table of all routes: what the server checks, what the client sends and
 * expects, and what docs/openapi.json is made from. Bytes are base64url without padding, digests
 * lower-case hex, times Unix seconds. Requests are strict; answers may gain members.
 */

/** Limit on the keys of one `read`. */
export const MAX_READ_KEYS = 100;

const Version = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xffff_ffff));
const NodeId = v.pipe(v.string(), v.regex(/^[a-z2-7]{32}$/, 'is not a node id'));

/** Every route of a server (docs/http-api.md), by name. */
export const ROUTES = {
  health: NODE_ROUTES.health,
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
  site: NODE_ROUTES.site,
  config: NODE_ROUTES.config,
  propose: NODE_ROUTES.propose,
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
  report: NODE_ROUTES.report,
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
  accept: NODE_ROUTES.accept,
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
