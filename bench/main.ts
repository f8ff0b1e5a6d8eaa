import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootSuite } from './boot.ts';
import { barChart } from './chart.ts';
import { entrySuites } from './entry.ts';
import { manySuite } from './many.ts';
import { nodeSuites } from './node.ts';
import { recordSuite } from './record.ts';
import { columnsOf, toMarkdown } from './result.ts';
import { pageSuite } from './page.ts';
import { sealSuite } from './seal.ts';
import { sizeSuite } from './sizes.ts';
import { statusSuite } from './status.ts';
import { stormSuites } from './storm/suites.ts';
import { strangersSuite } from './strangers/suite.ts';

/**
 * Measures, prints the tables, and puts them in docs/: `benchmarks.json` (every number),
 * the pictures, and the tables between the two marks of `benchmarks.md`. A missed aim is told,
 * never an error: a busy machine is no bug.
 */
const folder = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'));
chmodSync(folder, 0o755);
try {
  await measureAll();
} finally {
  console.error('removing what was measured: a hundred thousand files');
  rmSync(folder, { recursive: true, force: true });
}

async function measureAll(): Promise<void> {
  // First: what the storms leave in the heap would be collected in its time.
  console.error('measuring what one process does');
  const inProcess = [await bootSuite(), await sealSuite(), sizeSuite(), ...entrySuites()];
  console.error('measuring a machine that boots');
  const node = await nodeSuites();
  const { storm, growth } = await stormSuites(folder);
  console.error('measuring a server that strangers hang on');
  const strangers = await strangersSuite(folder);
  console.error('measuring an administrator with 300 machines');
  const many = await manySuite(folder);
  console.error('measuring a look at every node');
  const status = await statusSuite(folder);
  console.error('measuring the page with every node');
  const page = await pageSuite(folder);
  console.error('measuring a record in a browser');
  const record = await recordSuite(folder);
  const suites = [
    ...storm,
    ...growth,
    many,
    status,
    page,
    record,
    strangers,
    ...inProcess,
    ...node,
  ];
  const cpu = cpus()[0]?.model.trim() ?? process.arch;
  const machine = `Node ${process.versions.node} on ${availableParallelism()} cores (${cpu}), Linux ${release()}`;
  const tables = toMarkdown(suites);
  console.log(`${machine}\n\n${tables}`);

  writeFileSync(docs('benchmarks.json'), `${JSON.stringify({ machine, suites }, undefined, 2)}\n`);
  writeFileSync(docs('benchmarks.svg'), barChart([...inProcess, ...node]));
  writeFileSync(docs('boot-storm.svg'), barChart(storm.flatMap(columnsOf)));
  writeFileSync(docs('growth.svg'), barChart(growth.flatMap(columnsOf)));
  const text = readFileSync(docs('benchmarks.md'), 'utf8');
  writeFileSync(docs('benchmarks.md'), between(text, `Measured with ${machine}.\n\n${tables}`));
}

function docs(name: string): string {
  return fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
}

/** Replaces what stands between the two marks of the page. */
function between(page: string, text: string): string {
  const [, before, after] =
    /^([^]*<!-- measured -->\n)[^]*(<!-- \/measured -->[^]*)$/.exec(page) ?? [];
  if (before === undefined || after === undefined) {
    throw new Error('docs/benchmarks.md has lost its two marks');
  }
  return `${before}\n${text}\n${after}`;
}
