// @module-tag long
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleDigest, toHex } from '../../bundle/index.ts';
import type { SignedKeyset } from '../../bundle/index.ts';
import type { LogView } from '../../admin/log.ts';
import { parseCa } from '../../net/certificates.ts';
import { parseSite } from '../../protocol/site.ts';
import { parseEvidence } from '../../admin/evidence.ts';
import type { Evidence, NodeEvidence } from '../../admin/evidence.ts';
import { digestWords, nodeWords } from '../../bundle/words.ts';
import { EXIT } from '../../protocol/errors.ts';
import { historyKey, keysetKey } from '../../protocol/keys.ts';
import { openDesk, refusal, runCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeNode, makeSite } from '../support/site.ts';
import { comeIn, findsNothing, openBrowser, startUi } from './browser.ts';

const [a, b, c] = ['record a', 'record b', 'record c'].map(makeNode) as [
  ReturnType<typeof makeNode>,
  ReturnType<typeof makeNode>,
  ReturnType<typeof makeNode>,
];
const REASON = 'rack 7 <b>& all</b> \u202e';

describeWith('chromium', 'a page that proves the record', () => {
  const work = fs.mkdtempSync(join(tmpdir(), 'coatcheck-record-'));
  const file = join(work, 'record.html');
  let desk: Desk;
  let browser: Browser;
  let page: Page;
  /** What the browser asked for beside the file itself. */
  const asked: string[] = [];

  beforeAll(async () => {
    desk = await openDesk();
    for (const node of [a, b, c]) await desk.propose(node, {});
    await desk.json('approve', a.id, '--reason', REASON, '--yes');
    const bob = join(work, 'bob.json');
    const init = ['--home', join(work, 'bob'), 'init', '--request', bob, '--admin-name', 'bob'];
    expect((await runCli([...init, '--no-passphrase'])).code).toBe(0);
    await desk.json('keys', 'add', bob, '--yes');
    await desk.json('reject', b.id, '--reason', 'who?', '--yes');
    await desk.json('revoke', a.id, '--reason', 'stolen', '--yes');
    await desk.json('keys', 'remove', 'bob', '--yes');
    await desk.json('approve', c.id, '--rebase', '--yes');
    newest = parseSite(fs.readFileSync(join(desk.home, 'site.json'), 'utf8'), parseCa).pinned;
    browser = await openBrowser();
    page = await (await browser.newContext()).newPage();
    page.on('request', (request) => {
      if (!request.isNavigationRequest()) asked.push(request.url());
    });
  });
  afterAll(async () => {
    await browser.close();
    await desk.close();
    fs.rmSync(work, { recursive: true, force: true });
  });

  /** That of the newest administrators, which the file of the site has. */
  let newest: SignedKeyset;
  let decisions = 0;
  const pinned = (): string => toHex(newest.digest);
  const verdict = (): Promise<string | null> => page.textContent('#verdict');
  /** Opens a file, enters a digest, and waits for the verdict. */
  async function verify(path: string, digest = pinned()): Promise<string> {
    await page.goto(pathToFileURL(path).href);
    await page.fill('input[name=digest]', digest);
    await page.click('#prove button');
    await expect.poll(verdict).toMatch(/^[✔✖]/);
    return (await verdict())!;
  }
  const partOf = (node: { id: string }) => page.locator(`details[id="${node.id}"]`);

  /** The file with another record in it. */
  function edited(name: string, edit: (evidence: Evidence) => Evidence): string {
    const html = fs.readFileSync(file, 'utf8');
    const [, before, json, after] =
      /^(.*<script type="application\/json">)(.*?)(<\/script>.*)$/s.exec(html)!;
    const path = join(work, `${name}.html`);
    const record = JSON.stringify(edit(parseEvidence(json!))).replaceAll('<', '\\u003c');
    fs.writeFileSync(path, `${before}${record}${after}`);
    return path;
  }
  const flip = (base64: string, at: number): string => {
    const bytes = Buffer.from(base64, 'base64');
    bytes[at < 0 ? bytes.length + at : at]! ^= 1;
    return bytes.toString('base64');
  };
  const ofNode =
    ({ id }: { id: string }, edit: (slots: NodeEvidence['slots']) => NodeEvidence['slots']) =>
    (evidence: Evidence): Evidence => ({
      ...evidence,
      nodes: evidence.nodes.map((one) =>
        one.node === id ? { ...one, slots: edit(one.slots) } : one,
      ),
    });

  it('is a file that verifies offline, by a digest that is entered, with nothing but itself', async () => {
    const made = await desk.json<{ sha256: string; keyset: string; decisions: number }>(
      ...['log', '--html', file],
    );
    // Those that were asked for, and those by which what is in force was sealed anew.
    decisions = (await desk.json<LogView>('log')).entries.length;
    expect(decisions).toBeGreaterThanOrEqual(4);
    expect(made).toMatchObject({ keyset: pinned(), nodes: 3, decisions, junk: [] });
    expect(made.sha256).toBe(toHex(bundleDigest(fs.readFileSync(file))));
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(refusal(await desk.run('log', '--html', file))).toEqual([EXIT.usage, 'file_exists']);
    expect(fs.readdirSync(work).filter((name) => name.includes('tmp'))).toEqual([]);

    await page.context().setOffline(true);
    await page.goto(pathToFileURL(file).href);
    // Nothing is shown as verified before somebody says by what.
    expect(await page.textContent('main')).not.toContain(a.id);
    await findsNothing(page);
    const oldest = toHex(desk.site.pinned.digest);
    for (const trusted of [pinned(), digestWords(newest.digest), oldest]) {
      const said = await verify(file, trusted);
      expect(said).toBe(
        `✔ ${decisions} decisions about 3 nodes verified, under keysets 1 to 3. Nothing else is in the record.`,
      );
    }
    const keysets = page.locator('table').first();
    expect(await keysets.textContent()).toContain('ada, bob');
    for (const node of [a, b, c]) {
      const summary = (await partOf(node).locator('summary').textContent())!;
      // Those of a machine that was never approved are on its console alone.
      expect(summary.includes(nodeWords(node.id))).toBe(node !== b);
      await partOf(node).locator('summary').click();
      await expect.poll(() => partOf(node).textContent()).toContain('The newest decision here');
    }
    expect(await partOf(a).textContent()).toMatch(/revoke \(seq \d\), in force/);
    expect(await partOf(b).textContent()).toContain('who?');
    // What somebody wrote is text.
    expect(await partOf(a).textContent()).toContain('rack 7 <b>& all</b>');
    expect(await partOf(a).locator('b').count()).toBe(0);
    expect(await page.textContent('main')).not.toContain('\u202e');
    await findsNothing(page);
    expect(await page.textContent('main')).toContain('Whether it is whole.');
    expect(asked.filter((url) => url !== 'data:,')).toEqual([]);
  });

  it('has neither a key nor contents in it', () => {
    const html = fs.readFileSync(file, 'utf8');
    const key = fs.readFileSync(join(desk.home, 'admin.key'));
    for (const text of [key.toString('base64'), toHex(key)]) {
      expect(html).not.toContain(text.slice(0, 24));
    }
    expect(html).not.toContain(desk.home);
    expect(html).not.toMatch(/src=|href="(?!data:,)/);
  });

  it('is the same of a copy of the bucket, without a key, and of one node', async () => {
    const auditor = join(work, 'auditor');
    fs.mkdirSync(auditor);
    fs.copyFileSync(join(desk.home, 'site.json'), join(auditor, 'site.json'));
    const copy = ['--home', auditor, 'log', '--copy', join(desk.home, 'store'), '--html'];
    const own = join(work, 'copy.html');
    expect((await runCli([...copy, own])).code).toBe(0);
    expect(await verify(own)).toContain(`✔ ${decisions} decisions about 3 nodes verified`);
    const one = join(work, 'one.html');
    expect((await desk.run('log', b.id, '--html', one)).code).toBe(0);
    expect(await verify(one)).toContain('✔ 1 decision about 1 node verified');
    expect(fs.readFileSync(one, 'utf8')).not.toContain(a.id);
  });

  it('says what was changed in it, and where', async () => {
    const firstOf = (slots: NodeEvidence['slots'], edit: (frame: string) => string) =>
      slots.map((one, i) => (i === 0 && 'frame' in one ? { ...one, frame: edit(one.frame) } : one));
    const cases: Record<string, [edit: (evidence: Evidence) => Evidence, says: RegExp]> = {
      signature: [
        ofNode(a, (slots) => firstOf(slots, (frame) => flip(frame, -1))),
        /1✖ does not verify: a signature is not good \(bad_signature\)/,
      ],
      entry: [
        ofNode(a, (slots) => firstOf(slots, (frame) => flip(frame, -90))),
        /1✖ does not verify: /,
      ],
      start: [ofNode(a, (slots) => slots.slice(1)), /The record begins at slot 2/],
      junk: [
        ofNode(a, (slots) => [...slots, { slot: 9, fault: 'bad_magic' }]),
        /9✖ does not verify: it does not begin as a decision does \(bad_magic\)/,
      ],
      bundle: [
        ofNode(a, (slots) =>
          slots.map((one) =>
            'bundle' in one ? { ...one, bundle: { ...one.bundle, digest: 'ab'.repeat(32) } } : one,
          ),
        ),
        /1✖ does not verify: the bundle that was stored/,
      ],
      dropped: [
        ofNode(a, ([one, two, ...more]) => [one!, { ...two!, slot: 3 }, ...more]),
        /2✖ slot 2 is missing.*3✖ does not verify: a slot below it is free/,
      ],
    };
    for (const [name, [edit, says]] of Object.entries(cases)) {
      const said = await verify(edited(name, edit));
      if (name === 'start') await partOf(a).locator('summary').click();
      if (name !== 'start') expect([name, said]).toEqual([name, expect.stringMatching(/^✖/)]);
      else expect(said).toMatch(/^✔ .* 1 record begins late: what was before it is not in here\.$/);
      await expect.poll(() => partOf(a).textContent()).toMatch(says);
      expect([name, await partOf(b).textContent()]).toEqual([name, expect.stringMatching(/^✔/)]);
    }
    await findsNothing(page);

    const keyset = edited('keyset', (evidence) => ({
      ...evidence,
      keysets: evidence.keysets.map((one) =>
        one.from === keysetKey(2) ? { ...one, bytes: flip(one.bytes, -1) } : one,
      ),
    }));
    expect(await verify(keyset)).toMatch(/^✖/);
    expect(await page.locator('table').first().textContent()).toContain(
      `a signature is not good (bad_signature), in ${keysetKey(2)}`,
    );
    await findsNothing(page);

    for (const digest of [toHex(makeSite({ name: 'other' }).site.pinned.digest), 'ada', '0']) {
      expect(await verify(file, digest)).toMatch(/^✖/);
      expect(await page.locator('details').count()).toBe(0);
    }
    const broken = join(work, 'broken.html');
    fs.writeFileSync(broken, fs.readFileSync(file, 'utf8').replace('"record/1"', '"record/2"'));
    expect(await verify(broken)).toContain('✖ this holds no record that coatcheck has written');
    // Its policy lets no other script in.
    const injected = join(work, 'injected.html');
    fs.writeFileSync(
      injected,
      fs
        .readFileSync(file, 'utf8')
        .replace('</main>', '<script>document.title="in"</script></main>'),
    );
    await page.goto(pathToFileURL(injected).href);
    expect(await page.title()).toContain('Record of');
  });

  it('says the same where the browser has no Ed25519 of its own, which it asks where it has', async () => {
    const changed = edited(
      'slow',
      ofNode(a, ([one, ...more]) => [
        'frame' in one! ? { ...one, frame: flip(one.frame, -1) } : one!,
        ...more,
      ]),
    );
    const usual = page;
    const said: string[][] = [];
    for (const has of [true, false]) {
      page = await (await browser.newContext()).newPage();
      await page.addInitScript((known) => {
        const { subtle } = crypto;
        const verifyOf = subtle.verify.bind(subtle);
        subtle.verify = async (...given) => {
          const isGood = await verifyOf(...given);
          document.body.dataset['found'] = `${document.body.dataset['found'] ?? ''}${isGood}.`;
          return isGood;
        };
        const none = () => Promise.reject(new DOMException('none', 'NotSupportedError'));
        if (!known) subtle.importKey = none;
      }, has);
      said.push([await verify(file), await verify(changed)]);
      const found = (await page.getAttribute('body', 'data-found')) ?? '';
      expect([found.includes('true.'), found.includes('false.')]).toEqual([has, has]);
      await page.context().close();
    }
    page = usual;
    expect(said[0]).toEqual(said[1]);
    expect(said[0]).toEqual([expect.stringMatching(/^✔/), expect.stringMatching(/^✖/)]);
  });

  it('says of a bucket that was changed what, in the terminal and on the page', async () => {
    const key = historyKey(a.id, 1);
    const stored = (await desk.store.get(key, { maxBytes: 2 ** 21 }))!.body;
    const changed = stored.slice();
    changed[changed.length - 100]! ^= 1;
    const put = async (body: Uint8Array) => {
      await desk.store.delete(key);
      await desk.store.create(key, body);
    };
    await put(changed);
    const path = join(work, 'changed.html');
    const { stderr } = await desk.run('log', '--html', path);
    expect(stderr).toContain('slot 1 holds something that does not verify (digest_mismatch)');
    expect(await verify(path)).toMatch(/^✖/);
    expect(await partOf(a).textContent()).toContain('does not verify: the bundle that was stored');
    await put(stored);
  });

  it('stands in the page of coatcheck ui as well, by the keyset of the site', async () => {
    const ui = await startUi(desk);
    const elsewhere: string[] = [];
    const own = await (await browser.newContext()).newPage();
    own.on('request', (request) => {
      if (!request.url().startsWith(`${ui.url}/`)) elsewhere.push(request.url());
    });
    page = own;
    await comeIn(page, ui);
    await page.keyboard.press('g');
    await page.keyboard.press('l');
    await page.waitForURL('**/log');
    await expect.poll(verdict).toContain(`✔ ${decisions} decisions about 3 nodes verified`);
    await findsNothing(page);
    expect(await verdictBy('ab'.repeat(32))).toContain('✖ no administrators in this record');
    expect(await verdictBy(pinned())).toContain(`✔ ${decisions} decisions`);
    await page.goto(`${ui.url}/nodes/${a.id}`);
    await page.click('text=Verify it in this browser');
    await page.waitForURL(`**/log?node=${a.id}`);
    await expect.poll(verdict).toMatch(/^✔ \d decisions about 1 node verified/);
    await partOf(a).locator('summary').click();
    await expect.poll(() => partOf(a).textContent()).toContain('stolen');
    expect(elsewhere.filter((url) => url !== 'data:,')).toEqual([]);
    expect((await ui.stop()).code).toBe(0);
  });

  async function verdictBy(digest: string): Promise<string> {
    await page.fill('input[name=digest]', digest);
    await page.click('#prove button');
    await expect.poll(verdict).toMatch(/^[✔✖]/);
    return (await verdict())!;
  }
});
