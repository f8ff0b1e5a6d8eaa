import { afterAll, beforeAll, expect, it } from 'vitest';
import { showPath } from '../../bundle/errors.ts';
import { fromHex, sealReport } from '../../bundle/index.ts';
import type { Metadata } from '../../bundle/index.ts';
import { reportKey } from '../../protocol/keys.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeNode, SETTINGS } from '../support/site.ts';
import { comeIn, openPage } from './browser.ts';
import type { OpenPage } from './browser.ts';

/** What a machine proposes that somebody has taken over, and what the page must show of it. */
interface Hostile {
  readonly what: string;
  readonly files: Readonly<Record<string, string>>;
  readonly metadata?: Metadata;
  /** All of it stands in the page, as text. */
  readonly shown: readonly string[];
  /** None of it does. */
  readonly hidden?: readonly string[];
  /** By path, what its heading is marked with. */
  readonly marks: Readonly<Record<string, string>>;
  /** Whether it cannot be approved as it is shown. */
  readonly isClosed?: true;
}

const RUNS = '▶ runs or lets in';
const MAY = '▷ may name a program';
const WGKEY = `${'A'.repeat(42)}8=`;
const ESC = '\u001b[2J\u001b]8;;http://evil.example\u0007';
/** Markup that does something in every place where markup can be taken for it. */
const MARKUP = [
  '<script>window.ran = 1</script>',
  '<img src="http://evil.example/x.png" onerror="window.ran = 1">',
  '"><svg onload="window.ran = 1">',
  "' onmouseover='window.ran = 1",
  '</textarea></td></table></main><iframe src="http://evil.example/"></iframe>',
  '<meta http-equiv="refresh" content="0;url=http://evil.example/">',
  '<style>@import "http://evil.example/x.css"; * { display: none }</style>',
  '<form action="/decide" method="post"><button>Approve</button></form>',
  '<!--',
  '&lt;b&gt; &#x202e;',
  '{{constructor.constructor("window.ran = 1")()}}',
];
/** A name of 255 bytes that is markup. */
const LONG = `etc/cron.d/${'<b>'.padEnd(255, 'x')}`;
const TAGS = `etc/cron.d/"><img src=x onerror=alert(1)>`;

const CASES: readonly Hostile[] = [
  {
    what: 'a generator that runs a command in its expression',
    files: {
      'etc/systemd/zram-generator.conf':
        'set!token = touch /tmp/x; echo 1\n[zram0]\nzram-size = token * ram / 2\n',
    },
    shown: ['set!token = touch /tmp/x; echo 1', 'zram-size = token * ram / 2'],
    marks: { 'etc/systemd/zram-generator.conf': MAY },
  },
  {
    what: 'a second setting on the line of a password',
    files: {
      'etc/iscsi/iscsid.conf':
        'node.session.auth.password = hunter2 iscsid.startup = /usr/bin/touch /tmp/x\n',
    },
    shown: ['iscsid.startup = /usr/bin/touch /tmp/x'],
    marks: { 'etc/iscsi/iscsid.conf': MAY },
  },
  {
    what: 'a command behind a key, and a comment that is none of it',
    files: {
      'etc/wireguard/wg0.conf': `[Interface]\nPrivateKey = ${WGKEY} # laptop\nPostUp = sh -c "touch /tmp/x"\n`,
    },
    shown: ['# laptop', 'PostUp = sh -c "touch /tmp/x"'],
    hidden: [WGKEY],
    marks: { 'etc/wireguard/wg0.conf': MAY },
  },
  {
    what: 'a tunnel that starts a program',
    files: {
      'etc/NetworkManager/system-connections/vpn.nmconnection':
        '[vpn]\nservice-type=org.freedesktop.NetworkManager.ssh\nextra-opts=-o ProxyCommand=/etc/x\n',
    },
    shown: ['extra-opts=-o ProxyCommand=/etc/x'],
    marks: { 'etc/NetworkManager/system-connections/vpn.nmconnection': MAY },
  },
  {
    what: 'an account without a password',
    files: { 'etc/shadow': 'backup::19000:0:99999:7:::\n' },
    shown: ['account backup: EMPTY PASSWORD'],
    marks: { 'etc/shadow': RUNS },
  },
  {
    what: 'a line that is written like the heading of another file',
    files: {
      'etc/cron.d/backup':
        '# nothing\n etc/motd  mode 0644, owner root(0):root(0), 187 bytes\n* * * * * root touch /tmp/x\n',
    },
    shown: ['* * * * * root touch /tmp/x'],
    marks: { 'etc/cron.d/backup': RUNS },
  },
  {
    what: 'one line of a megabyte',
    files: { 'etc/motd': 'token'.repeat(190_000) },
    shown: ['2 more lines not shown'],
    marks: { 'etc/motd': '' },
  },
  {
    what: 'more that runs than anybody reads at once',
    files: Object.fromEntries(
      Array.from({ length: 8 }, (_, i) => [`etc/cron.d/job${i}`, `${i}\n`.repeat(1_500)]),
    ),
    shown: ['8 files can run or let somebody in: etc/cron.d/job0', 'Not all was shown of'],
    marks: Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`etc/cron.d/job${i}`, RUNS])),
    isClosed: true,
  },
  {
    what: 'markup in contents and names, and a name of 255 bytes',
    files: {
      'etc/motd': `${MARKUP.join('\n')}\n`,
      [TAGS]: '* * * * * root true\n',
      [LONG]: '* * * * * root true\n',
      'etc/cron.d/__proto__': '* * * * * root true\n',
    },
    shown: [...MARKUP, showPath(TAGS), showPath(LONG)],
    marks: { [TAGS]: RUNS, [LONG]: RUNS, 'etc/motd': '' },
  },
  {
    what: 'what a terminal obeys, and what turns a line around',
    files: {
      'etc/motd': `${ESC}clean\u202eexe.fdp\u202c\u2066a\u200bb\ufeff\n\r<U+202E>\n\u00e9\u0301\u0301\u0301\u0301\n`,
      'etc/crontab': '* * * * * root true \u202e# nothing\u202c\n',
    },
    shown: ['<U+001B>[2J', '<U+202E>exe.fdp<U+202C>', 'a<U+200B>b<U+FEFF>', '<U+003C>U+202E>'],
    marks: { 'etc/crontab': RUNS },
  },
  {
    what: 'bytes that are no text',
    files: { 'etc/motd': '\u0000\u0001\u007f\u0085\u2028\u2029\n' },
    shown: ['<U+0000><U+0001><U+007F><U+0085><U+2028><U+2029>'],
    marks: { 'etc/motd': '' },
  },
  {
    what: '1,024 files, of which the last by name runs',
    files: {
      ...Object.fromEntries(
        Array.from({ length: 1_022 }, (_, i) => [`etc/ssh/ssh_config.d/${i}.conf`, `# ${i}\n`]),
      ),
      ...{ 'etc/rc.local': '#!/bin/sh\ntouch /tmp/x\n', 'etc/motd': 'x\n' },
    },
    shown: ['1024 files added', 'touch /tmp/x'],
    marks: { 'etc/rc.local': RUNS },
  },
  {
    what: 'a path that no list has, and a key that nobody can tell from a program',
    files: { 'usr/bin/ls': 'evil\n', 'etc/ssl/private/host.key': '#!/bin/sh\nevil two\n' },
    shown: ['The node would refuse usr/bin/ls', 'Nothing was shown of etc/ssl/private/host.key'],
    hidden: ['evil two'],
    marks: { 'usr/bin/ls': '✖ nodes refuse this path', 'etc/ssl/private/host.key': '⚿ secret' },
    isClosed: true,
  },
  {
    what: 'claims of its maker',
    files: { 'etc/motd': 'x\n' },
    metadata: {
      ...SETTINGS,
      madeBy: '<img src=x onerror=window.ran=1>',
      image: '2 <b>bold</b>',
      enable: ['x.service'],
      answers: { domain: MARKUP[0]! },
    },
    shown: ['2 <b>bold</b>', MARKUP[0]!],
    marks: { 'setting unit:x.service': RUNS },
  },
];

describeWith('chromium', 'what a hostile machine proposes', () => {
  let desk: Desk;
  let opened: OpenPage;
  let page: OpenPage['page'];
  let at: string;
  /** Elements of the page's own, without what a machine said: names with how many there may be. */
  const OWN = new Set(
    'a article blockquote body button caption code col colgroup dd details div dl dt form h1 h2 h3 head header html input kbd label li link main meta nav ol p script section span strong summary table tbody td th thead time title tr ul'.split(
      ' ',
    ),
  );

  beforeAll(async () => {
    desk = await openDesk();
    opened = await openPage(desk);
    page = opened.page;
    at = opened.ui.url;
    page.on('dialog', (dialog) => {
      throw new Error(`a dialog: ${dialog.message()}`);
    });
    await comeIn(page, opened.ui);
  });
  afterAll(async () => {
    expect(opened.elsewhere.filter((url) => !url.startsWith('about:'))).toEqual([]);
    await opened.close();
    await desk.close();
  });

  /** No script but the page's own ran, and no element is in it that the page does not make. */
  async function isHarmless(): Promise<void> {
    const found = await page.evaluate(() => ({
      ran: (globalThis as { ran?: unknown }).ran,
      scripts: [...document.scripts].map(({ src }) => new URL(src).pathname),
      names: [...new Set([...document.querySelectorAll('*')].map((one) => one.localName))],
      handlers: [...document.querySelectorAll('*')].flatMap((element) =>
        element.getAttributeNames().filter((name) => /^on|^style$|^srcdoc$/.test(name)),
      ),
      elsewhere: [...document.querySelectorAll('[href], [src], [action]')]
        .map(
          (one) =>
            one.getAttribute('href') ?? one.getAttribute('src') ?? one.getAttribute('action'),
        )
        .filter((url) => url !== '' && !/^\/(?!\/)|^#|^data:,$/.test(url!)),
      unseen: /[^\P{C}\n\t]|[\u2028\u2029\u2800]/u.test(document.body.textContent),
    }));
    expect({ ...found, names: found.names.filter((name) => !OWN.has(name)) }).toEqual({
      ...{ ran: undefined, scripts: ['/assets/page.js'], names: [], handlers: [], elsewhere: [] },
      unseen: false,
    });
  }

  it.each(CASES)(
    'shows $what',
    async ({ what, files, metadata, shown, hidden = [], marks, isClosed }) => {
      const node = makeNode(`hostile ${what}`);
      const digest = await desk.propose(node, { files, ...(metadata && { metadata }) });
      for (const path of ['/', '/nodes', `/nodes/${node.id}`, `/review/${node.id}/${digest}`]) {
        await page.goto(`${at}${path}`);
        await isHarmless();
      }
      const text = (await page.textContent('main'))!;
      const html = await page.content();
      for (const one of shown) expect(text).toContain(one);
      for (const one of hidden) expect(html).not.toContain(one);
      const headings = await page.locator('.file h3').allTextContents();
      for (const [path, mark] of Object.entries(marks)) {
        const heading = headings.find((one) =>
          one.includes(path.startsWith('setting ') ? path : showPath(path)),
        );
        expect([path, heading]).toEqual([path, expect.stringContaining(mark)]);
      }
      // What runs stands before what does not.
      const runs = headings.map((one) => one.includes(RUNS));
      expect(runs.lastIndexOf(true)).toBeLessThan(
        runs.includes(false)
          ? Math.max(runs.indexOf(false), runs.lastIndexOf(true) + 1)
          : runs.length,
      );
      const approve = page.locator('form.confirm', { hasText: 'Approve' }).locator('button');
      expect(await approve.isDisabled()).toBe(isClosed ?? false);
      // Whatever it is, it can be refused.
      const reject = page.locator('form.confirm', { hasText: 'Reject' });
      await reject.locator('input[name=reason]').fill('<b>no</b>');
      await reject.locator('button').click();
      await page.waitForURL('**/jobs/**');
      await expect.poll(() => page.textContent('main')).toContain('refused (seq 1)');
      await page.goto(`${at}/nodes/${node.id}`);
      await isHarmless();
      expect(await page.textContent('.timeline')).toContain('<b>no</b>');
    },
  );

  it('shows all of what is long once that is asked for, and then it can be approved', async () => {
    const node = makeNode('hostile and long');
    const files = { 'etc/cron.d/job': `${'# x\n'.repeat(4_500)}* * * * * root touch /tmp/last\n` };
    const digest = await desk.propose(node, { files });
    await page.goto(`${at}/review/${node.id}/${digest}`);
    expect(await page.textContent('main')).not.toContain('/tmp/last');
    await page.click('text=Show all of it');
    await page.waitForURL('**full=**');
    expect(await page.textContent('main')).toContain('/tmp/last');
    const approve = page.locator('form.confirm', { hasText: 'Approve' }).locator('button');
    expect(await approve.isDisabled()).toBe(false);
  });

  it('shows what it reports as text, and what it edits cannot leave its field', async () => {
    const node = makeNode('hostile report');
    const text = `${MARKUP.join('\n')}\n`;
    await desk.propose(node, { files: { 'etc/motd': text, [TAGS]: 'x\n' } });
    await desk.json('approve', node.id, '--yes');
    const { decision } = await desk.json<{ decision: { statementDigest: string; issued: number } }>(
      ...['show', node.id],
    );
    const report = sealReport({
      report: {
        ...{ node: node.id, site: desk.site.id, time: decision.issued + 1 },
        statementDigest: fromHex(decision.statementDigest),
        result: `applied: 1 changed, 0 removed, 0 as they were; FAILED ${MARKUP[1]!}: ${MARKUP[0]!}; memory: none`,
      },
      signer: node,
      recipients: desk.site.pinned.keyset.keys.map(({ boxKey }) => boxKey),
    });
    await desk.store.create(reportKey(node.id), report);
    await page.goto(`${at}/`);
    await expect.poll(() => page.textContent('main')).toContain(MARKUP[0]!);
    OWN.add('textarea');
    const query = new URLSearchParams({ q: node.id, path: TAGS }).toString();
    for (const path of [
      ...['/', '/nodes', `/nodes/${node.id}`, `/change?q=${node.id}`, `/change/file?${query}`],
      `/change/file?q=${node.id}&path=etc/motd`,
    ]) {
      await page.goto(`${at}${path}`);
      await isHarmless();
    }
    expect(await page.inputValue('textarea')).toBe(text);
    await page.fill('textarea', `${text}<script>window.ran = 2</script>\n`);
    await page.locator('form', { hasText: 'Write in it' }).locator('button').click();
    await page.waitForURL('**/drafts/**');
    await isHarmless();
    for (const query of ['<script>window.ran=3</script>', 'name="><b>', '\u202e']) {
      await page.goto(`${at}/nodes?q=${encodeURIComponent(query)}`);
      await isHarmless();
      await page.goto(`${at}/change?q=${encodeURIComponent(query)}`);
      await isHarmless();
    }
  });
});
