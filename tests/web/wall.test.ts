// @module-tag long
import * as fs from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, refusal, runCli, startCli, startServe } from '../support/cli.ts';
import type { Desk, Served } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { WAIT_MILLISECONDS } from '../support/limits.ts';
import type { Run } from '../support/run.ts';
import { makeNode } from '../support/site.ts';
import { findsNothing, openBrowser, startWallOf, WALL } from './browser.ts';
import type { Wall } from './browser.ts';

describeWith('chromium', 'a screen on a wall', () => {
  const [known, fresh] = [makeNode('wall known'), makeNode('wall fresh')];
  let desk: Desk;
  let file: string;
  let seed: string;
  /** A server of its own, which can be stopped. */
  let served: Served;
  let wall: Wall;
  let browser: Browser;
  let page: Page;
  const elsewhere: string[] = [];

  const startWall = (server: string, ...more: string[]): Promise<Wall> =>
    startWallOf(file, server, ...more);

  beforeAll(async () => {
    desk = await openDesk();
    file = join(desk.home, '..', 'wall.json');
    await desk.propose(known, { metadata: { hostname: 'gx001.example.org' } });
    await desk.json('approve', known.id, '--yes', '--reason', 'rack 4', '--expires', '300d');
    await desk.json('keys', 'monitor', file, '--for', 'wall');
    ({ seed } = JSON.parse(fs.readFileSync(file, 'utf8')) as { seed: string });
    served = await startServe(['--home', desk.home, 'serve']);
    wall = await startWall(served.url);
    browser = await openBrowser();
    page = await (await browser.newContext()).newPage();
    page.on('request', (request) => {
      if (!request.url().startsWith(`${wall.url}/`)) elsewhere.push(request.url());
    });
  });
  afterAll(async () => {
    await browser.close();
    await wall.stop();
    await served.stop();
    await desk.close();
  });

  function ask(
    path: string,
    { method = 'GET', host = new URL(wall.url).host }: { method?: string; host?: string } = {},
  ): Promise<{ status: number; text: string }> {
    const { port } = new URL(wall.url);
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port, path, method, headers: { host } },
        (response) => {
          let text = JSON.stringify(response.headers);
          response.on('data', (chunk: Buffer) => {
            text += chunk.toString();
            // A stream has no end.
            if (path === '/events') request.destroy();
          });
          response.on('close', () => {
            resolve({ status: response.statusCode!, text });
          });
        },
      );
      request.on('error', reject);
      request.end();
    });
  }

  const main = (): Promise<string | null> => page.textContent('main');

  it('shows states and no name, by a file alone, and what is new under a pointer as well', async () => {
    await page.goto(`${wall.url}/`);
    await expect.poll(main).toContain('1 node, 0 want a person');
    expect(await page.textContent('header')).toMatch(/as of .*\d/);
    await findsNothing(page);
    await page.hover('main');
    await desk.propose(fresh, { metadata: { hostname: 'gx002.example.org' } });
    await expect.poll(main).toContain(nodeWords(fresh.id));
    expect(await main()).toContain('2 nodes, 1 wants a person');
    expect(await page.content()).not.toMatch(/gx00|rack 4/);
    await findsNothing(page);
    expect(elsewhere.filter((url) => url !== 'data:,')).toEqual([]);
  });

  it('has no route that changes anything, answers to its own name alone, and never says its key', async () => {
    const { host, port } = new URL(wall.url);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      for (const path of ['/', '/decide', '/reject', '/enter', '/events']) {
        expect([method, path, (await ask(path, { method })).status]).toEqual([method, path, 405]);
      }
    }
    for (const other of [
      `localhost:${port}`,
      `evil.example:${port}`,
      '127.0.0.1',
      `evil.${host}`,
    ]) {
      expect([other, (await ask('/', { host: other })).status]).toEqual([other, 403]);
    }
    const paths = ['/', '/events', '/assets/wall.js', '/assets/times.js', '/assets/style.css'];
    for (const path of [...paths, '/nodes', '/log', '/review/x/y', '/wall.json', '/../wall.json']) {
      const { status, text } = await ask(path);
      expect([path, status]).toEqual([path, paths.includes(path) ? 200 : 404]);
      expect(text).not.toContain(seed.slice(0, 20));
      expect(text).not.toContain(Buffer.from(seed, 'base64url').toString('hex').slice(0, 20));
    }
    expect((await ask('/')).text).not.toContain(served.url);
    expect(await page.locator('form, button, input, main a').count()).toBe(0);
  });

  it('says as of when it is while the server cannot be asked, and goes on by itself', async () => {
    await served.stop();
    await expect.poll(() => page.textContent('#alarms')).toContain('server_unreachable');
    expect(await page.textContent('#alarms')).toMatch(/Not known since .*\d/);
    expect(await main()).toContain(nodeWords(fresh.id));
    await findsNothing(page);
    const { port } = new URL(served.url);
    served = await startServeAt(port);
    await expect.poll(() => page.textContent('#alarms')).not.toContain('server_unreachable');
  });

  async function startServeAt(port: string): Promise<Served> {
    const { child, said, done } = await startCli([
      ...['--home', desk.home, 'serve', '--port', port],
    ]);
    await vi.waitUntil(() => said.stdout.includes('\n'), { timeout: WAIT_MILLISECONDS });
    return {
      ...{ url: `http://127.0.0.1:${port}`, child, said },
      stop: () => {
        child.kill('SIGINT');
        return done;
      },
    };
  }

  it('ends when the administrators change, and shows nothing then', async () => {
    const bob = join(desk.home, '..', 'bob.json');
    const init = ['--home', join(desk.home, '..', 'bob'), 'init', '--request', bob];
    expect((await runCli([...init, '--admin-name', 'bob', '--no-passphrase'])).code).toBe(0);
    await desk.json('keys', 'add', bob, '--yes');
    // A server follows the keysets within a minute, and at once for who is refused else.
    const anew = join(desk.home, '..', 'anew.json');
    await desk.json('keys', 'monitor', anew);
    const status = ['--home', '/nowhere', '--server', served.url, 'status', '--capability', anew];
    await expect.poll(async () => (await runCli(status)).code).toBe(0);
    await expect.poll(main).toContain('This view has ended');
    expect(await page.content()).not.toContain(nodeWords(fresh.id));
    await findsNothing(page);
    await vi.waitUntil(() => wall.said.stderr.includes('nothing is shown any more'), {
      timeout: WAIT_MILLISECONDS,
    });
  });

  it('says that it hears nothing any more where it was stopped', async () => {
    expect(await page.locator('#lost').isVisible()).toBe(false);
    expect((await wall.stop()).code).toBe(0);
    await expect.poll(() => page.locator('#lost').isVisible()).toBe(true);
    expect(await main()).toContain('This view has ended');
  });

  it('listens where it is told, and takes no file and no place that is none', async () => {
    const named = await startWall(served.url, '--host', 'localhost');
    expect(new URL(named.url).hostname).toBe('localhost');
    expect((await fetch(named.url)).status).toBe(200);
    await named.stop();
    const run = (...more: string[]): Promise<Run> =>
      runCli(['--server', served.url, ...WALL(file), ...more]);
    for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
      expect([host, ...refusal(await run('--host', host))]).toEqual([host, EXIT.usage, 'usage']);
    }
    expect(refusal(await run('--no-open'))).toEqual([EXIT.usage, 'usage']);
    expect(refusal(await desk.run('ui', '--host', '127.0.0.1'))).toEqual([EXIT.usage, 'usage']);
    const missing = join(desk.home, 'none.json');
    expect(refusal(await runCli(WALL(missing)))).toEqual([EXIT.usage, 'file_missing']);
  });
});
