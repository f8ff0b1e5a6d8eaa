import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { parseCa } from '../../net/certificates.ts';
import { EXIT } from '../../protocol/errors.ts';
import { parseSite } from '../../protocol/site.ts';
import { openDesk, refusal, runCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { WAIT_MILLISECONDS } from '../support/limits.ts';
import { makeNode } from '../support/site.ts';
import { comeIn, openBrowser, startUi } from './browser.ts';
import type { Ui } from './browser.ts';

interface Entries {
  readonly entries: readonly { readonly type: string; readonly decidedBy: readonly string[] }[];
}

describeWith('chromium', 'administrators with a key each', () => {
  let desk: Desk;
  let folder: string;
  let browser: Browser;
  let adas: Ui;
  let ada: Page;
  const homeOf = (name: string): string => join(folder, name);
  const as = (name: string, ...args: string[]) =>
    runCli(['--home', homeOf(name), '--server', desk.url, ...args]);

  /** Adds one by the two files, as people do; a server knows of a new key within seconds. */
  async function add(name: string): Promise<void> {
    const [request, answer] = [join(folder, `${name}.json`), join(folder, `${name}.site.json`)];
    const init = ['--home', homeOf(name), 'init'];
    await runCli([...init, '--request', request, '--admin-name', name, '--no-passphrase']);
    await desk.json('keys', 'add', request, '--yes');
    expect((await runCli([...init, '--answer', answer, '--yes'])).code).toBe(0);
    await vi.waitUntil(async () => (await as(name, 'list')).code === 0, {
      timeout: WAIT_MILLISECONDS,
    });
  }

  /** A browser of its own: nothing is shared with another. */
  async function pageAt(ui: Ui): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    await comeIn(page, ui);
    return page;
  }

  /** Of a machine that is new, sealed to whoever is an administrator now. */
  async function proposed(name: string) {
    const node = makeNode(name);
    const text = readFileSync(join(desk.home, 'site.json'), 'utf8');
    const { keyset } = parseSite(text, parseCa).pinned;
    const recipients = [node.boxKey, ...keyset.keys.map(({ boxKey }) => boxKey)];
    return { node, digest: await desk.propose(node, { recipients }) };
  }

  beforeAll(async () => {
    desk = await openDesk();
    folder = mkdtempSync(join(tmpdir(), 'coatcheck-two-'));
    await add('bob');
    browser = await openBrowser();
    adas = await startUi(desk);
    ada = await pageAt(adas);
  });
  afterAll(async () => {
    await browser.close();
    await adas.stop();
    await desk.close();
    rmSync(folder, { recursive: true });
  });

  it('make one decision, one in the page and one in a terminal at once, and the other is told whose it is', async () => {
    const { node, digest } = await proposed('wanted at once');
    await ada.goto(`${adas.url}/review/${node.id}/${digest}`);
    await ada.fill('form.confirm input[name=typed]', nodeWords(node.id));
    const [bobs] = await Promise.all([
      as('bob', 'reject', node.id, digest, '--reason', 'not ours', '--yes'),
      ada.click('form.confirm button').then(() => ada.waitForURL('**/jobs/**')),
    ]);
    await expect.poll(() => ada.title()).toContain('Done');
    const said = (await ada.textContent('main'))!;
    const { entries } = await desk.json<Entries>('history', node.id);
    expect(entries).toHaveLength(1);
    const [{ type, decidedBy }] = entries as [Entries['entries'][number]];
    if (type === 'approve') {
      expect({ decidedBy, code: bobs.code }).toEqual({ decidedBy: ['ada'], code: 4 });
      expect(said).toContain('approved (seq 1)');
      expect(bobs.stderr).toContain('ada');
    } else {
      expect({ type, decidedBy, code: bobs.code }).toEqual({
        ...{ type: 'reject', decidedBy: ['bob'], code: 0 },
      });
      expect(said).toContain('Not done for 1 node of 1');
      expect(said).toMatch(/reject.*bob/);
    }
  });

  it('are told in the page whose decision it was, where a terminal was quicker', async () => {
    const { node, digest } = await proposed('refused by bob');
    await ada.goto(`${adas.url}/review/${node.id}/${digest}`);
    await ada.fill('form.confirm input[name=typed]', nodeWords(node.id));
    const bobs = await as('bob', 'reject', node.id, digest, '--reason', 'no', '--yes');
    expect(refusal(bobs)).toEqual([0, undefined]);
    await ada.click('form.confirm button');
    await ada.waitForURL('**/jobs/**');
    await expect.poll(() => ada.textContent('main')).toContain('Not done for 1 node of 1');
    expect(await ada.textContent('main')).toMatch(/reject.*bob/);
  });

  it('are told in a terminal whose decision it was, where the page was quicker', async () => {
    const { node, digest } = await proposed('approved by ada');
    await ada.goto(`${adas.url}/review/${node.id}/${digest}`);
    await ada.fill('form.confirm input[name=typed]', nodeWords(node.id));
    await ada.click('form.confirm button');
    await ada.waitForURL('**/jobs/**');
    await expect.poll(() => ada.textContent('main')).toContain('approved (seq 1)');
    const { code, stderr } = await as('bob', 'reject', node.id, digest, '--reason', 'no', '--yes');
    expect(code).toBe(4);
    expect(stderr).toContain('ada');
  });

  it('sign one decision, two of three: the second sees its own review, and makes it', async () => {
    await add('eve');
    // What is in force lacks the signature of another from now on.
    const threshold = await desk.run('keys', 'threshold', '2', '--yes');
    expect(refusal(threshold)).toEqual([EXIT.undersigned, 'undersigned']);
    const { node, digest } = await proposed('of two');
    await expect.poll(async () => (await as('bob', 'list')).code).toBe(0);
    // Each in a browser of its own, started under the administrators of now.
    const [uis, eves] = [await startUi(desk), await startUi({ ...desk, home: homeOf('eve') })];
    const [first, eve] = [await pageAt(uis), await pageAt(eves)];
    await first.goto(`${uis.url}/review/${node.id}/${digest}`);
    await first.fill('form.confirm input[name=typed]', nodeWords(node.id));
    await first.fill('form.confirm input[name=reason]', 'rack 4');
    await first.click('form.confirm button');
    await first.waitForURL('**/jobs/**');
    await expect.poll(() => first.textContent('main')).toContain('1 of 2 signatures (ada)');
    expect(refusal(await desk.run('show', node.id))).toEqual([0, undefined]);

    try {
      await eve.goto(`${eves.url}/nodes/${node.id}`);
      await eve.click('text=approve: sign as well');
      const review = (await eve.textContent('main'))!;
      expect(review).toContain('etc/hostname');
      expect(await eve.locator('form.confirm input[name=reason]').count()).toBe(0);
      await eve.click('form.confirm button');
      await eve.waitForURL('**/jobs/**');
      await expect.poll(() => eve.textContent('main')).toContain('approved (seq 1)');
      const { entries } = await desk.json<Entries>('history', node.id);
      expect(entries).toMatchObject([{ decidedBy: ['ada', 'eve'], reason: 'rack 4' }]);
    } finally {
      await Promise.all([uis.stop(), eves.stop()]);
    }
  });
});
