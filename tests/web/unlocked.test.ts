import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { openDesk, runCli } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeNode } from '../support/site.ts';
import { comeIn, openBrowser, startUi } from './browser.ts';

const PASSPHRASE = 'a good long one of theirs';

describeWith('chromium', 'the page with a key that is unlocked', () => {
  it('decides what that may, says what it may not, says once it is locked, and goes on once it is unlocked', async () => {
    // Short: the path of a socket has little room.
    const runtime = fs.mkdtempSync(join(tmpdir(), 'ui-'));
    const desk = await openDesk();
    fs.writeFileSync(join(runtime, 'new'), PASSPHRASE, { mode: 0o600 });
    await desk.json('key', 'passphrase', '--new-passphrase-file', join(runtime, 'new'));
    const env = { XDG_RUNTIME_DIR: runtime };
    const run = (more: Record<string, string>, ...args: string[]) =>
      runCli(['--home', desk.home, '--server', desk.url, ...args], { env: { ...env, ...more } });
    const unlock = { COATCHECK_PASSPHRASE: PASSPHRASE };
    expect((await run(unlock, 'unlock')).code).toBe(0);
    const ui = await startUi(desk, { env });
    const browser = await openBrowser();
    const page = await browser.newPage();
    const main = async (): Promise<string> => (await page.textContent('main'))!;
    try {
      await comeIn(page, ui);
      const node = makeNode('of an unlocked key');
      const digest = await desk.propose(node, {});
      await page.goto(`${ui.url}/review/${node.id}/${digest}`);
      await page.fill('form.confirm input[name=typed]', nodeWords(node.id));
      await page.click('form.confirm button');
      await page.waitForURL('**/jobs/**');
      await expect.poll(main).toContain('approved (seq 1)');

      await page.goto(`${ui.url}/nodes/${node.id}/revoke`);
      await page.click('form.confirm button');
      await page.waitForURL('**/jobs/**');
      await expect.poll(main).toContain('Not done for 1 node of 1');
      expect(await main()).toContain('passphrase');

      await run({}, 'lock');
      const loaded = async (): Promise<string> => {
        await page.goto(`${ui.url}/`);
        return (await page.textContent('body'))!;
      };
      await expect.poll(loaded).toContain('it was locked, or its time is over');
      expect((await run(unlock, 'unlock')).code).toBe(0);
      const other = makeNode('of a key that is unlocked again');
      const otherDigest = await desk.propose(other, {});
      await page.goto(`${ui.url}/review/${other.id}/${otherDigest}`);
      await page.fill('form.confirm input[name=typed]', nodeWords(other.id));
      await page.click('form.confirm button');
      await page.waitForURL('**/jobs/**');
      await expect.poll(main).toContain('approved (seq 1)');
      await expect.poll(loaded).not.toContain('it was locked');
    } finally {
      await run({}, 'lock');
      await browser.close();
      expect((await ui.stop()).code).toBe(0);
      await desk.close();
      fs.rmSync(runtime, { recursive: true, force: true });
    }
  });
});
