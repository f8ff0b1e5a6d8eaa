import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

/** The real browser, as Debian has it. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    // As root it has no sandbox of its own.
    args: ['--no-sandbox', '--disable-gpu'],
  });
}
