import { parseCa } from '../../net/certificates.ts';
import { parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { fail } from '../../protocol/errors.ts';
import { escapeJson } from '../../protocol/escape.ts';
import { assertOwnKeys } from '../../store/s3-options.ts';
import type { S3Credentials, S3Options } from '../../store/s3-options.ts';
import { readVariables } from '../variables.ts';
import type { Variables } from '../variables.ts';

/** What every entry needs, read once when the function starts. */
export interface LambdaEnvironment extends Variables {
  readonly site: Site;
  readonly s3: S3Options;
  /** Where the enrolment token is (`readToken`); absent where there is none, or the environment has it. */
  readonly tokenFrom?: string;
  /** Which roles a function may take, `download=ARN upload=ARN admin=ARN`; for `doctor` alone. */
  readonly roles?: string;
}

/**
 * Reads the environment that infra/ sets: `COATCHECK_SITE` (the text of site.json),
 * `COATCHECK_BUCKET`, and the region and session keys that AWS gives the function's role; where they are
 * set `COATCHECK_DUAL_STACK` (`1`), `COATCHECK_TOKEN_FROM`, `COATCHECK_ROLES` and those of {@link readVariables}.
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
  const tokenFrom = given('COATCHECK_TOKEN_FROM');
  const roles = given('COATCHECK_ROLES');
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
    ...readVariables(given),
    log: writeLine,
    ...(tokenFrom === undefined ? {} : { tokenFrom }),
    ...(roles === undefined ? {} : { roles }),
  };
}

/**
 * A line of the log: JSON, with the time, as `serve --log json` writes it. Past `console`, before which the runtime
 * writes a time and an id of its own: a filter takes a line for JSON only if it is nothing else.
 */
export function writeLine(facts: object): void {
  process.stdout.write(
    escapeJson({ time: new Date().toISOString(), ...facts }, 0).trimEnd() + '\n',
  );
}
