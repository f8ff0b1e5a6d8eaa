import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deriveIdentity, toHex } from '../../bundle/index.ts';
import type { Identity } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { comeIn, openPage } from './browser.ts';
import type { OpenPage } from './browser.ts';

const isInvalid = (field: Element): boolean => field.matches(':invalid');

const newNode = (): Identity => deriveIdentity(Uint8Array.from(randomBytes(32)));

describeWith('chromium', 'the page', () => {
  let desk: Desk;
  let opened: OpenPage;
  let ui: OpenPage['ui'];
  let context: OpenPage['context'];
  let page: OpenPage['page'];
  let elsewhere: OpenPage['elsewhere'];
  let findsNothing: OpenPage['findsNothing'];

  beforeAll(async () => {
    desk = await openDesk();
    await desk.json('site', 'expires', '60d');
    opened = await openPage(desk);
    ({ ui, context, page, elsewhere, findsNothing } = opened);
  });
  afterAll(async () => {
    await opened.close();
    await desk.close();
  });

  /** A request as any program of this machine can make it. */
  function ask(
    path: string,
    { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
    body = '',
  ): Promise<{ status: number; text: string }> {
    const { host, port } = new URL(ui.url);
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port, path, method, headers: { host, ...headers } },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.on('end', () => {
            resolve({ status: response.statusCode!, text });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  it('lets in the browser that brings the code, once, and nobody else', async () => {
    const { host } = new URL(ui.url);
    expect((await ask('/')).status).toBe(303);
    expect(
      (await ask('/', { headers: { host: `localhost:${new URL(ui.url).port}` } })).status,
    ).toBe(403);
    expect((await ask('/nodes', { headers: { cookie: 'coatcheck=guessed' } })).status).toBe(303);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const enter = (code: string) =>
      ask('/enter', { method: 'POST', headers: form }, `code=${code}`);
    const refused = await enter('guessed');
    expect(refused.status).toBe(403);
    expect(refused.text).toMatch(/too old, or another.*<input name="code"/s);
    expect((await ask('/assets/style.css')).status).toBe(200);
    await comeIn(page, ui);
    await expect.poll(() => page.textContent('main')).toContain('There is no node yet');
    expect((await enter(ui.code)).status).toBe(403);

    const [{ name, value } = { name: '', value: '' }] = await context.cookies();
    const cookie = `${name}=${value}`;
    const inside = { ...form, cookie };
    expect((await ask('/nodes', { headers: { cookie } })).status).toBe(200);
    expect(
      (await ask('/nodes', { headers: { cookie, 'sec-fetch-site': 'cross-site' } })).status,
    ).toBe(403);
    for (const headers of [
      inside,
      { ...inside, origin: 'http://evil.localhost' },
      { ...inside, origin: `http://${host}`, 'x-token': 'guessed' },
    ]) {
      expect((await ask('/decide', { method: 'POST', headers }, 'id=1')).status).toBe(403);
    }
    // A page of another origin reads nothing, and its form decides nothing.
    const other = await context.newPage();
    await other.goto('about:blank');
    expect(
      await other.evaluate(
        (url) =>
          fetch(url, { credentials: 'include' }).then(
            () => 'read',
            () => 'refused',
          ),
        `${ui.url}/nodes`,
      ),
    ).toBe('refused');
    await other.close();
  });

  it('answers no other user of the machine, though that has the cookie', async () => {
    const [{ name, value } = { name: '', value: '' }] = await context.cookies();
    const { host, port } = new URL(ui.url);
    // A program that every user can start.
    const script = `use IO::Socket::INET; my $s = IO::Socket::INET->new('127.0.0.1:${port}') or die;
      print $s "GET /nodes HTTP/1.1\\r\\nHost: ${host}\\r\\nCookie: ${name}=${value}\\r\\n\\r\\n";
      my $line = <$s>; print defined $line ? $line : 'nothing';`;
    const asked = (...as: string[]): string =>
      execFileSync('setpriv', [...as, '/usr/bin/perl', '-e', script], { encoding: 'utf8' }).trim();
    for (let i = 0; i < 5; i++) {
      expect(asked('--reuid', '65534', '--clear-groups')).toBe('nothing');
      expect(asked()).toBe('HTTP/1.1 200 OK');
    }
  });

  it('shows a proposal that arrives while it is open, and approves it by the words of the machine', async () => {
    const node = newNode();
    await page.goto(`${ui.url}/`);
    await page.mouse.move(1500, 880);
    await desk.propose(node, {
      metadata: { hostname: 'gx001.example.org' },
      files: {
        'etc/chrony.conf': 'server ntp.example.org\n',
        'etc/cron.d/backup': '0 3 * * * root /usr/local/bin/backup\n',
        'etc/motd': 'for <b>all</b> \u202e of \u001b[31myou\n',
      },
    });
    await expect.poll(() => page.textContent('main')).toContain(node.id.slice(0, 16));
    await findsNothing();
    // By keys alone: to the card, into the review, to the decision.
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/review/**');
    const review = (await page.textContent('main'))!;
    expect(review).toContain('gx001.example.org (as the maker claims)');
    expect(await page.locator('.file').first().textContent()).toMatch(
      /etc\/cron.d\/backup.*runs or lets in/s,
    );
    // What a stranger wrote is text, and neither markup nor a control character.
    expect(await page.locator('main b').count()).toBe(0);
    expect(review).toContain('<b>all</b>');
    expect(review).not.toMatch(/[\u001b\u202e]/);
    await findsNothing();
    await page.keyboard.press('a');
    await page.keyboard.type('not the words of it at all, none');
    await page.keyboard.press('Enter');
    // What can run was not said to be read: the browser sends nothing.
    expect(await page.locator('form.confirm input[name=read]').first().evaluate(isInvalid)).toBe(
      true,
    );
    await page.check('input[name=read]');
    await page.click('form.confirm button');
    await page.waitForURL('**/review/**try=**');
    expect(await page.textContent('main')).toContain('no machine has the word “not”');
    // Nowhere is what only the console shows.
    for (const path of ['/', '/nodes', `/nodes/${node.id}`, new URL(page.url()).pathname]) {
      await page.goto(`${ui.url}${path}`);
      expect(await page.content()).not.toContain(nodeWords(node.id));
    }
    await page.keyboard.press('a');
    await page.keyboard.type(nodeWords(node.id));
    await page.keyboard.press('Tab');
    await page.keyboard.type('rack 4');
    await page.check('input[name=read]');
    await page.click('form.confirm button');
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.textContent('main')).toContain('approved (seq 1)');
    const { decision } = await desk.json<{
      decision: { type: string; reason: string; issued: number; expires: number };
    }>('show', node.id);
    expect(decision).toMatchObject({ type: 'approve', reason: 'rack 4' });
    expect((decision.expires - decision.issued) / 86_400).toBeCloseTo(60, 1);
  });

  it('masks a secret, and shows the one value that is asked for', async () => {
    const node = newNode();
    const digest = await desk.propose(node, {
      files: {
        'etc/chrony.keys': '1 SHA1 HEX:AAAA\n',
        'etc/shadow': 'root:$6$salt$HASHOFROOT:1::::::\nbob:$6$salt$HASHOFBOB:1::::::\n',
      },
    });
    await page.goto(`${ui.url}/review/${node.id}/${digest}`);
    expect(await page.content()).not.toContain('HASHOF');
    await page.locator('a', { hasText: 'show this value' }).first().click();
    await expect.poll(() => page.content()).toContain('HASHOFROOT');
    expect(await page.content()).not.toContain('HASHOFBOB');
    await page.locator('a', { hasText: 'Show all of them' }).first().click();
    await expect.poll(() => page.content()).toContain('HASHOFBOB');
  });

  it('rejects with a reason', async () => {
    const node = newNode();
    const digest = await desk.propose(node, { metadata: { hostname: 'stranger' } });
    await page.goto(`${ui.url}/review/${node.id}/${digest}`);
    const form = page.locator('form.confirm', { hasText: 'Reject' });
    await form.locator('input[name=reason]').fill('no machine of ours');
    await form.locator('button').click();
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.textContent('main')).toContain('refused (seq 1)');
    const { entries } = await desk.json<{ entries: { type: string; reason: string }[] }>(
      ...['history', node.id],
    );
    expect(entries).toMatchObject([{ type: 'reject', reason: 'no machine of ours' }]);
  });

  it('finds a name however it is written, as a part of it and whole', async () => {
    const node = newNode();
    await desk.propose(node, { metadata: { hostname: 'Named.example' } });
    await desk.json('approve', node.id, '--yes');
    for (const asked of ['named.ex', 'NAMED.EX', 'Named.example.']) {
      const find = async (): Promise<string | null> => {
        await page.goto(`${ui.url}/nodes?q=${asked}`);
        return page.textContent('main');
      };
      await expect.poll(find).toContain('Named.example');
      expect(await page.locator('.nodes tbody tr').count()).toBe(1);
    }
  });

  it('does once what is sent twice at once', async () => {
    const node = newNode();
    await desk.propose(node, { metadata: { hostname: 'twice' } });
    await desk.json('approve', node.id, '--yes');
    await page.goto(`${ui.url}/nodes/${node.id}/revoke`);
    const answers = await page.locator('form.confirm').evaluate((element) => {
      const form = element as HTMLFormElement;
      const send = async (): Promise<string> => {
        const body = new URLSearchParams(new FormData(form) as never);
        const answer = await fetch(form.action, { method: 'POST', body });
        return answer.redirected ? new URL(answer.url).pathname : answer.text();
      };
      return Promise.all([send(), send()]);
    });
    expect(answers.filter((said) => said.startsWith('/jobs/'))).toHaveLength(1);
    expect(answers.filter((said) => said.includes('this review was used'))).toHaveLength(1);
    await page.goto(`${ui.url}${answers.find((said) => said.startsWith('/jobs/'))!}`);
    await expect.poll(() => page.textContent('main')).toContain('revoked (seq 2)');
    const { entries } = await desk.json<{ entries: object[] }>('history', node.id);
    expect(entries).toHaveLength(2);
  });

  it('reviews one change of many nodes once, and approves it by their number', async () => {
    const nodes = [newNode(), newNode(), newNode()];
    for (const [i, node] of nodes.entries()) {
      const metadata = { hostname: `rack${i + 1}` };
      const before = { 'etc/chrony.conf': 'server a\n' };
      await desk.propose(node, { metadata, files: before });
      await desk.json('approve', node.id, '--yes');
      const { decision } = await desk.json<{ decision: { statementDigest: string } }>(
        'show',
        node.id,
      );
      await desk.propose(node, {
        ...{ metadata, files: { 'etc/chrony.conf': 'server a\nserver b\n' } },
        base: Uint8Array.from(Buffer.from(decision.statementDigest, 'hex')),
      });
    }
    await page.goto(`${ui.url}/`);
    const link = page.locator('a', {
      hasText: 'rack1..rack3 (3 nodes): +1 line in etc/chrony.conf',
    });
    await link.click();
    await page.waitForURL('**/review/**');
    await findsNothing();
    for (const node of nodes)
      expect(await page.textContent('form.confirm')).toContain(nodeWords(node.id));
    await page.fill('form.confirm input[name=typed]', '3');
    await page.click('form.confirm button');
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.textContent('main')).toContain('rack3: approved (seq 2)');
    await page.goto(`${ui.url}/nodes/${nodes[0]!.id}`);
    expect(await page.locator('.timeline li').count()).toBe(2);
    await findsNothing();
    await page.click('text=Compare with what is in force');
    expect(await page.textContent('.lines')).toContain('server b');
    await page.goto(`${ui.url}/nodes/${nodes[0]!.id}`);
    await page.click('text=Roll back to this');
    expect(await page.textContent('.lines')).toContain('server b');
    await page.fill('form.confirm input[name=expires]', '30d');
    await page.click('form.confirm button');
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.textContent('main')).toContain('rack1: rolled back (seq 3)');
    await page.goto(`${ui.url}/nodes?q=state%3Din-force`);
    expect(await page.textContent('main')).toContain('rack3');
    await findsNothing();
  });

  it('revokes only what it was asked for, and says who decided meanwhile', async () => {
    const node = newNode();
    await desk.propose(node, { metadata: { hostname: 'leaver' } });
    await desk.json('approve', node.id, '--yes');
    await page.goto(`${ui.url}/nodes/${node.id}/revoke`);
    expect(await page.textContent('form.confirm')).toContain(nodeWords(node.id));
    // Another administrator, or this one in a terminal, is quicker.
    await desk.json('reconfigure', node.id, '--yes');
    await page.click('form.confirm button');
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.textContent('main')).toContain('head_moved');
    await page.goto(`${ui.url}/nodes/${node.id}/revoke`);
    await page.click('form.confirm button');
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.textContent('main')).toContain('revoked (seq 3)');
  });

  it('is told whose decision it was, where somebody in a terminal was quicker', async () => {
    const node = newNode();
    const digest = await desk.propose(node, { metadata: { hostname: 'wanted-by-two' } });
    await page.goto(`${ui.url}/review/${node.id}/${digest}`);
    await page.fill('form.confirm input[name=typed]', nodeWords(node.id));
    await desk.json('reject', node.id, '--reason', 'not ours', '--yes');
    await page.click('form.confirm button');
    await page.waitForURL('**/jobs/**');
    await expect.poll(() => page.textContent('main')).toContain('Not done for 1 node of 1');
    expect(await page.textContent('main')).toMatch(/reject.*ada/);
    const { entries } = await desk.json<{ entries: object[] }>('history', node.id);
    expect(entries).toMatchObject([{ type: 'reject', reason: 'not ours' }]);
  });

  it('asks nobody but itself, and never says a byte of the key', async () => {
    expect(elsewhere.filter((url) => !url.startsWith('about:'))).toEqual([]);
    const key = fs.readFileSync(join(desk.home, 'admin.key'));
    const [{ name, value } = { name: '', value: '' }] = await context.cookies();
    for (const path of ['/', '/nodes', '/assets/page.js', '/admin.key', '/../admin.key']) {
      const { text } = await ask(path, { headers: { cookie: `${name}=${value}` } });
      expect(text).not.toContain(toHex(key).slice(0, 32));
      expect(text).not.toContain(key.toString('base64').slice(0, 24));
    }
  });
});
