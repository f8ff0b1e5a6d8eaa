import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Session } from '../../admin/session.ts';
import { openDesk, openSession } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { WAIT_MILLISECONDS } from '../support/limits.ts';
import { fleet, waits } from '../support/many-nodes.ts';
import { nodeWords } from '../../bundle/words.ts';
import { makeNode } from '../support/site.ts';
import { openPage } from './browser.ts';
import type { OpenPage } from './browser.ts';

describeWith('chromium', 'the page with a rack of machines', () => {
  let desk: Desk;
  let session: Session;
  let opened: OpenPage;
  let page: OpenPage['page'];
  const main = async (): Promise<string> => (await page.textContent('main'))!;

  beforeAll(async () => {
    desk = await openDesk();
    session = await openSession(desk);
    const filesOf = (name: string) => ({
      ...{ 'etc/chrony.conf': 'server a\n', 'etc/motd': `${name}\n` },
      'etc/NetworkManager/system-connections/lan.nmconnection': `[802-1x]\npassword=${name}${name}\n`,
    });
    for (const one of await fleet(desk, session, { prefix: 'gx', count: 300, filesOf })) {
      const { name } = one;
      const files = {
        ...{ ...filesOf(name), 'etc/chrony.conf': 'server a\nserver b\n' },
        'etc/NetworkManager/system-connections/lan.nmconnection': `[802-1x]\npassword=${name}${name}s\n`,
        ...(name === 'gx007' && { 'etc/cron.d/job': '* * * * * root evil\n' }),
      };
      await waits(desk, one, files);
    }
    opened = await openPage(desk);
    page = opened.page;
    page.setDefaultTimeout(WAIT_MILLISECONDS);
  });
  afterAll(async () => {
    await opened.close();
    await desk.close();
  });

  it('approves what they have in common at once, from arrival on by keys alone', async () => {
    const { keyboard } = page;
    await page.goto(`${opened.ui.url}/`);
    await keyboard.type(opened.ui.code);
    await keyboard.press('Enter');
    await page.waitForURL(`${opened.ui.url}/`);
    await expect.poll(main).toContain('gx001..gx006, gx008..gx300 (299 nodes): ');
    // The map of the keys, and away from it.
    await keyboard.press('?');
    expect(await page.locator('.keys').getAttribute('open')).not.toBeNull();
    await keyboard.press('Escape');
    expect(await page.locator('.keys').getAttribute('open')).toBeNull();
    // That which can run is first, however small it is.
    await keyboard.press('j');
    await keyboard.press('j');
    await keyboard.press('Enter');
    await page.waitForURL('**/review/**');
    // Each of them is named, the one that asks for more is not.
    const form = (await page.locator('form.confirm').first().textContent())!;
    expect(form).toContain('gx300 (');
    expect(form).not.toContain('gx007');
    expect(await main()).not.toContain('root evil');
    // A value that is masked is that of one machine until all are asked for.
    expect(await page.content()).not.toContain('gx001gx001');
    await page.locator('a', { hasText: 'show this value' }).last().focus();
    await keyboard.press('Enter');
    await page.waitForURL('**value=**');
    expect(await page.content()).toContain('gx001gx001s');
    expect(await page.content()).not.toContain('gx002gx002');
    await page.locator('a', { hasText: 'show those of' }).last().focus();
    await keyboard.press('Enter');
    await page.waitForURL('**show=**');
    expect(await page.content()).toContain('gx029gx029s');
    await keyboard.press('a');
    await keyboard.type('300');
    await keyboard.press('Enter');
    await page.waitForURL('**try=**');
    expect(await main()).toContain('that is not 299');
    // The screen that it was sent from, in the field that is wrong, and with what was shown.
    expect(await main()).toContain('gx029gx029s');
    expect(await page.inputValue('form.confirm input[name=typed]')).toBe('300');
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute('name')))
      .toBe('typed');
    await keyboard.press('Control+a');
    await keyboard.type('299');
    await keyboard.press('Tab');
    await keyboard.type('a second server');
    await keyboard.press('Enter');
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.title()).toContain('Done');
    await page.waitForLoadState();
    expect((await main()).match(/approved \(seq 2\)/g)).toHaveLength(299);
    await keyboard.press('g');
    await keyboard.press('w');
    await expect.poll(main).toContain('1 node waits');
    expect(await main()).toContain('gx007: etc/cron.d/job added');
    await opened.findsNothing();
  });

  it('shows a page of all nodes at a time, and says which of how many', async () => {
    await page.goto(`${opened.ui.url}/nodes`);
    expect(await page.locator('.nodes tbody tr').count()).toBe(100);
    expect(await main()).toContain('300 nodes');
    expect(await page.textContent('.pages')).toContain('1 to 100 of 300');
    // That of which something waits is on the first.
    expect(await page.textContent('.nodes tbody tr')).toContain('gx007');
    await page.click('.pages >> text=next');
    expect(await page.textContent('.pages')).toContain('101 to 200 of 300');
    await page.click('.pages >> text=last');
    expect(await page.textContent('.nodes tbody')).toContain('gx300');
    await opened.findsNothing();
  });

  it('orders the same of many: each is named, and their number is typed', async () => {
    const decide = async (way: string, number: string, reason: string): Promise<void> => {
      await page.goto(`${opened.ui.url}/nodes?q=gx01*`);
      await page.click(`text=${way} these 10`);
      await page.waitForURL('**/orders/**');
      const form = (await page.textContent('form.confirm'))!;
      for (const name of ['gx010 (', 'gx019 (']) expect(form).toContain(name);
      expect(form).not.toContain('gx020 (');
      await opened.findsNothing();
      await page.fill('form.confirm input[name=typed]', number);
      await page.fill('form.confirm input[name=reason]', reason);
      if (way === 'Renew') await page.fill('form.confirm input[name=expires]', '365d');
      await page.click('form.confirm button');
    };
    await decide('Renew', '10', 'another year');
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.title()).toContain('Done');
    await page.waitForLoadState();
    expect((await main()).match(/approved \(seq \d+\)/g)).toHaveLength(10);

    await decide('Order a new configuration of', '10', 'a new image');
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.title()).toContain('Done');
    await page.waitForLoadState();
    expect((await main()).match(/configuration \(seq \d+\)/g)).toHaveLength(10);

    await decide('Revoke', '9', 'sold');
    await page.waitForURL('**try=**');
    expect(await main()).toContain('that is not 10');
    expect(await page.inputValue('form.confirm input[name=reason]')).toBe('sold');
    await decide('Revoke', '10', 'sold');
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.title()).toContain('Done');
    await page.waitForLoadState();
    expect((await main()).match(/revoked \(seq \d+\)/g)).toHaveLength(10);
    const { id } = makeNode('many gx010');
    const { entries } = await desk.json<{ entries: object[] }>('history', id);
    expect(entries.at(-1)).toMatchObject({ type: 'revoke', reason: 'sold' });
  });

  it('orders nothing of a machine by what it claims to be, and renews none of which nothing is in force', async () => {
    const stranger = makeNode('says that it is one of them');
    await waits(desk, { node: stranger, name: 'gx020' }, { 'etc/motd': 'gx020\n' });
    await expect
      .poll(async () => {
        await page.goto(`${opened.ui.url}/nodes?q=${stranger.id}`);
        return main();
      })
      .toContain('claims gx020');
    await page.goto(`${opened.ui.url}/orders/revoke?q=gx020`);
    expect(await main()).not.toContain(nodeWords(stranger.id));
    await page.goto(`${opened.ui.url}/orders/revoke?q=claim%3Dgx020`);
    expect(await main()).toContain('never what is decided about');
    await page.goto(`${opened.ui.url}/orders/renew?q=state%3Dfirst`);
    expect(await main()).toContain('1 node left out');
    expect(await page.locator('form.confirm').count()).toBe(0);
  });
});
