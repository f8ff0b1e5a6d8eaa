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
const ENTRIES = {
  download: 'coatcheck node-facing entry',
  upload: 'coatcheck upload entry',
  admin: 'coatcheck admin entry',
} as const;
const NAMES = Object.keys(ENTRIES) as (keyof typeof ENTRIES)[];
const ROUNDS = 21;
const MAX_KIB = 120;
/** Of an entry with a client of S3, and its import in milliseconds. */
const MAX_S3 = { kib: 250, milliseconds: 60 };

/**
 * The size of what Lambda loads for a node's request, and how long a fresh Node takes to import it
 * (the start of Node itself not counted), against hono alone, bundled the same way.
 */
export function entrySuites(): Suite[] {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'));
  try {
    const hono = bundleTo(join(folder, 'hono.mjs'), 'bench/hono-alone.ts');
    const entries = NAMES.map((name) => ({
      name,
      ...bundleTo(join(folder, `${name}.mjs`), `functions/lambda/${name}.ts`),
      times: [] as number[],
    }));
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      times.push(importTime(hono.file));
      for (const entry of entries) entry.times.push(importTime(entry.file));
    }
    const rows = (of: number, values: readonly number[]): Row[] =>
      compare(
        [
          { name: HONO, value: of },
          ...entries.map(({ name }, i) => ({ name: ENTRIES[name], value: values[i]! })),
        ],
        HONO,
      );
    const kib = entries.map((entry) => entry.kib);
    const took = entries.map((entry) => median(entry.times));
    const [download] = kib;
    const withS3 = (values: readonly number[]): number => Math.max(...values.slice(1));
    return [
      {
        title: 'Code that Lambda loads, minified',
        unit: 'KiB',
        baseline: HONO,
        rows: rows(hono.kib, kib),
        aims: [
          { text: `node-facing at most ${MAX_KIB} KiB`, met: download! <= MAX_KIB },
          { text: `others at most ${MAX_S3.kib} KiB`, met: withS3(kib) <= MAX_S3.kib },
        ],
      },
      {
        title: 'Import of that code in a fresh process',
        unit: 'ms',
        baseline: HONO,
        rows: rows(median(times), took),
        aims: [
          {
            text: `upload and admin within ${MAX_S3.milliseconds} ms`,
            met: withS3(took) <= MAX_S3.milliseconds,
          },
        ],
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
