import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCurrent } from '../../admin/change.ts';
import { nodeWords } from '../../bundle/words.ts';
import type { Identity } from '../../bundle/index.ts';
import { openDesk, openSession } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeNode, SETTINGS } from '../support/site.ts';
import { comeIn, openPage } from './browser.ts';
import type { OpenPage } from './browser.ts';

describeWith('chromium', 'the page changes what is in force', () => {
  let desk: Desk;
  let opened: OpenPage;
  let page: OpenPage['page'];
  let at: string;
  const work = fs.mkdtempSync(join(tmpdir(), 'coatcheck-page-'));

  beforeAll(async () => {
    desk = await openDesk();
    opened = await openPage(desk);
    page = opened.page;
    at = opened.ui.url;
    await comeIn(page, opened.ui);
  });
  afterAll(async () => {
    expect(opened.elsewhere.filter((url) => !url.startsWith('about:'))).toEqual([]);
    await opened.close();
    await desk.close();
    fs.rmSync(work, { recursive: true });
  });

  /** Nodes with these files in force. */
  async function fleet(
    prefix: string,
    files: readonly Readonly<Record<string, string>>[],
  ): Promise<Identity[]> {
    const nodes = files.map((_, i) => makeNode(`page ${prefix}${i + 1}`));
    for (const [i, node] of nodes.entries()) {
      const metadata = { ...SETTINGS, hostname: `${prefix}${i + 1}` };
      await desk.propose(node, { files: files[i]!, metadata });
    }
    const ids = nodes.map(({ id }) => id);
    expect((await desk.run('approve', ...ids, '--yes')).code).toBe(0);
    return nodes;
  }

  const main = async (): Promise<string> => (await page.textContent('main'))!;
  /** What is in a file that is in force. */
  async function inForce({ id }: Identity, path: string): Promise<string> {
    const { planned } = await readCurrent(await openSession(desk), [{ node: id, named: true }]);
    const file = planned[0]!.manifest.files.find((one) => one.path === path);
    return Buffer.from(file!.content).toString();
  }
  /** The form with this heading. */
  const form = (heading: string) => page.locator('form', { hasText: heading });
  const done = async (text: string): Promise<void> => {
    await page.waitForURL('**/jobs/**');
    await expect.poll(main).toContain(text);
  };

  it('edits a file, shows the difference, and keeps its last line as it was written', async () => {
    const [node] = await fleet('edited', [{ 'etc/chrony.conf': '\n\nserver a\n' }]);
    await page.goto(`${at}/nodes/${node!.id}`);
    await page.click('text=Change files or settings');
    await opened.findsNothing();
    await page.click('text=etc/chrony.conf');
    expect(await page.inputValue('textarea')).toBe('\n\nserver a\n');
    await opened.findsNothing();
    await page.fill('textarea', '\n\nserver a\nserver b');
    await form('Write in it').locator('input[name=mode]').fill('0640');
    await form('Write in it').locator('button').click();
    await page.waitForURL('**/drafts/**');
    await opened.findsNothing();
    expect(await page.textContent('.lines')).toContain('added: server b');
    expect(await main()).toContain('0644 → 0640');
    expect(await page.textContent('form.confirm')).toContain(nodeWords(node!.id));
    await page.fill('input[name=reason]', 'a second one');
    await page.click('form.confirm button');
    await done('edited1: approved (seq 2)');
    expect(await inForce(node!, 'etc/chrony.conf')).toBe('\n\nserver a\nserver b');
    const { entries } = await desk.json<{ entries: object[] }>('history', node!.id);
    expect(entries.at(-1)).toMatchObject({ reason: 'a second one' });
  });

  it('loses nothing where somebody was quicker, and says to which machine nothing was done', async () => {
    const [node] = await fleet('moved', [{ 'etc/chrony.conf': 'server a\n', 'etc/motd': 'hi\n' }]);
    await page.goto(`${at}/change/file?q=${node!.id}&path=etc/chrony.conf`);
    await page.fill('textarea', 'server mine\n');
    await form('Write in it').locator('button').click();
    await page.waitForURL('**/drafts/**');
    const draft = page.url();
    const theirs = join(work, 'theirs');
    fs.writeFileSync(theirs, 'server theirs\n');
    await desk.json('put', theirs, '--to', 'etc/chrony.conf', node!.id, '--yes');
    await page.click('form.confirm button');
    await done('moved1: ');
    expect(await main()).toContain('head_moved');
    await page.click('text=Look again at what was not done');
    expect(page.url()).toBe(draft);
    expect(await main()).toMatch(/1 node left out.*moved1.*is not as it was when it was opened/s);
    await page.click('text=Go back to what you wrote');
    expect(await main()).toContain('What is in force is not what you opened any more');
    expect(await page.inputValue('textarea')).toBe('server mine\n');
    await form('Write in it').locator('button').click();
    await page.waitForURL((url) => url.href !== draft && url.pathname.startsWith('/drafts/'));
    expect(await page.textContent('.lines')).toContain('removed: server theirs');
    await page.click('form.confirm button');
    await done('moved1: approved (seq 3)');
    expect(await inForce(node!, 'etc/chrony.conf')).toBe('server mine\n');
  });

  it('keeps what was written beside what was written wrongly', async () => {
    const [node] = await fleet('wrong', [{ 'etc/motd': 'hi\n' }]);
    await page.goto(`${at}/change/file?q=${node!.id}&path=etc/motd`);
    await page.fill('textarea', 'long and dear\n');
    await form('Write in it').locator('input[name=mode]').fill('0999');
    await form('Write in it').locator('button').click();
    await page.waitForURL('**/drafts/**');
    expect(await main()).toContain('0999 is no mode');
    expect(await page.locator('form.confirm').count()).toBe(0);
    await page.click('text=Go back to what you wrote');
    expect(await page.inputValue('textarea')).toBe('long and dear\n');
  });

  it('shows the secrets of a file that is edited when it is asked to, and not in the difference', async () => {
    const shadow = 'root:$6$salt$HASHOFROOT:1::::::\nbob:$6$salt$HASHOFBOB:1::::::\n';
    const [node] = await fleet('secret', [{ 'etc/shadow': shadow }]);
    await page.goto(`${at}/change/file?q=${node!.id}&path=etc/shadow`);
    expect(await page.content()).not.toContain('HASHOF');
    expect(await page.locator('textarea').count()).toBe(0);
    await opened.findsNothing();
    await page.click('text=Show them, and open it');
    const text = await page.inputValue('textarea');
    expect(text).toBe(shadow);
    await page.fill('textarea', text.replace('HASHOFBOB', 'HASHOFBOBS'));
    await form('Write in it').locator('button').click();
    await page.waitForURL('**/drafts/**');
    expect(await page.content()).not.toContain('HASHOF');
    await page.locator('a', { hasText: 'show this value' }).last().click();
    await expect.poll(() => page.content()).toContain('HASHOFBOBS');
    expect(await page.content()).not.toContain('HASHOFROOT');
    await page.check('input[name=read]');
    await page.click('form.confirm button');
    await done('secret1: approved (seq 2)');
    expect(await inForce(node!, 'etc/shadow')).toContain('HASHOFBOBS');
  });

  it('opens no file in which a form would change what nobody wrote', async () => {
    const [node] = await fleet('bytes', [{ 'etc/issue': 'a\r\nb\r\n', 'etc/motd': 'hi\n' }]);
    await page.goto(`${at}/change/file?q=${node!.id}&path=etc/issue`);
    expect(await main()).toContain('no plain text');
    expect(await page.locator('textarea').count()).toBe(0);
    const file = join(work, 'issue');
    fs.writeFileSync(file, 'a\r\nc\r\n');
    await form('Put another').locator('input[type=file]').setInputFiles(file);
    await form('Put another').locator('button').click();
    await page.waitForURL('**/drafts/**');
    expect(await page.textContent('.lines')).toContain('added: c<U+000D>');
    await page.click('form.confirm button');
    await done('bytes1: approved (seq 2)');
    expect(await inForce(node!, 'etc/issue')).toBe('a\r\nc\r\n');
    fs.writeFileSync(file, Buffer.alloc(2 * 1024 * 1024));
    await page.goto(`${at}/change/file?q=${node!.id}&path=etc/issue`);
    await form('Put another').locator('input[type=file]').setInputFiles(file);
    await form('Put another').locator('button').click();
    await expect.poll(main).toContain('too_large');
  });

  it('changes several where it is the same on all, by their number, and tells them apart where not', async () => {
    const [same, other] = [{ 'etc/motd': 'hi\n' }, { 'etc/motd': 'ho\n' }];
    const nodes = await fleet('rack', [same, same, same, other]);
    await page.goto(`${at}/nodes`);
    await expect.poll(main).toContain('rack4');
    await page.goto(`${at}/nodes?q=rack*`);
    await page.click('text=Change files or settings of these');
    await opened.findsNothing();
    await page.click('text=etc/motd');
    expect(await main()).toContain(
      'not the same on these nodes: rack1..rack3 (3 nodes); rack4 (1 node)',
    );
    expect(await page.locator('textarea').count()).toBe(0);
    await opened.findsNothing();
    await page.goto(`${at}/change/file?q=rack1+rack2+rack3&path=etc/motd`);
    await page.fill('textarea', 'hello\n');
    await form('Write in it').locator('button').click();
    await page.waitForURL('**/drafts/**');
    expect(await main()).toContain('rack1..rack3 (3 nodes): +1 -1 lines in etc/motd');
    await opened.findsNothing();
    await page.fill('input[name=typed]', '2');
    await page.click('form.confirm button');
    await expect.poll(main).toContain('that is not 3');
    await page.goBack();
    await page.reload();
    await page.fill('input[name=typed]', '3');
    await page.click('form.confirm button');
    await done('rack3: approved (seq 2)');
    for (const node of nodes.slice(0, 3)) expect(await inForce(node, 'etc/motd')).toBe('hello\n');
    expect(await inForce(nodes[3]!, 'etc/motd')).toBe('ho\n');
  });

  it('takes a file out, and sets what is set', async () => {
    const [node] = await fleet('less', [{ 'etc/motd': 'hi\n', 'etc/issue': 'ho\n' }]);
    await page.goto(`${at}/change/file?q=${node!.id}&path=etc/motd`);
    await form('Take it out').locator('button').click();
    await page.waitForURL('**/drafts/**');
    expect(await main()).toContain('etc/motd removed');
    await page.click('form.confirm button');
    await done('less1: approved (seq 2)');
    await page.goto(`${at}/change?q=${node!.id}`);
    await page.fill('input[name=setting]', 'timezone=Europe/Zurich');
    await form('NAME=VALUE').locator('button').click();
    await page.waitForURL('**/drafts/**');
    expect(await main()).toContain('setting timezone');
    await page.click('form.confirm button');
    await done('less1: approved (seq 3)');
    await page.goto(`${at}/change?q=${node!.id}`);
    expect(await main()).toContain('Europe/Zurich');
    await page.fill('input[name=setting]', 'colour=blue');
    await form('NAME=VALUE').locator('button').click();
    await page.waitForURL('**/drafts/**');
    expect(await main()).toContain('colour is no setting');
  });

  it('withholds what nobody can tell apart, until it is shown', async () => {
    const [node] = await fleet('withheld', [{ 'etc/motd': 'hi\n' }]);
    const file = join(work, 'keytab');
    fs.writeFileSync(file, 'WHATISINIT\n');
    await page.goto(`${at}/change/file?q=${node!.id}&path=etc/krb5.keytab`);
    await form('Put a file').locator('input[type=file]').setInputFiles(file);
    await form('Put a file').locator('button').click();
    await page.waitForURL('**/drafts/**');
    expect(await main()).toMatch(/1 node left out/);
    expect(await page.content()).not.toContain('WHATISINIT');
    await page.click('text=Show etc/krb5.keytab');
    await expect.poll(main).toContain('WHATISINIT');
    await page.click('form.confirm button');
    await done('withheld1: approved (seq 2)');
  });
});
