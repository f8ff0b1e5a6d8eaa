import { parseArgs } from 'node:util';
import { seedOfRun } from '../support/random.ts';
import { folderStage, memoryStage } from './stages.ts';
import { torture } from './torture.ts';

/**
 * The long run: `npm run torture -- [--store memory|folder] [--operations N]`, with the seed in
 * `COATCHECK_SEED`. It ends with status 1 and the way to run the failure again, or with a table of
 * what happened.
 */
const STAGES = { memory: async () => memoryStage(), folder: folderStage };

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'memory' },
    operations: { type: 'string', default: process.env['COATCHECK_OPERATIONS'] ?? '1000000' },
  },
});
const open = STAGES[values.store as keyof typeof STAGES];
const operations = Number(values.operations);
const seed = seedOfRun();
const started = Date.now();
const seconds = (): number => Math.round((Date.now() - started) / 1000);

console.log(`${operations} operations on the ${values.store} store, seed ${seed}`);
let next = 0;
let failures = 0;
const { tally } = await torture({
  seed,
  operations,
  open,
  onProgress: (done) => {
    if (done < next && done < operations) return;
    next = done + operations / 100;
    console.log(`${done} of ${operations} operations, ${seconds()} s`);
  },
  onFailure: ({ message }) => {
    failures++;
    console.error(`\n${message}\n`);
  },
});
for (const [what, n] of Object.entries(tally).sort(([a], [b]) => (a < b ? -1 : 1))) {
  console.log(`${String(n).padStart(9)}  ${what}`);
}
console.log(failures === 0 ? 'every promise was kept' : `${failures} generations failed`);
process.exitCode = failures === 0 ? 0 : 1;
