import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { deriveIdentity, fromHex, sealReport } from '../../bundle/index.ts';
import type { Identity } from '../../bundle/index.ts';
import type { StatusView } from '../../admin/index.ts';
import { reportKey } from '../../protocol/keys.ts';
import { openDesk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { comeIn, openBrowser, startUi, startWallOf } from './browser.ts';

/** Where the pictures go: `npm run screens` has them where the docs show them. */
const FOLDER =
  process.env['COATCHECK_SCREENS'] ?? fs.mkdtempSync(join(tmpdir(), 'coatcheck-screens-'));
const newNode = (): Identity => deriveIdentity(Uint8Array.from(randomBytes(32)));
const files = (host: string, chrony: string): Record<string, string> => ({
  'etc/hostname': `${host}\n`,
  'etc/chrony.conf': chrony,
  'etc/fstab': 'nas.example.org:/home /home nfs4 nodev,nosuid 0 0\n',
});
const OLD = 'pool ntp1.example.org iburst\ndriftfile /var/lib/chrony/drift\n';
const NEW = `${OLD}pool ntp2.example.org iburst\n`;

describeWith('chromium', 'the pictures of the page', () => {
  it('show a rack in which something waits, something is new, and something is wrong', async () => {
    const desk = await openDesk();
    const rack = Array.from({ length: 8 }, (_, i) => ({
      node: newNode(),
      host: `gx00${i + 1}.example.org`,
    }));
    for (const { node, host } of rack) {
      await desk.propose(node, { metadata: { hostname: host }, files: files(host, OLD) });
    }
    const ids = rack.map(({ node }) => node.id);
    await desk.json('approve', ...ids, '--yes', '--expect', '8', '--reason', 'rack 4');
    const { nodes } = await desk.json<{ nodes: StatusView[] }>('status');
    for (const [i, { node, host }] of rack.entries()) {
      const { decision } = nodes.find((view) => view.node === node.id)!;
      const statementDigest = fromHex(decision!.statementDigest);
      const report = sealReport({
        report: {
          ...{ node: node.id, site: desk.site.id, statementDigest },
          time: decision!.issued + 40 + i,
          result:
            i === 7
              ? 'applied: 3 changed, 0 removed, 0 as they were; FAILED chrony.service: it ended with 1; memory: none'
              : 'applied: 3 changed, 0 removed, 0 as they were; memory: none',
        },
        signer: node,
        recipients: desk.site.pinned.keyset.keys.map(({ boxKey }) => boxKey),
      });
      await desk.store.create(reportKey(node.id), report);
      if (i > 4) continue;
      const changed = files(host, NEW);
      if (i === 4) changed['etc/sudoers.d/ops'] = '%ops ALL=(ALL) NOPASSWD: ALL\n';
      await desk.propose(node, {
        ...{ metadata: { hostname: host }, files: changed, base: statementDigest },
      });
    }
    const stranger = newNode();
    await desk.propose(stranger, {
      ...{ metadata: { hostname: 'gx009.example.org' }, files: files('gx009.example.org', NEW) },
    });
    const ui = await startUi(desk);
    const browser = await openBrowser();
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await comeIn(page, ui);
    await expect.poll(() => page.textContent('main')).toContain('FAILED chrony.service');
    const group = page.locator('.card a', { hasText: 'gx001.example.org..gx004' });
    const take = async (name: string): Promise<void> => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const path = join(FOLDER, `${name}-${colorScheme}.png`);
        await page.screenshot({ path });
        expect(fs.statSync(path).size).toBeGreaterThan(10_000);
      }
    };
    for (const [name, go] of [
      ['waiting', () => page.goto(`${ui.url}/`)],
      ['review', () => Promise.all([page.waitForURL('**/review/**'), group.click()])],
      ['nodes', () => page.goto(`${ui.url}/nodes`)],
      ['node', () => page.goto(`${ui.url}/nodes/${rack[7]!.node.id}`)],
      [
        'log',
        async () => {
          await page.goto(`${ui.url}/log?node=${rack[0]!.node.id}`);
          await expect.poll(() => page.textContent('#verdict')).toMatch(/^✔/);
          await page.click('.record summary');
        },
      ],
    ] as const) {
      await go();
      await take(name);
    }
    const file = join(desk.home, '..', 'wall.json');
    await desk.json('keys', 'monitor', file, '--for', 'wall');
    const wall = await startWallOf(file, desk.url);
    await page.goto(wall.url);
    await expect.poll(() => page.textContent('main')).toContain('waiting');
    await take('wall');
    await wall.stop();
    await browser.close();
    await ui.stop();
    await desk.close();
  });
});
