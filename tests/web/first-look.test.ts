import { afterAll, beforeAll, expect, it } from 'vitest';
import { fromHex } from '../../bundle/index.ts';
import type { Identity } from '../../bundle/index.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeNode } from '../support/site.ts';
import { comeIn, openPage } from './browser.ts';
import type { OpenPage } from './browser.ts';

const OLD = {
  'etc/motd': 'a\n',
  'etc/chrony.conf': 'server a\n',
  'etc/ssh/sshd_config': 'Port 22\n',
};
const EVIL = { ...OLD, 'etc/motd': 'b\n', 'etc/cron.d/sync': '* * * * * root evil\n' };

describeWith('chromium', 'the page at a first look', () => {
  let desk: Desk;
  let opened: OpenPage;
  let page: OpenPage['page'];
  let at: string;
  /** what waits for db01 first, 64 hex digits */
  let refused: string;
  const db01 = makeNode('first look db01');
  const webs = [makeNode('first look web01'), makeNode('first look web02')];
  const main = async (): Promise<string> => (await page.textContent('main'))!;

  async function headOf({ id }: Identity): Promise<Uint8Array> {
    const { decision } = await desk.json<{ decision: { statementDigest: string } }>('show', id);
    return fromHex(decision.statementDigest);
  }
  async function change(
    node: Identity,
    hostname: string,
    files: Readonly<Record<string, string>>,
    after?: string,
  ) {
    const own = { metadata: { hostname }, files, base: await headOf(node) };
    return desk.propose(node, { ...own, ...(after !== undefined && { after }) });
  }

  beforeAll(async () => {
    desk = await openDesk();
    for (const [hostname, node] of [
      ['db01', db01],
      ['web01', webs[0]!],
      ['web02', webs[1]!],
    ] as const) {
      await desk.propose(node, { metadata: { hostname }, files: OLD });
      await desk.json('approve', node.id, '--yes');
    }
    for (const [i, node] of webs.entries())
      await change(node, `web0${i + 1}`, { ...OLD, 'etc/chrony.conf': 'server b\n' });
    refused = await change(db01, 'db01', EVIL);
    opened = await openPage(desk);
    page = opened.page;
    at = opened.ui.url;
    await comeIn(page, opened.ui);
  });
  afterAll(async () => {
    await opened.close();
    await desk.close();
  });

  it('has first what can run, and names it', async () => {
    await expect.poll(main).toContain('3 nodes wait');
    const cards = await page.locator('.card').allTextContents();
    expect(cards[0]).toMatch(/^db01.*▶ 1 file can run or let somebody in: etc\/cron.d\/sync/s);
    expect(cards[1]).toContain('web01, web02 (2 nodes)');
    expect(await main()).not.toMatch(/\b0 /);
    await opened.findsNothing();
  });

  it('signs nothing that can run before somebody says that it was read', async () => {
    await page.click('.card a');
    await page.waitForURL('**/review/**');
    await page.keyboard.press('a');
    await page.keyboard.press('Enter');
    const read = page.locator('input[name=read]');
    expect(await page.textContent('label:has(input[name=read])')).toContain('etc/cron.d/sync');
    expect(await read.evaluate((field) => field.matches(':invalid'))).toBe(true);
    // Nor where a browser asks nothing.
    await page.fill('form.confirm input[name=reason]', 'nightly');
    await read.evaluate((field) => {
      field.removeAttribute('required');
    });
    await page.click('form.confirm button');
    await page.waitForURL('**try=**');
    expect(await main()).toContain('read what can run or let somebody in first');
    expect(await page.inputValue('form.confirm input[name=reason]')).toBe('nightly');
    const { entries } = await desk.json<{ entries: object[] }>('history', db01.id);
    expect(entries).toHaveLength(1);
  });

  it('keeps what was written where an end is none, and signs what is mended', async () => {
    await page.check('input[name=read]');
    await page.fill('form.confirm input[name=expires]', 'soon');
    await page.click('form.confirm button');
    await expect.poll(main).toContain('"Good until" is a time from now in');
    expect(await page.inputValue('form.confirm input[name=expires]')).toBe('soon');
    expect(await page.inputValue('form.confirm input[name=reason]')).toBe('nightly');
    await opened.findsNothing();
  });

  it('leads to the refusal by a key, and says of the next proposal that the one before was refused', async () => {
    await page.keyboard.press('Escape');
    await page.keyboard.press('x');
    await page.keyboard.type('a job <b>of nobody</b>');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/jobs/**');
    await expect
      .poll(main)
      .toContain('db01: refused (seq 2). What it changed on itself may run there now');
    const { 'etc/cron.d/sync': job, ...rest } = EVIL;
    const renamed = { ...rest, 'etc/cron.d/rsync': job };
    const digest = await change(db01, 'db01', renamed, refused);
    const when = /ada refused the proposal before this one, [\w ]+: “a job <b>of nobody<\/b>”/;
    await page.goto(`${at}/review/${db01.id}/${digest}`);
    expect(await page.textContent('.warnings .bad')).toMatch(when);
    await page.goto(`${at}/`);
    await expect.poll(() => page.locator('.card').first().textContent()).toMatch(when);
    for (const command of [
      ['diff', db01.id],
      ['approve', db01.id],
    ]) {
      const { stdout, stderr } = await desk.run(...command);
      expect(`${stdout}${stderr}`).toMatch(when);
    }
    // What is approved ends that.
    await desk.json('approve', db01.id, '--yes');
    const next = await change(db01, 'db01', { ...EVIL, 'etc/motd': 'c\n' }, refused);
    await page.goto(`${at}/review/${db01.id}/${next}`);
    expect(await main()).not.toContain('ada refused');
  });

  it('says how several are searched for', async () => {
    await page.goto(`${at}/nodes?q=web`);
    expect(await main()).toMatch(/2 nodes.*web01.*web02/s);
    await page.goto(`${at}/nodes?q=web*`);
    expect(await main()).toContain('2 nodes');
    await page.goto(`${at}/nodes?q=state%3Dexpired`);
    expect(await main()).toContain('No node matches.');
  });

  it('says beside the decision whose name a stranger claims, and that somebody decided meanwhile', async () => {
    const stranger = makeNode('first look stranger');
    const metadata = { hostname: 'web01' };
    const digest = await desk.propose(stranger, { metadata, files: { 'etc/motd': 'me\n' } });
    await page.goto(`${at}/`);
    await expect.poll(main).toContain('claims web01');
    await page.goto(`${at}/review/${stranger.id}/${digest}`);
    expect(await main()).toContain(`what waits claims web01, which is in force for ${webs[0]!.id}`);
    await opened.findsNothing();
    await page.fill('form.confirm[action="/reject"] input[name=reason]', 'who?');
    await desk.json('reject', stranger.id, '--reason', 'not ours', '--yes');
    await expect.poll(() => page.isVisible('#news')).toBe(true);
    await page.click('form.confirm[action="/reject"] button');
    await expect.poll(() => page.title()).toContain('Decided already');
    expect(await main()).toContain('reject (seq 1) by ada');
    await page.goto(`${at}/review/${stranger.id}/${digest}`);
    await expect.poll(() => page.title()).toContain('Decided already');
    await page.click('text=to this machine');
    await expect.poll(main).toContain('not ours');
  });

  it('has two machines of one name among what needs a person', async () => {
    const other = makeNode('first look other web02');
    await desk.propose(other, { metadata: { hostname: 'web02' }, files: OLD });
    await desk.json('approve', other.id, '--yes');
    await page.goto(`${at}/`);
    await expect.poll(main).toContain('2 nodes with a name of another');
    expect(await main()).toContain(`web02 is in force as well for ${other.id}`);
    await opened.findsNothing();
  });

  it('goes by keys to the files of a change, and has one column where there is no room for two', async () => {
    await page.goto(`${at}/`);
    await page.click('text=web01, web02 (2 nodes)');
    await page.waitForURL('**/review/**');
    await page.keyboard.press('j');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain(
      'etc/chrony.conf',
    );
    const xs = async (width: number): Promise<number> => {
      await page.setViewportSize({ width, height: 900 });
      return page
        .locator('.lines td.removed, .lines td.added')
        .evaluateAll((cells) => new Set(cells.map((cell) => cell.getBoundingClientRect().x)).size);
    };
    expect([await xs(1600), await xs(400)]).toEqual([2, 1]);
    await opened.findsNothing();
  });
});
