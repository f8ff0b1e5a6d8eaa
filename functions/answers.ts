import { CoatcheckError } from '../bundle/errors.ts';
import type { ErrorDetails } from '../bundle/errors.ts';
import { codeOf, ERRORS } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { escapeLine } from '../protocol/escape.ts';

/** What a refusal says. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly status: number;
  readonly message: string;
  readonly details: ErrorDetails;
}

const FAILED = 'the server failed; its log says why';
const LOGGED = 'the log of the server says more';

/**
 * What a client is told where the reason is of the server or its store, whoever threw it: these
 * sentences and no others. A path, a bucket or a system's error is for the operator's log.
 */
const OWN_REASONS: Partial<Record<ErrorCode, string>> = {
  already_exists: 'something is there already: look again',
  precondition_failed: 'what was to be replaced is another by now: look again',
  store_unavailable: `the store of the server could not be asked: ask again later; ${LOGGED}`,
  store_unknown:
    'whether this was done is not known, the store of the server gave no clear answer: send the same again',
  store_denied: `the store refuses the credentials of the server; ${LOGGED}`,
  store_full: 'the store of the server is full: room has to be made there',
  no_such_bucket: `the server finds no store where it looks for one; ${LOGGED}`,
  body_was_read:
    'the body of the request was read before it came to coatcheck: mount coatcheck before what parses bodies, such as express.json()',
};

/** The one way of every error of every route to a client. */
export function refusalOf(thrown: unknown): Refusal {
  const code = codeOf(thrown);
  const { status } = ERRORS[code];
  const own = OWN_REASONS[code] ?? (status >= 500 ? FAILED : undefined);
  if (own !== undefined || !(thrown instanceof CoatcheckError)) {
    return { code, status, message: own ?? FAILED, details: {} };
  }
  return { code, status, message: thrown.message, details: thrown.details };
}

/** Why, for the operator's log: an error and what is behind it, on one line that is safe to print. */
export function logged(thrown: unknown): string {
  const said: string[] = [];
  let error = thrown;
  while (error instanceof Error && said.length < 4) {
    const { message } = error;
    if (!said.some((before) => before.includes(message))) said.push(message);
    error = error.cause;
  }
  if (said.length === 0) said.push(String(thrown));
  return escapeLine(said.join(': ').slice(0, MAX_REASON_CHARACTERS));
}

const MAX_REASON_CHARACTERS = 500;
