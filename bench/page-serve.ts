import { localKey } from '../admin/local-key.ts';
import { createSession } from '../admin/session.ts';
import { cacheKey, fileCache } from '../cli/cache-file.ts';
import { fileMemory } from '../cli/memory.ts';
import { startPage } from '../web/server.ts';
import { countingFetch } from './counting-fetch.ts';
import { ADMIN } from './fixtures.ts';
import { SITE } from './storm/fleet.ts';

/** Where a program serves the page, and the code that lets a browser in: a line of JSON. */
export interface Served {
  readonly url: string;
  readonly code: string;
}

const [server, folder] = process.argv.slice(2) as [string, string];
const unkept = (error: Error): void => {
  throw error;
};
const page = await startPage(() =>
  createSession({
    ...{ site: SITE, server, program: 'bench', key: localKey(ADMIN.identity) },
    fetch: countingFetch().fetch,
    memory: fileMemory(`${folder}/memory.json`, SITE),
    cache: fileCache(`${folder}/status.cache`, cacheKey(ADMIN.identity, SITE), unkept),
  }),
);
const served: Served = { url: page.url, code: page.newCode() };
process.stdout.write(`${JSON.stringify(served)}\n`);
