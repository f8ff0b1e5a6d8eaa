import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findMinio } from '../../local-minio/find.ts';
import { startMinio } from '../../local-minio/start.ts';
import { makeMinioBucket } from '../support/minio-bucket.ts';
import { Random, seedOfRun } from '../support/random.ts';
import type { Stage } from './stage.ts';
import { folderStage, memoryStage, wiredStages } from './stages.ts';
import { torture } from './torture.ts';

/**
 * The long run: `npm run torture -- [--store memory|folder|minio] [--operations N]`, with the seed in
 * `COATCHECK_SEED`. It goes on after a failure, says how to run each again, and ends with a table of
 * what happened and status 1 if anything failed.
 */
const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'memory' },
    operations: { type: 'string', default: '1000000' },
  },
});
const operations = Number(process.env['COATCHECK_OPERATIONS'] ?? values.operations);
const seed = seedOfRun();

type Opened = { open: () => Promise<Stage>; stop: () => Promise<void> };
const nothing = (): Promise<void> => Promise.resolve();
const STORES: Record<string, () => Promise<Opened>> = {
  memory: () => Promise.resolve({ open: async () => memoryStage(), stop: nothing }),
  folder: () => Promise.resolve({ open: folderStage, stop: nothing }),
  async minio() {
    const found = await findMinio();
    if (found === undefined) throw new Error('no MinIO: npm run minio -- --install builds one');
    const dir = await mkdtemp(join(tmpdir(), 'coatcheck-minio-'));
    const minio = await startMinio(found, dir);
    return {
      open: wiredStages(() => makeMinioBucket(minio), new Random(seed)),
      stop: async () => {
        await minio.stop();
        await rm(dir, { recursive: true, force: true });
      },
    };
  },
};

const prepare = STORES[values.store];
if (prepare === undefined || !(operations > 0)) throw new Error('see the head of this file');
const { open, stop } = await prepare();
console.log(`${operations} operations on the ${values.store} store, seed ${seed}`);
const started = Date.now();
let next = 0;
let failures = 0;
try {
  const { tally } = await torture({
    ...{ seed, operations, open },
    onProgress: (done) => {
      if (done < next && done < operations) return;
      next += operations / 100;
      const seconds = Math.round((Date.now() - started) / 1000);
      console.log(`${done} of ${operations} operations, ${seconds} s`);
    },
    onFailure: ({ message }) => {
      failures++;
      console.error(`\n${message}\n`);
    },
  });
  for (const [what, n] of Object.entries(tally).sort(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(`${String(n).padStart(9)}  ${what}`);
  }
} finally {
  await stop();
}
console.log(failures === 0 ? 'every promise was kept' : `${failures} generations failed`);
process.exitCode = failures === 0 ? 0 : 1;
