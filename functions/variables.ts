import { fail } from '../protocol/errors.ts';
import { escapeJson } from '../protocol/escape.ts';
import type { RequestLog } from './app.ts';

/** What the functions of every cloud are told by variables of one name. */
export interface Variables {
  /** The addresses that clients name (`AppDeps`); absent where none is named. */
  readonly publicUrl?: readonly string[];
  /** Enrolment token and cap of what waits (`UploadDeps`). */
  readonly limits: { readonly token?: string; readonly maxPending?: number };
  /** A line of JSON for each request. */
  readonly log: (entry: RequestLog) => void;
}

/** The value of a variable without the white space around it; undefined where there is none. */
export type ReadVariable = (name: string) => string | undefined;

/**
 * Reads `COATCHECK_PUBLIC_URLS` (addresses, a space between two), `COATCHECK_TOKEN` and
 * `COATCHECK_MAX_PENDING`, all of which may be absent.
 * @throws usage
 */
export function readVariables(given: ReadVariable): Variables {
  const publicUrl = given('COATCHECK_PUBLIC_URLS')?.split(/\s+/);
  const token = given('COATCHECK_TOKEN');
  const maxPending = given('COATCHECK_MAX_PENDING');
  if (maxPending !== undefined && !/^[1-9]\d{0,3}$/.test(maxPending)) {
    throw fail('usage', 'COATCHECK_MAX_PENDING is a number from 1 to 1000');
  }
  return {
    ...(publicUrl === undefined ? {} : { publicUrl }),
    limits: {
      ...(token === undefined ? {} : { token }),
      ...(maxPending === undefined ? {} : { maxPending: Number(maxPending) }),
    },
    log: (entry) => {
      console.log(escapeJson(entry, 0).trimEnd());
    },
  };
}
