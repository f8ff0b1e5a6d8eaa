import { fail } from '../protocol/errors.ts';
import { escapeJson } from '../protocol/escape.ts';
import type { RequestLog } from './app.ts';

/** What the functions of every cloud are told by variables of one name. */
export interface Variables {
  /** The addresses that clients name (`AppDeps`); absent where none is named. */
  readonly publicUrl?: readonly string[];
  /** Enrolment token and cap of what waits (`UploadDeps`), and of new nodes (`AdminDeps`). */
  readonly limits: {
    readonly token?: string;
    readonly maxPending?: number;
    readonly maxNodes?: number;
  };
  /** A line of JSON for each request. */
  readonly log: (entry: RequestLog) => void;
}

/** The value of a variable without the white space around it; undefined where there is none. */
export type ReadVariable = (name: string) => string | undefined;

/**
 * Reads `COATCHECK_PUBLIC_URLS` (addresses, a space between two), `COATCHECK_TOKEN`,
 * `COATCHECK_MAX_PENDING` and `COATCHECK_MAX_NODES`, all of which may be absent.
 * @throws usage
 */
export function readVariables(given: ReadVariable): Variables {
  const publicUrl = given('COATCHECK_PUBLIC_URLS')?.split(/\s+/);
  const token = given('COATCHECK_TOKEN');
  const maxPending = cap('COATCHECK_MAX_PENDING', given);
  const maxNodes = cap('COATCHECK_MAX_NODES', given);
  return {
    ...(publicUrl === undefined ? {} : { publicUrl }),
    limits: {
      ...(token === undefined ? {} : { token }),
      ...(maxPending === undefined ? {} : { maxPending }),
      ...(maxNodes === undefined ? {} : { maxNodes }),
    },
    log: (entry) => {
      console.log(escapeJson(entry, 0).trimEnd());
    },
  };
}

/** @throws usage */
function cap(name: string, given: ReadVariable): number | undefined {
  const text = given(name);
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1000) return Number(text);
  throw fail('usage', `${name} is a number from 1 to 1000`);
}
