import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cachedProgram } from '../../../local-minio/find.ts';

/** The last that runs on the oldest Node that we support. */
export const WRANGLER = 'wrangler@4.86.0';

/** Where it is kept: apart from the packages of this one, since it weighs 200 MB and few tests need it. */
export const wranglerFolder = (): string => dirname(cachedProgram('wrangler'));

/** Why it is not there; undefined if it is. */
export const lackingWrangler = (): string | undefined =>
  existsSync(join(wranglerFolder(), 'node_modules', 'wrangler', 'package.json'))
    ? undefined
    : 'not found; `npm run wrangler` installs it';
