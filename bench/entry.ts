import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleEntry } from '../infra/bundle.ts';
import { formatSite } from '../protocol/site.ts';
import { makeSite } from '../tests/support/site.ts';
import { median } from './measure.ts';
import { compare } from './result.ts';
import type { Row, Suite } from './result.ts';

const HONO = 'hono alone';
const ENTRY = 'coatcheck node-facing entry';
const ROUNDS = 21;
const MAX_KIB = 120;

/**
 * The size of what Lambda loads for a node's request, and how long a fresh Node takes to import it
 * (the start of Node itself not counted), against hono alone, bundled the same way.
 */
export function entrySuites(): Suite[] {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'));
  try {
    const hono = bundleTo(join(folder, 'hono.mjs'), 'bench/hono-alone.ts');
    const entry = bundleTo(join(folder, 'entry.mjs'), 'functions/lambda/download.ts');
    const times = { hono: [] as number[], entry: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      times.hono.push(importTime(hono.file));
      times.entry.push(importTime(entry.file));
    }
    const against = (values: { hono: number; entry: number }): Row[] =>
      compare(
        [
          { name: HONO, value: values.hono },
          { name: ENTRY, value: values.entry },
        ],
        HONO,
      );
    return [
      {
        title: 'Code that Lambda loads, minified',
        unit: 'KiB',
        baseline: HONO,
        rows: against({ hono: hono.kib, entry: entry.kib }),
        aims: [{ text: `at most ${MAX_KIB} KiB`, met: entry.kib <= MAX_KIB }],
      },
      {
        title: 'Import of that code in a fresh process',
        unit: 'ms',
        baseline: HONO,
        rows: against({ hono: median(times.hono), entry: median(times.entry) }),
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function bundleTo(file: string, entry: string): { file: string; kib: number } {
  const code = bundleEntry(entry);
  writeFileSync(file, code);
  return { file, kib: code.length / 1024 };
}

/** Milliseconds. */
function importTime(file: string): number {
  const script =
    'const start = performance.now(); await import(process.argv[1]);' +
    'process.stdout.write(String(performance.now() - start));';
  const output = execFileSync(
    process.execPath,
    ['--input-type=module', '--eval', script, pathToFileURL(file).href],
    {
      encoding: 'utf8',
      env: {
        COATCHECK_SITE: formatSite(makeSite().site),
        COATCHECK_BUCKET: 'bench',
        AWS_REGION: 'eu-central-1',
        AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'a-secret-for-a-benchmark',
      },
    },
  );
  return Number(output);
}
