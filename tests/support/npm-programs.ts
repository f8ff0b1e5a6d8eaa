import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cachedProgram } from '../../local-minio/find.ts';

/**
 * What npm has of other runtimes: kept apart from the packages of this one, since each weighs about 100 MB and few
 * tests need it. Of wrangler it is the last that runs on the oldest Node that we support.
 */
export const NPM_PROGRAMS = { wrangler: '4.86.0', bun: '1.4.5', deno: '2.9.6' } as const;
export type NpmProgram = keyof typeof NPM_PROGRAMS;

/** The folder that it is installed in. */
export const npmFolder = (name: NpmProgram): string => dirname(cachedProgram(name));

/** The program itself. */
export const npmProgram = (name: NpmProgram): string =>
  join(npmFolder(name), 'node_modules', '.bin', name);

/** Why it is not there; undefined if it is. */
export const lackingNpmProgram = (name: NpmProgram): string | undefined =>
  existsSync(npmProgram(name)) ? undefined : 'not found; `npm run runtimes` installs it';
