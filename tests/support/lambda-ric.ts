import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cachedProgram } from '../../local-minio/find.ts';

/** What `npm run lambda-ric` installs: the runtime client by which AWS runs functions (docs/adr/0262). */
export const RUNTIME_CLIENT = 'aws-lambda-ric@4.0.2';

/** The folder in the cache of this project that it is installed into. */
export const runtimeFolder = (): string => dirname(cachedProgram('lambda-ric'));

/** Its program. */
export const runtimeClient = (): string =>
  join(runtimeFolder(), 'node_modules', 'aws-lambda-ric', 'index.mjs');

/** Whether it is there, with its compiled part. */
export const hasRuntimeClient = (): boolean =>
  existsSync(join(dirname(runtimeClient()), 'rapid-client.node'));
