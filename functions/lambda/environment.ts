import { parseCa } from '../../net/certificates.ts';
import { parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { fail } from '../../protocol/errors.ts';
import { escapeJson } from '../../protocol/escape.ts';
import { assertOwnKeys } from '../../store/s3-options.ts';
import type { S3Credentials, S3Options } from '../../store/s3-options.ts';
import type { RequestLog } from '../app.ts';

/** What every entry needs, read once when the function starts. */
export interface LambdaEnvironment {
  readonly site: Site;
  readonly s3: S3Options;
  /** The addresses that clients name (`AppDeps`); absent where the environment names none. */
  readonly publicUrl?: readonly string[];
  /** Enrolment token and cap of what waits (`UploadDeps`). */
  readonly limits: { readonly token?: string; readonly maxPending?: number };
  readonly log: (entry: RequestLog) => void;
}

/**
 * Reads the environment that infra/ sets: `COATCHECK_SITE` (the text of site.json),
 * `COATCHECK_BUCKET`, and the region and session keys that AWS gives the function's role; where they are
 * set `COATCHECK_PUBLIC_URLS` (addresses, a space between two), `COATCHECK_TOKEN`,
 * `COATCHECK_MAX_PENDING`, and `COATCHECK_DUAL_STACK` (`1`).
 *
 * The keys are one pair, and another in each function: AWS makes them for the role that the function
 * has, and the three roles are what `serve` has three key pairs for (docs/adr/0070). There is no file of
 * keys here that could name one pair three times; that the roles are three, infra/stack.test.ts holds.
 *
 * @throws usage for a variable that is missing or no number, file_malformed for a bad site.json,
 *   weak_secret
 */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): LambdaEnvironment {
  const read = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') throw fail('usage', `${name} is not set`);
    return value;
  };
  const given = (name: string): string | undefined => env[name]?.trim() || undefined;
  const publicUrl = given('COATCHECK_PUBLIC_URLS')?.split(/\s+/);
  const token = given('COATCHECK_TOKEN');
  const maxPending = given('COATCHECK_MAX_PENDING');
  if (maxPending !== undefined && !/^[1-9]\d{0,3}$/.test(maxPending)) {
    throw fail('usage', 'COATCHECK_MAX_PENDING is a number from 1 to 1000');
  }
  // The runtime replaces these before they end, in a new process; a sandbox keeps its own.
  const credentials: S3Credentials = {
    accessKeyId: read('AWS_ACCESS_KEY_ID'),
    secretAccessKey: read('AWS_SECRET_ACCESS_KEY'),
    ...(env['AWS_SESSION_TOKEN'] === undefined ? {} : { sessionToken: env['AWS_SESSION_TOKEN'] }),
  };
  assertOwnKeys(credentials);
  return {
    site: parseSite(read('COATCHECK_SITE'), parseCa),
    s3: {
      ...{ bucket: read('COATCHECK_BUCKET'), region: read('AWS_REGION'), credentials },
      dualStack: given('COATCHECK_DUAL_STACK') === '1',
    },
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
