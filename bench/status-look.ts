import { createFleetReader } from '../admin/fleet.ts';
import { localKey } from '../admin/local-key.ts';
import { createSession } from '../admin/session.ts';
import { cacheKey, fileCache } from '../cli/cache-file.ts';
import { fileMemory } from '../cli/memory.ts';
import { countingFetch } from './counting-fetch.ts';
import { ADMIN } from './fixtures.ts';
import { SITE } from './storm/fleet.ts';

/**
 * A program that looks at every node once, as `coatcheck status` does behind the passphrase, and prints a
 * {@link Look} in JSON. Called with the server's URL and a folder for what is kept.
 */
export interface Look {
  readonly nodes: number;
  /** Until all nodes could be shown, and until everything was read, from the start of the program's work */
  readonly firstSeconds: number;
  readonly seconds: number;
  /** To server and store */
  readonly requests: number;
  /** Most that the process ever had resident */
  readonly mebibytes: number;
}

const [server, folder] = process.argv.slice(2) as [string, string];
const { fetch, requests } = countingFetch();
const start = performance.now();
const sinceStart = (): number => (performance.now() - start) / 1000;
const unkept = (error: Error): void => {
  throw error;
};
const session = await createSession({
  ...{ site: SITE, server, fetch, program: 'bench', key: localKey(ADMIN.identity) },
  memory: fileMemory(`${folder}/memory.json`, SITE),
  cache: fileCache(`${folder}/status.cache`, cacheKey(ADMIN.identity, SITE), unkept),
});
let firstSeconds: number | undefined;
const views = await createFleetReader(session).look({
  onProgress: (fleet) => {
    if (firstSeconds !== undefined) return;
    fleet.views();
    firstSeconds = sinceStart();
  },
});
const look: Look = {
  ...{
    nodes: views.length,
    firstSeconds: firstSeconds!,
    seconds: sinceStart(),
    requests: requests(),
  },
  mebibytes: process.resourceUsage().maxRSS / 1024,
};
process.stdout.write(JSON.stringify(look), () => process.exit());
