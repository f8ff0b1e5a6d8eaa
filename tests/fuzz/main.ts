import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildTargets } from './engine/build.ts';
import { runTarget } from './engine/run.ts';
import type { Run } from './engine/run.ts';
import { committedSeeds, seedLine } from './engine/seeds.ts';
import { TARGETS } from './engine/targets.ts';

/** Where inputs that break a promise are left. */
const FOUND = '.cache/fuzz-found';

/**
 * `npm run fuzz [-- <target> ...]`: the long search (docs/assurance-fuzzing.md). Prints one line of
 * JSON for each target, progress on stderr, and ends with 1 if a promise was found broken.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '10000000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    minutes: { type: 'string', default: 'Infinity' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
});
const unknown = positionals.filter((name) => !TARGETS.includes(name));
if (unknown.length > 0) {
  console.error(`no such target: ${unknown.join(', ')}; there are ${TARGETS.join(', ')}`);
  process.exit(2);
}
const options = {
  runs: Number(values.runs),
  seed: Number(values.seed),
  seconds: Number(values.minutes) * 60,
};
console.error(`seed ${options.seed}`);
const waiting = positionals.length > 0 ? positionals : [...TARGETS];
const scripts = join(process.cwd(), 'node_modules/.cache/coatcheck-fuzz', String(process.pid));
process.once('exit', () => rmSync(scripts, { recursive: true, force: true }));
await buildTargets(waiting, scripts);
await Promise.all(
  Array.from({ length: Number(values.jobs) }, async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await fuzzOne(name);
    }
  }),
);

async function fuzzOne(name: string): Promise<void> {
  let shown = performance.now();
  const run = await runTarget(join(scripts, `${name}.mjs`), {
    ...options,
    seeds: committedSeeds(name),
    onProgress: (executions) => {
      if (performance.now() - shown < 30_000) return;
      shown = performance.now();
      console.error(`${name}: ${executions} of ${options.runs}`);
    },
  });
  report(name, run);
}

function report(name: string, run: Run): void {
  const broken = 'lost' in run ? { input: run.input, error: run.lost } : run.finding;
  if (!('lost' in run)) {
    const { finding, ...numbers } = run;
    console.log(JSON.stringify({ target: name, broken: finding !== undefined, ...numbers }));
  }
  if (broken === undefined) return;
  process.exitCode = 1;
  const file = join(FOUND, `${name}-${Date.now()}.txt`);
  mkdirSync(FOUND, { recursive: true });
  writeFileSync(file, `${seedLine(broken.input)}\n`);
  console.error(`${name}: a promise is broken\n${broken.error}`);
  console.error(
    `${name}: the input is in ${file}; in tests/fuzz/seeds/${name}.txt it is run every time`,
  );
}
