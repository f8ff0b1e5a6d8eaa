import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { openBrowser, withoutBrowser } from './browser.ts';
import { median } from './measure.ts';
import type { Served } from './page-serve.ts';
import type { Row, Suite } from './result.ts';
import { createNode, lookAt } from './status.ts';
import { memoryPlace } from './storm/places.ts';

const NODES = 10_000;
const LOADS = 11;
const AIM_MILLISECONDS = 200;
const SCREENS = [
  ['waiting', '/'],
  ['nodes', '/nodes'],
  ['nodes, the last of them', `/nodes?page=${NODES}`],
  ['nodes, by a filter', '/nodes?q=state%3Din-force'],
] as const;

/**
 * How long a browser shows nothing of a screen of `coatcheck ui`, of which the nodes were looked at before; and what
 * of that is the server's answer.
 * @param folder exists
 */
export async function pageSuite(folder: string, nodes = NODES): Promise<Suite> {
  const title = `The page with ${nodes.toLocaleString('en-US')} nodes`;
  const about = { title, unit: 'ms to first paint' };
  const missing = withoutBrowser();
  if (missing !== undefined) return { ...about, rows: missing };
  const own = join(folder, 'page');
  mkdirSync(own, { recursive: true });
  const place = await memoryPlace({ folder: own });
  for (let i = 0; i < nodes; i++) await createNode(place, `gx${i}`);
  const server = await place.serve();
  await lookAt(server.url, own);
  const { child, served } = await serve(server.url, own);
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    const started = performance.now();
    await page.goto(`${served.url}/`);
    await page.fill('input[name=code]', served.code);
    await page.click('button');
    await page.waitForURL(`${served.url}/`);
    await page.waitForFunction(
      (all) => document.querySelector('.tally')?.textContent.includes(all) === true,
      String(nodes),
      { timeout: 600_000 },
    );
    console.error(`all are shown after ${Math.round(performance.now() - started)} ms`);
    const rows: Row[] = [];
    for (const [name, path] of SCREENS) rows.push(await measure(page, name, served.url + path));
    const isMet = rows.every(({ value = Infinity }) => value <= AIM_MILLISECONDS);
    const aims = [{ text: `first paint within ${AIM_MILLISECONDS} ms`, met: isMet }];
    return { ...about, rows, aims };
  } finally {
    await browser.close();
    child.kill();
    await server.stop();
    await place.stop();
  }
}

/** Milliseconds, and bytes. */
interface Load {
  readonly paint: number;
  readonly answer: number;
  readonly size: number;
}

async function measure(page: Page, name: string, url: string): Promise<Row> {
  const loads: Load[] = [];
  // The first is not counted: the compiler has not seen it.
  for (let i = 0; i <= LOADS; i++) {
    await page.goto(url);
    await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length);
    const load = await page.evaluate(() => {
      const [paint] = performance.getEntriesByName('first-contentful-paint');
      const [navigation] = performance.getEntriesByType('navigation');
      const { requestStart, responseEnd, decodedBodySize } =
        navigation as PerformanceNavigationTiming;
      return { paint: paint!.startTime, answer: responseEnd - requestStart, size: decodedBodySize };
    });
    if (i > 0) loads.push(load);
  }
  const of = (key: keyof Load): number => median(loads.map((load) => load[key]));
  return { name, value: of('paint'), more: { 'answer, ms': of('answer'), KiB: of('size') / 1024 } };
}

/** Starts the page in a process of its own, as `coatcheck ui` is one. */
async function serve(
  url: string,
  folder: string,
): Promise<{ child: ReturnType<typeof spawn>; served: Served }> {
  const program = fileURLToPath(new URL('./page-serve.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', program, url, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    return { child, served: JSON.parse(line) as Served };
  }
  throw new Error('the page ended before it was served');
}
