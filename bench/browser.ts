import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import type { Row } from './result.ts';

/** Debian's chromium. */
const BROWSER = '/usr/bin/chromium';

/** What a suite says where it is missing. */
export const withoutBrowser = (): Row[] | undefined =>
  existsSync(BROWSER) ? undefined : [{ name: 'chromium', note: `${BROWSER} is not installed` }];

/** As root it has no sandbox of its own. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox'] });
