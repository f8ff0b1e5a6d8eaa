import { BUNDLE_ERROR_CODES, CoatcheckError } from '../bundle/errors.ts';
import type { BundleErrorCode, ErrorDetails } from '../bundle/errors.ts';

/**
 * What a node does about an error: `retry` (with backoff), `resign` (with the server's clock),
 * `wait` (for an administrator), or `stop` (the same request will never succeed).
 */
export type NodeAction = 'retry' | 'resign' | 'wait' | 'stop';

/** What a code means. */
export interface ErrorRow {
  /** HTTP status of a route that answers with this code */
  readonly status: number;
  /** exit code of a command that ends with it (docs/config.md, "Exit codes") */
  readonly exit: number;
  readonly node: NodeAction;
}

/** Exit codes of both commands. A public table: a number never changes its meaning. */
export const EXIT = {
  ok: 0,
  internal: 1, // a bug of ours
  usage: 2, // wrong arguments or a missing or malformed local file
  refused: 3, // an object or a signature does not verify
  conflict: 4, // someone else was quicker, or the base is stale: look again
  notFound: 5,
  denied: 6, // not your key, wrong passphrase
  unavailable: 7, // server, store, network, or a device that is busy
  waiting: 8, // nothing approved yet, or rejected
  failed: 9, // a check, a probe or a step failed
  doubtful: 10, // the store contradicts what this tool remembers: find out why
  declined: 11, // a person was asked, and said no
  partial: 12, // applied, but for files that could not be replaced
  undersigned: 13, // signed, and other administrators have to sign it too
  interrupted: 130, // by Ctrl-C or SIGTERM
} as const;

const local = (exit: number): ErrorRow => ({ status: 500, exit, node: 'stop' });
const row = (status: number, exit: number, node: NodeAction): ErrorRow => ({ status, exit, node });

/** Every code above the format layer. The format's own codes are all `refused_by_format`. */
const PROTOCOL_ERRORS = {
  // Requests
  bad_request: row(400, EXIT.usage, 'stop'),
  bad_json: row(400, EXIT.usage, 'stop'),
  bad_digest: row(400, EXIT.usage, 'stop'),
  bad_number: row(400, EXIT.usage, 'stop'),
  body_too_large: row(413, EXIT.usage, 'stop'),
  body_was_read: row(503, EXIT.unavailable, 'retry'), // by what the server is mounted in
  no_such_route: row(404, EXIT.unavailable, 'retry'),
  method_not_allowed: row(405, EXIT.usage, 'stop'),
  // Signatures on requests (RFC 9421)
  signature_missing: row(401, EXIT.denied, 'stop'),
  signature_malformed: row(401, EXIT.denied, 'stop'),
  signature_invalid: row(401, EXIT.denied, 'stop'),
  signature_expired: row(401, EXIT.denied, 'resign'),
  content_digest_mismatch: row(400, EXIT.denied, 'stop'),
  wrong_site: row(403, EXIT.denied, 'retry'),
  not_this_node: row(403, EXIT.denied, 'stop'),
  not_an_admin: row(403, EXIT.denied, 'stop'),
  token_refused: row(403, EXIT.denied, 'stop'),
  capability_refused: row(403, EXIT.denied, 'stop'), // it ended, or the keyset changed, or it is no capability
  approval_required: row(403, EXIT.denied, 'stop'),
  // Proposals and decisions
  waiting: row(409, EXIT.waiting, 'wait'),
  rejected: row(409, EXIT.waiting, 'wait'),
  already_decided: row(409, EXIT.conflict, 'stop'),
  cosigned: row(409, EXIT.conflict, 'stop'), // a decision about it is signed, and lacks signatures
  too_many_cosignatures: row(409, EXIT.conflict, 'stop'), // of one administrator about one node
  head_moved: row(409, EXIT.conflict, 'retry'),
  stale_keyset: row(409, EXIT.conflict, 'retry'),
  stale_base: row(409, EXIT.conflict, 'stop'),
  in_force: row(409, EXIT.conflict, 'stop'),
  too_many_pending: row(429, EXIT.unavailable, 'retry'),
  too_many_nodes: row(429, EXIT.unavailable, 'retry'), // that approve for themselves, and are new
  too_soon: row(429, EXIT.unavailable, 'retry'), // after the last time
  too_many_entries: row(409, EXIT.conflict, 'stop'), // of one node's own, one after another
  not_found: row(404, EXIT.notFound, 'stop'),
  bad_signer: row(422, EXIT.refused, 'stop'),
  bad_recipients: row(422, EXIT.refused, 'stop'),
  does_not_verify: row(422, EXIT.refused, 'stop'),
  // Stores
  already_exists: row(409, EXIT.conflict, 'retry'),
  precondition_failed: row(409, EXIT.conflict, 'retry'),
  store_unavailable: row(503, EXIT.unavailable, 'retry'),
  store_unknown: row(503, EXIT.unavailable, 'retry'),
  store_denied: row(503, EXIT.unavailable, 'retry'),
  store_full: row(507, EXIT.unavailable, 'retry'),
  no_such_bucket: row(503, EXIT.unavailable, 'retry'),
  // The other side, as a client sees it
  server_unreachable: row(502, EXIT.unavailable, 'retry'),
  server_garbage: row(502, EXIT.unavailable, 'retry'),
  answer_refused: row(500, EXIT.refused, 'retry'), // it asks for what no configuration needs
  // Local: files, keys, configuration
  usage: local(EXIT.usage),
  file_missing: local(EXIT.usage),
  file_exists: local(EXIT.usage),
  file_malformed: local(EXIT.usage),
  file_unsafe: local(EXIT.usage),
  file_denied: local(EXIT.denied), // the system does not let this user read or write there
  disk_full: local(EXIT.failed),
  wrong_passphrase: local(EXIT.denied),
  weak_secret: local(EXIT.usage),
  bad_argument: local(EXIT.usage), // on the kernel's command line
  port_in_use: local(EXIT.failed),
  in_use: local(EXIT.conflict), // another process is at work in the same folder
  // Nodes
  path_refused: local(EXIT.refused),
  rollback_refused: row(500, EXIT.refused, 'wait'),
  expired: row(500, EXIT.waiting, 'wait'),
  revoked: row(500, EXIT.waiting, 'wait'),
  nothing_approved: row(500, EXIT.waiting, 'wait'),
  probe_failed: local(EXIT.failed),
  network_down: row(500, EXIT.unavailable, 'retry'), // a cable, a switch or a DHCP server may come back
  device_missing: row(500, EXIT.notFound, 'retry'), // a stick may still be plugged in
  device_busy: row(500, EXIT.unavailable, 'retry'), // a TPM that counts wrong tries, or has written much
  key_refused: local(EXIT.failed), // the TPM keeps this machine's key from this image
  device_failed: local(EXIT.failed), // a stick, a TPM or the firmware did not do what it was told
  step_failed: local(EXIT.failed), // part of what was asked for; the message names it
  partial: local(EXIT.partial), // a container's own files stay as they are
  record_doubtful: local(EXIT.doubtful),
  undersigned: local(EXIT.undersigned), // what was signed stands, and lacks signatures
  not_shown: local(EXIT.declined), // what nobody has looked at is not signed
  declined: local(EXIT.declined),
  interrupted: local(EXIT.interrupted),
  internal: row(500, EXIT.internal, 'retry'),
} as const satisfies Record<string, ErrorRow>;

/** Every code: of the format, and of what is above it. */
export type ErrorCode = BundleErrorCode | keyof typeof PROTOCOL_ERRORS;

/** The one table: what each code means to HTTP, to a shell, and to a node. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorRow>> = {
  ...(Object.fromEntries(
    BUNDLE_ERROR_CODES.map((code) => [code, row(422, EXIT.refused, 'stop')]),
  ) as Record<BundleErrorCode, ErrorRow>),
  ...PROTOCOL_ERRORS,
};

/** Whether what a code says may pass by itself: server, store or network did not answer as they do. */
export const mayPass = (code: ErrorCode): boolean => ERRORS[code].exit === EXIT.unavailable;

/** Whether a text, from a server perhaps, is a code that this version knows. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

/** An error of any layer above the format. */
export function fail(
  code: ErrorCode,
  message: string,
  options: { cause?: unknown; details?: ErrorDetails } = {},
): CoatcheckError<ErrorCode> {
  return new CoatcheckError(code, message, options);
}

/** The code of any thrown value; `internal` for what is not ours. */
export function codeOf(error: unknown): ErrorCode {
  const code = error instanceof CoatcheckError ? (error as CoatcheckError).code : 'internal';
  return isErrorCode(code) ? code : 'internal';
}

/** Whether it is an error of ours with one of these codes. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): boolean {
  return (codes as string[]).includes(codeOf(error)) && error instanceof CoatcheckError;
}
