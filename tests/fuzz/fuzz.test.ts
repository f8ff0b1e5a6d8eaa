// @module-tag long
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTargets } from './engine/build.ts';
import { runTarget } from './engine/run.ts';
import { committedSeeds } from './engine/seeds.ts';
import { TARGETS } from './engine/targets.ts';

const scripts = join(process.cwd(), 'node_modules/.cache/coatcheck-fuzz', String(process.pid));
beforeAll(() => buildTargets(TARGETS, scripts));
afterAll(() => rmSync(scripts, { recursive: true, force: true }));

/** The same in each run, so that what fails here fails again: `npm run fuzz` goes on from other seeds. */
const SEED = 1;
const RUNS = 20_000;
/** No promise: a busy machine takes long, and a search that is stuck is noticed elsewhere. */
const MOST_MILLISECONDS = 3_600_000;

describe(`${RUNS} inputs of each parser break no promise`, () => {
  it.concurrent.each(TARGETS)(
    '%s',
    async (name) => {
      const options = { runs: RUNS, seed: SEED, seeds: committedSeeds(name) };
      const run = await runTarget(join(scripts, `${name}.mjs`), options);
      expect(run).not.toHaveProperty('lost');
      expect(run).not.toHaveProperty('finding');
    },
    MOST_MILLISECONDS,
  );
});
