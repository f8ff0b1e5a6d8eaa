import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Session } from '../../admin/session.ts';
import { openDesk, openSession } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { WAIT_MILLISECONDS } from '../support/limits.ts';
import { fleet, waits } from '../support/many-nodes.ts';
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
    await keyboard.press('Tab');
    await keyboard.type(opened.ui.code);
    await keyboard.press('Enter');
    await page.waitForURL(`${opened.ui.url}/`);
    await expect.poll(main).toContain('gx001..gx006, gx008..gx300 (299 nodes): ');
    // The map of the keys, and away from it.
    await keyboard.press('?');
    expect(await page.locator('.keys').getAttribute('open')).not.toBeNull();
    await keyboard.press('?');
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
    await page.waitForURL('**/decide');
    expect(await main()).toContain('that is not 299');
    await keyboard.press('g');
    await keyboard.press('w');
    await page.waitForURL(`${opened.ui.url}/`);
    await keyboard.press('j');
    await keyboard.press('Enter');
    await page.waitForURL('**/review/**');
    await keyboard.press('a');
    await keyboard.type('299');
    await keyboard.press('Tab');
    await keyboard.type('a second server');
    await keyboard.press('Enter');
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.title()).toContain('Done');
    await page.waitForLoadState();
    expect((await main()).match(/approve \(seq 2\)/g)).toHaveLength(299);
    await keyboard.press('g');
    await keyboard.press('w');
    await expect.poll(main).toContain('1 node waits');
    expect(await main()).toContain('gx007: etc/cron.d/job added');
    await opened.findsNothing();
  });
});
