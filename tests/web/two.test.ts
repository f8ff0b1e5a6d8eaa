import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { parseCa } from '../../net/certificates.ts';
import { parseSite } from '../../protocol/site.ts';
import { openDesk, refusal, runCli } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeNode } from '../support/site.ts';
import { comeIn, openBrowser, startUi } from './browser.ts';

describeWith('chromium', 'two administrators, each with a page', () => {
  it('sign one decision: the second sees its own review, and makes it', async () => {
    const desk = await openDesk();
    const folder = mkdtempSync(join(tmpdir(), 'coatcheck-two-'));
    const bob = join(folder, 'bob');
    const [request, answer] = [join(folder, 'bob.json'), join(folder, 'bob.site.json')];
    const init = ['--home', bob, 'init'];
    await runCli([...init, '--request', request, '--admin-name', 'bob', '--no-passphrase']);
    await desk.json('keys', 'add', request, '--yes');
    expect((await runCli([...init, '--answer', answer, '--yes'])).code).toBe(0);
    await desk.json('keys', 'threshold', '2', '--yes');
    const { keyset } = parseSite(
      readFileSync(join(desk.home, 'site.json'), 'utf8'),
      parseCa,
    ).pinned;
    const node = makeNode('of two');
    const digest = await desk.propose(node, {
      recipients: [node.boxKey, ...keyset.keys.map(({ boxKey }) => boxKey)],
    });
    // A server knows of a new key within seconds.
    await expect
      .poll(async () => (await runCli(['--home', bob, '--server', desk.url, 'list'])).code)
      .toBe(0);
    const browser = await openBrowser();
    const [adas, bobs] = [await startUi(desk), await startUi({ ...desk, home: bob })];
    // Each in a browser of its own: nothing is shared.
    const [ada, robert] = await Promise.all(
      [adas, bobs].map(async (ui) => {
        const page = await (await browser.newContext()).newPage();
        await comeIn(page, ui);
        return page;
      }),
    );

    await ada!.goto(`${adas.url}/review/${node.id}/${digest}`);
    await ada!.fill('form.confirm input[name=typed]', nodeWords(node.id));
    await ada!.fill('form.confirm input[name=reason]', 'rack 4');
    await ada!.click('form.confirm button');
    await ada!.waitForURL('**/jobs/**');
    await expect.poll(() => ada!.textContent('main')).toContain('1 of 2 signatures (ada)');
    expect(refusal(await desk.run('show', node.id))).toEqual([0, undefined]);

    await robert!.goto(`${bobs.url}/nodes/${node.id}`);
    await robert!.click('text=approve: sign as well');
    const review = (await robert!.textContent('main'))!;
    expect(review).toContain('etc/hostname');
    expect(await robert!.locator('form.confirm input[name=reason]').count()).toBe(0);
    await robert!.click('form.confirm button');
    await robert!.waitForURL('**/jobs/**');
    await expect.poll(() => robert!.textContent('main')).toContain('approve (seq 1)');
    const { entries } = await desk.json<{ entries: object[] }>('history', node.id);
    expect(entries).toMatchObject([{ decidedBy: ['ada', 'bob'], reason: 'rack 4' }]);

    await browser.close();
    await Promise.all([adas.stop(), bobs.stop()]);
    await desk.close();
    rmSync(folder, { recursive: true });
  });
});
