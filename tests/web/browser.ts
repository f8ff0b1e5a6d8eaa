import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect, vi } from 'vitest';
import { startCli } from '../support/cli.ts';
import type { CliOptions, Desk } from '../support/cli.ts';
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
  /** What it has said so far. */
  readonly said: { readonly stdout: string; readonly stderr: string };
  stop(): Promise<Run>;
}

export async function startUi(
  { home, url }: Pick<Desk, 'home' | 'url'>,
  options: CliOptions = {},
): Promise<Ui> {
  const command = ['--home', home, '--server', url, 'ui', '--no-open'];
  const { child, said, done } = await startCli(command, options);
  const found = (pattern: RegExp): string | undefined => pattern.exec(said.stdout)?.[1];
  const code = await Promise.race([
    vi.waitUntil(() => found(/code, .*: (\S+)\n/), { timeout: WAIT_MILLISECONDS }),
    done.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ]);
  const stop = (): Promise<Run> => {
    child.kill('SIGINT');
    return done;
  };
  return { url: found(/at (http:\S+)/)!, code: code, said, stop };
}

/** The command line of the view that shows what a file of `keys monitor` may be told. */
export const WALL = (file: string): string[] => ['--home', '/nowhere', 'ui', '--capability', file];

/** That view, as a process. */
export interface Wall {
  readonly url: string;
  readonly said: { readonly stderr: string };
  stop(): Promise<Run>;
}

export async function startWallOf(file: string, server: string, ...more: string[]): Promise<Wall> {
  const { child, said, done } = await startCli(['--server', server, ...WALL(file), ...more]);
  const url = await Promise.race([
    vi.waitUntil(() => /the view is at (http:\S+)\n/.exec(said.stdout)?.[1], {
      timeout: WAIT_MILLISECONDS,
    }),
    done.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ]);
  const stop = (): Promise<Run> => {
    child.kill('SIGINT');
    return done;
  };
  return { url, said, stop };
}

/** Brings the code, as a person types it. */
export async function comeIn(page: Page, { url, code }: Ui): Promise<void> {
  await page.goto(`${url}/`);
  await page.fill('input[name=code]', code);
  await page.click('button');
  await page.waitForURL(`${url}/`);
}

/** `coatcheck ui` of a desk, and a browser that was let in. */
export interface OpenPage {
  readonly ui: Ui;
  readonly context: BrowserContext;
  readonly page: Page;
  /** Requests of the browser that left the page's own origin. */
  readonly elsewhere: readonly string[];
  /** As {@link findsNothing} does. */
  readonly findsNothing: () => Promise<void>;
  close(): Promise<void>;
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Axe finds nothing, and neither the page nor its lists are wider than the screen, at every width and in both colours. */
export async function findsNothing(page: Page): Promise<void> {
  for (const width of [400, 1600]) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const found = { width, colorScheme, faults: await faultsOf(page) };
      expect(found).toEqual({ width, colorScheme, faults: [] });
      const overflow = await page.evaluate(() =>
        [document.documentElement, ...document.querySelectorAll('.scroll:has(.stacked)')]
          .map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)
          .reduce((a, b) => Math.max(a, b)),
      );
      expect({ width, overflow }).toEqual({ width, overflow: 0 });
    }
  }
}

async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await (
      globalThis as unknown as {
        axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      }
    ).axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });
}

export async function openPage(desk: Desk): Promise<OpenPage> {
  const ui = await startUi(desk);
  const browser = await openBrowser();
  const context = await browser.newContext();
  const elsewhere: string[] = [];
  context.on('request', (request) => {
    if (!request.url().startsWith(`${ui.url}/`)) elsewhere.push(request.url());
  });
  const page = await context.newPage();

  return {
    ...{ ui, context, page, elsewhere },
    findsNothing: () => findsNothing(page),
    close: async () => {
      await browser.close();
      expect((await ui.stop()).code).toBe(0);
    },
  };
}
