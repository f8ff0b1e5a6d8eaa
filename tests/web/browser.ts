import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { vi } from 'vitest';
import { startCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { WAIT_MILLISECONDS } from '../support/limits.ts';
import type { Run } from '../support/run.ts';

/** The real browser, as Debian has it. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    // As root it has no sandbox of its own.
    args: ['--no-sandbox', '--disable-gpu'],
  });
}

/** The real `coatcheck ui`, with the code that it said. */
export interface Ui {
  readonly url: string;
  readonly code: string;
  stop(): Promise<Run>;
}

export async function startUi({ home, url }: Desk): Promise<Ui> {
  const { child, said, done } = await startCli([
    ...['--home', home, '--server', url, 'ui', '--no-open'],
  ]);
  const found = (pattern: RegExp): string | undefined => pattern.exec(said.stdout)?.[1];
  const code = await Promise.race([
    vi.waitUntil(() => found(/code, .*: (\S+)\n/), { timeout: WAIT_MILLISECONDS }),
    done.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ]);
  const stop = (): Promise<Run> => {
    child.kill('SIGINT');
    return done;
  };
  return { url: found(/at (http:\S+)/)!, code: code, stop };
}

/** Brings the code, as a person types it. */
export async function comeIn(page: Page, { url, code }: Ui): Promise<void> {
  await page.goto(`${url}/`);
  await page.fill('input[name=code]', code);
  await page.click('button');
  await page.waitForURL(`${url}/`);
}
