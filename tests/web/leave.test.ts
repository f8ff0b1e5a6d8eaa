import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCurrent } from '../../admin/change.ts';
import type { Identity } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import { openDesk, openSession } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeNode, SETTINGS } from '../support/site.ts';
import { comeIn, openPage } from './browser.ts';
import type { OpenPage } from './browser.ts';

describeWith('chromium', 'the page ends what a node was', () => {
  let desk: Desk;
  let opened: OpenPage;
  let page: OpenPage['page'];
  let at: string;

  beforeAll(async () => {
    desk = await openDesk();
    opened = await openPage(desk);
    page = opened.page;
    at = opened.ui.url;
    await comeIn(page, opened.ui);
  });
  afterAll(async () => {
    await opened.close();
    await desk.close();
  });

  const main = async (): Promise<string> => (await page.textContent('main'))!;
  const done = async (text: string): Promise<void> => {
    await page.waitForURL('**/jobs/**');
    await expect.poll(main).toContain(text);
  };
  const decisions = async ({ id }: Identity): Promise<string[]> => {
    const { entries } = await desk.json<{ entries: { type: string }[] }>('history', id);
    return entries.map(({ type }) => type);
  };

  /** A machine with a configuration, and the new key that it proposes with. */
  async function pair(name: string): Promise<{ old: Identity; fresh: Identity; digest: string }> {
    const [old, fresh] = [makeNode(`old ${name}`), makeNode(`new ${name}`)];
    const metadata = { ...SETTINGS, hostname: name };
    const files = { 'etc/motd': `${name}\n`, 'etc/shadow': 'root:$6$s$HASHOFROOT:1::::::\n' };
    await desk.propose(old, { files, metadata });
    await desk.json('approve', old.id, '--yes');
    const digest = await desk.propose(fresh, { files: { 'etc/motd': 'empty\n' }, metadata });
    return { old, fresh, digest };
  }

  it('gives what a node has to a new key, whose words are typed, and revokes the old one', async () => {
    const { old, fresh } = await pair('gx001');
    await page.goto(`${at}/nodes/${old.id}`);
    await page.click('text=Give to a new key');
    await page.fill('input[name=to]', 'gx001');
    await page.click('form.confirm button');
    expect(await main()).toContain('by nothing that its machine claims');
    expect(await page.inputValue('input[name=to]')).toBe('gx001');
    await opened.findsNothing();
    await page.fill('input[name=to]', nodeWords(fresh.id));
    await page.click('form.confirm button');
    await page.waitForURL('**/transfer?to=**');
    expect(await main()).toContain('1 file with secrets is sealed to the new key');
    expect(await page.content()).not.toContain('HASHOF');
    await opened.findsNothing();
    await page.fill('input[name=typed]', fresh.id);
    await page.check('input[name=read]');
    await page.click('form.confirm button');
    await expect.poll(main).toContain('no machine has the word');
    expect([await decisions(old), await decisions(fresh)]).toEqual([['approve'], []]);
    await page.click('text=show this value');
    await expect.poll(() => page.content()).toContain('HASHOFROOT');
    await page.fill('input[name=typed]', nodeWords(fresh.id));
    await page.check('input[name=read]');
    await page.click('form.confirm button');
    await done('revoked (seq 2)');
    expect([await decisions(old), await decisions(fresh)]).toEqual([
      ['approve', 'revoke'],
      ['approve', 'reject'],
    ]);
    const session = await openSession(desk);
    const { planned } = await readCurrent(session, [{ node: fresh.id, named: true }]);
    expect(planned[0]!.manifest.files.map(({ path }) => path)).toContain('etc/shadow');
    await page.goto(`${at}/nodes/${old.id}/transfer?to=${fresh.id}`);
    expect(await main()).toContain('nothing is left to do');
  });

  it('revokes nothing where the new key did not get it, and goes on from there', async () => {
    const { old, fresh, digest } = await pair('gx002');
    await page.goto(`${at}/nodes/${old.id}/transfer?to=${fresh.id}`);
    // Another administrator refuses the stranger meanwhile.
    await desk.json('reject', fresh.id, '--reason', 'a stranger', '--yes');
    await page.fill('input[name=typed]', nodeWords(fresh.id));
    await page.check('input[name=read]');
    await page.click('form.confirm button');
    await done('Not done for 1 node of 2, and not begun for 1');
    expect(await page.title()).toContain('Not all was done');
    expect(await main()).toContain(fresh.id);
    expect([await decisions(old), await decisions(fresh)]).toEqual([['approve'], ['reject']]);
    await page.click('text=Look again at what was not done');
    expect(await main()).toContain('the keys of');
    await desk.propose(fresh, { files: { 'etc/motd': 'again\n' }, after: digest });
    await page.goto(`${at}/nodes/${old.id}/transfer?to=${fresh.id}`);
    await page.fill('input[name=typed]', nodeWords(fresh.id));
    await page.check('input[name=read]');
    await page.click('form.confirm button');
    await done('revoked (seq 2)');
  });

  it('forgets what is revoked: one by a yes, several by their number', async () => {
    const nodes = ['lost1', 'lost2', 'lost3'].map((name) => makeNode(name));
    for (const node of nodes) await desk.propose(node, {});
    const ids = nodes.map(({ id }) => id);
    await desk.json('approve', ...ids, '--yes');
    await page.goto(`${at}/forget?q=${ids[0]!}`);
    expect(await main()).toContain('only a revoked node is forgotten');
    expect(await page.locator('form.confirm').count()).toBe(0);
    await desk.json('revoke', ...ids, '--yes', '--expect', '3', '--reason', 'sold');
    await page.goto(`${at}/nodes/${ids[0]!}`);
    await page.click('text=Forget');
    expect(await main()).toContain('sold');
    expect(await page.textContent('form.confirm')).toContain(nodeWords(nodes[0]!.id));
    await opened.findsNothing();
    await page.click('form.confirm button');
    await done('forgotten: 1 configuration');
    await page.goto(`${at}/forget?q=${ids[1]!}+${ids[2]!}`);
    await opened.findsNothing();
    // One of them is wanted again.
    await desk.propose(nodes[2]!, {});
    await desk.json('approve', ids[2]!, '--anyway', '--yes');
    await page.fill('input[name=typed]', '2');
    await page.click('form.confirm button');
    await done(`${ids[1]!}: forgotten: 1 configuration`);
    expect(await main()).toContain('Not done for 1 node of 2');
    expect(await decisions(nodes[2]!)).toEqual(['approve', 'revoke', 'approve']);
  });
});
