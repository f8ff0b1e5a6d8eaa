import * as v from 'valibot';
import { MAX_RECIPIENTS, STATEMENT_TYPES } from '../../bundle/index.ts';
import type { NodeId, StatementType } from '../../bundle/index.ts';
import { fail } from '../../protocol/errors.ts';
import { isNodeId } from '../../protocol/keys.ts';

/**
 * What the process that keeps a key is asked for (docs/adr/0253). Each call has a type and none takes
 * bytes to sign: a statement, a keyset, a manifest and a bundle come in the format's own layout, are read
 * again there, and what is signed is made of what was read.
 */
const bytes = (length?: number) =>
  v.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && (length === undefined || value.length === length),
  );
const node = v.custom<NodeId>((value) => typeof value === 'string' && isNodeId(value));
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = v.pipe(v.string(), v.maxLength(8192));

const Call = v.variant('call', [
  v.strictObject({ call: v.literal('hello') }),
  v.strictObject({ call: v.literal('lock') }),
  v.strictObject({ call: v.literal('cache'), version: text }),
  v.strictObject({
    call: v.literal('request'),
    method: v.picklist(['GET', 'POST', 'PUT', 'DELETE']),
    url: v.strictObject({ host: text, pathname: text, search: text }),
    body: v.optional(bytes()),
    site: bytes(16),
    created: whole,
  }),
  v.strictObject({ call: v.literal('statement'), statement: bytes(), keyIndex: whole }),
  v.strictObject({ call: v.literal('capability'), capability: bytes(), keyIndex: whole }),
  v.strictObject({ call: v.literal('keyset'), keyset: bytes(), keyIndex: whole }),
  v.strictObject({
    call: v.literal('bundle'),
    manifest: bytes(),
    recipients: v.pipe(v.array(bytes(32)), v.minLength(1), v.maxLength(MAX_RECIPIENTS)),
  }),
  v.strictObject({
    call: v.literal('open'),
    sealed: bytes(),
    expect: v.picklist(['proposal', 'report']),
  }),
  v.strictObject({
    call: v.literal('announce'),
    statements: v.array(v.strictObject({ type: v.picklist(STATEMENT_TYPES), node })),
    keyset: v.optional(bytes()),
  }),
]);
/** One of the calls. */
export type Call = v.InferOutput<typeof Call>;

/** @throws bad_request */
export function parseCall(value: unknown): Call {
  const call = v.safeParse(Call, value);
  if (call.success) return call.output;
  throw fail(
    'bad_request',
    `the key is not asked like that: ${v.getDotPath(call.issues[0]) ?? ''}`,
  );
}

/** What the process says of itself. */
export const Hello = v.strictObject({
  site: bytes(16),
  signKey: bytes(32),
  boxKey: bytes(32),
  /** unix seconds */
  until: whole,
  /** Whether somebody is asked there about what wants a person. */
  asks: v.boolean(),
  pid: whole,
});
/** It. */
export type Hello = v.InferOutput<typeof Hello>;

/** Its answer to a call. */
export const Answer = v.union([
  v.strictObject({ answer: v.unknown() }),
  v.strictObject({
    error: v.strictObject({
      code: v.string(),
      message: v.string(),
      details: v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
    }),
  }),
]);

/** Its first word: which file to make, so that the system says whose it is. */
export const Challenge = v.strictObject({ prove: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)) });

/** The file that proves it. */
export const proofName = (nonce: string): string => `${nonce}.proof`;

/** Whether a decision is one that a key that is unlocked does not make by itself. A keyset and a capability always are. */
export const wantsPerson = ({ type }: { readonly type: StatementType }): boolean =>
  type === 'revoke';
