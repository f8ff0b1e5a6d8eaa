import { fail } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { CoatcheckError } from '../bundle/errors.ts';
import { isFull } from '../protocol/objects.ts';
import { errnoOf } from '../files/errors.ts';

/** What an answer of the S3 API, or the lack of one, says. */
export interface S3Failure {
  /** 0 if no answer came */
  readonly status: number;
  /** S3's error code, e.g. `NoSuchKey`, or the name of the thrown error */
  readonly name: string;
  /** In the server's words; empty if it said nothing */
  readonly message: string;
}

/** What is known of an error of the SDK; status 0 where nothing answered. */
export function describeFailure(error: unknown): S3Failure {
  const { name, message, $metadata } = error as Partial<Error> & {
    $metadata?: { httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode ?? 0;
  return { status, name: name ?? 'Error', message: message ?? '' };
}

const DENIED = new Set(['ExpiredToken', 'InvalidAccessKeyId', 'InvalidToken', 'InvalidTokenId']);
/** A MinIO whose disk has just filled up answers 500 with these words, and 507 from then on. */
const NO_SPACE = 'no space left on device';
/** Failures to connect: the request was not sent. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** The port's error for a failed call that was not about the object itself. */
export function storeError(
  error: unknown,
  call: { bucket: string; kind: 'read' | 'write' },
): CoatcheckError {
  if (error instanceof CoatcheckError) return error as CoatcheckError;
  const failure = describeFailure(error);
  const { status, name } = failure;
  const code = codeOfFailure(failure, call.kind, errnoOf(error));
  const said = status === 0 ? `no answer (${errnoOf(error) ?? name})` : `${status} ${name}`;
  return fail(code, `bucket ${call.bucket}: ${WHAT[code]}: ${said}`, {
    cause: error,
    details: { bucket: call.bucket, status, name },
  });
}

/** For an answer that says yes, but is none of an object store. */
export function unlikeS3(call: { bucket: string; kind: 'read' | 'write' }): CoatcheckError {
  const code = call.kind === 'read' ? 'store_unavailable' : 'store_unknown';
  return fail(
    code,
    `bucket ${call.bucket}: ${WHAT[code]}: what answers is no object store (a log-in page, a proxy?)`,
  );
}

/** The error of an answer that is shorter than it says, or does not say how long it is. */
export function cutAnswer({ bucket, key }: { bucket: string; key: string }): CoatcheckError {
  return fail('store_unavailable', `bucket ${bucket}: the answer with ${key} was cut`, {
    details: { bucket, key },
  });
}

/** The error of an answer that something on the way packed. @param how as `packedBy` has it */
export function packedAnswer(
  { bucket, key }: { bucket: string; key: string },
  how: string,
): CoatcheckError {
  const details = { bucket, key };
  return fail('store_unavailable', `bucket ${bucket}: ${key} ${how}`, { details });
}

type StoreCode = Extract<
  ErrorCode,
  'store_unavailable' | 'store_unknown' | 'store_denied' | 'store_full' | 'no_such_bucket'
>;

const WHAT: Record<StoreCode, string> = {
  no_such_bucket: 'there is no such bucket at this endpoint',
  store_denied: 'the store refused these credentials',
  store_full: 'the store is full',
  store_unavailable: 'the store could not be asked',
  store_unknown: 'whether the write was done is not known',
};

function codeOfFailure(
  { status, name, message }: S3Failure,
  kind: 'read' | 'write',
  errno: string | undefined,
): StoreCode {
  if (name === 'NoSuchBucket') return 'no_such_bucket';
  if (isFull(status, name) || message.includes(NO_SPACE)) return 'store_full';
  if (status === 401 || status === 403 || DENIED.has(name)) return 'store_denied';
  if (kind === 'read') return 'store_unavailable';
  // A redirect or a 4xx did nothing; 409 (a conflicting write), 408, 5xx and silence may have.
  const refused = status >= 300 && status < 500 && status !== 409 && status !== 408;
  return refused || NOT_SENT.has(errno ?? '') ? 'store_unavailable' : 'store_unknown';
}
