import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { toHex } from '../bundle/index.ts';
import { formatSite } from '../protocol/site.ts';
import { COMMANDS, commandsBuilt } from './commands.ts';
import { openBrowser, withoutBrowser } from './browser.ts';
import { compare } from './result.ts';
import type { Row, Suite } from './result.ts';
import { createNode } from './status.ts';
import { SITE } from './storm/fleet.ts';
import { memoryPlace } from './storm/places.ts';

const NODES = 1_000;

/**
 * How long a browser verifies the record of a site, of which each node has one decision: by its own Ed25519, and by
 * that of the file, where it has none.
 * @param folder exists
 */
export async function recordSuite(folder: string, nodes = NODES): Promise<Suite> {
  const title = `The record of ${nodes.toLocaleString('en-US')} nodes, verified in a browser`;
  const about = { title, unit: 's' };
  const missing = withoutBrowser();
  if (missing !== undefined) return { ...about, rows: missing };
  await commandsBuilt();
  const home = join(folder, 'record');
  mkdirSync(home, { recursive: true });
  const place = await memoryPlace({ folder: home });
  for (let i = 0; i < nodes; i++) await createNode(place, `gx${i}`);
  writeFileSync(join(home, 'site.json'), formatSite(SITE));
  const file = join(home, 'record.html');
  const args = ['--home', home, 'log', '--copy', join(home, 'memory'), '--html', file];
  await promisify(execFile)(process.execPath, [join(COMMANDS, 'coatcheck.mjs'), ...args]);
  await place.stop();
  const browser = await openBrowser();
  try {
    const rows: Row[] = [
      { name: 'by its own Ed25519', value: await verify(browser, file, true) },
      { name: 'by tweetnacl', value: await verify(browser, file, false) },
    ];
    return { ...about, baseline: rows[0]!.name, rows: compare(rows, rows[0]!.name) };
  } finally {
    await browser.close();
  }
}

/** Seconds from the digest to the verdict. */
async function verify(browser: Browser, file: string, hasEd25519: boolean): Promise<number> {
  const context = await browser.newContext();
  const page = await context.newPage();
  if (!hasEd25519) {
    await page.addInitScript(() => {
      crypto.subtle.importKey = () => Promise.reject(new Error('not known'));
    });
  }
  await page.goto(pathToFileURL(file).href);
  await page.fill('input[name=digest]', toHex(SITE.pinned.digest));
  const started = performance.now();
  await page.click('#prove button');
  await page.waitForFunction(
    () => document.querySelector('#verdict')?.textContent.startsWith('✔') === true,
    undefined,
    { timeout: 600_000 },
  );
  const seconds = (performance.now() - started) / 1000;
  await context.close();
  return seconds;
}
