import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealReport, ZERO_DIGEST } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { approvedKey, parseDigest, pendingKey } from '../../protocol/keys.ts';
import { openDesk, refusal, runCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeNode } from '../support/site.ts';
import { itOnSmallDisk } from '../support/small-disk.ts';

const node = makeNode();
const FILES = { 'etc/hostname': 'n1\n', 'etc/ssh/sshd_config': 'Port 22\n' };

let desk: Desk;
let folder: string;
let bundle: string;
let frame: string;
let digest: string;
beforeAll(async () => {
  folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-bundle-'));
  desk = await openDesk();
  digest = await desk.propose(node, { files: FILES });
  const sealed = await desk.store.get(pendingKey(node.id, parseDigest(digest)), { maxBytes: 1e6 });
  await desk.json('approve', node.id, '--yes', '--reason', 'good\u202e');
  const decided = await desk.store.get(approvedKey(node.id), { maxBytes: 1e6 });
  bundle = save('bundle', sealed!.body);
  frame = save('frame', decided!.body);
});
afterAll(async () => {
  await desk.close();
  fs.rmSync(folder, { recursive: true });
});

function save(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  fs.writeFileSync(path, bytes);
  return path;
}
/** Without a server: nothing of this asks one. */
const offline = (...args: string[]) => runCli(['--home', desk.home, 'bundle', ...args]);
const json = async (...args: string[]) =>
  JSON.parse((await runCli(['--home', desk.home, '--json', 'bundle', ...args])).stdout) as unknown;

describe('bundle inspect', () => {
  it('shows what anybody can see, without a site or a key', async () => {
    const { stdout, code } = await runCli(['--home', '/nowhere', 'bundle', 'inspect', bundle]);
    expect(code).toBe(0);
    expect(stdout).toContain(digest);
    expect(stdout).not.toContain('hostname');
    expect(await json('inspect', bundle)).toMatchObject({
      kind: 'bundle',
      bundle: { digest, madeBy: 'node', recipients: 2 },
    });
  });
  it('shows the statement of a decision, escaped', async () => {
    const { stdout } = await offline('inspect', frame);
    expect(stdout).toContain('good<U+202E>');
    expect(await json('inspect', frame)).toMatchObject({
      kind: 'frame',
      decision: { type: 'approve', node: node.id, seq: 1 },
      bundle: { digest },
    });
  });
  it('shows a report for what it is', async () => {
    const report = sealReport({
      report: {
        ...{ node: node.id, site: desk.site.id, statementDigest: ZERO_DIGEST, time: 1, result: '' },
      },
      signer: node,
      recipients: desk.site.pinned.keyset.keys.map(({ boxKey }) => boxKey),
    });
    expect(await json('inspect', save('report', report))).toMatchObject({ kind: 'report' });
    expect(refusal(await offline('export', join(folder, 'report'), join(folder, 'r')))).toEqual([
      EXIT.usage,
      'usage',
    ]);
  });
});

describe('bundle verify', () => {
  it('says who decided, and who made the bundle', async () => {
    const { stdout } = await offline('verify', frame);
    expect(stdout).toMatch(/good: .* approve \(seq 1\) by ada/);
    expect(stdout).toContain('signed by its node');
  });
  it('refuses a changed byte anywhere', async () => {
    const bytes = fs.readFileSync(frame);
    for (const at of [0, 10, 100, 300, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const changed = Uint8Array.from(bytes);
      changed[at] = changed[at]! ^ 1;
      expect((await offline('verify', save('changed', changed))).code).toBe(EXIT.refused);
    }
  });
  it('refuses a decision of another site', async () => {
    const other = join(folder, 'other');
    await runCli(['--home', other, 'init', '--no-passphrase']);
    const run = await runCli(['--home', other, 'bundle', 'verify', frame]);
    expect(refusal(run)[0]).toBe(EXIT.refused);
  });
});

describe('bundle export', () => {
  it('writes the files into a new folder, for their owner only', async () => {
    const target = join(folder, 'export');
    expect((await offline('export', bundle, target)).code).toBe(0);
    for (const [path, content] of Object.entries(FILES)) {
      expect(fs.readFileSync(join(target, path), 'utf8')).toBe(content);
      expect(fs.statSync(join(target, path)).mode & 0o777).toBe(0o600);
    }
    expect(fs.statSync(target).mode & 0o777).toBe(0o700);
    expect(await json('export', frame, join(folder, 'export2'))).toMatchObject({
      files: Object.keys(FILES),
    });
  });
  it('writes into no folder that holds anything', async () => {
    const target = join(folder, 'taken');
    fs.mkdirSync(target);
    fs.writeFileSync(join(target, 'x'), '');
    expect(refusal(await offline('export', bundle, target))).toEqual([EXIT.usage, 'file_exists']);
    expect(fs.readdirSync(target)).toEqual(['x']);
  });
  itOnSmallDisk(
    '16k',
    'writes all of it or nothing: on a full disk there is no folder, nor beside it',
    async (disk) => {
      // Room for one of the two files.
      fs.writeFileSync(join(disk.path, 'full'), Buffer.alloc(3 * 4096));
      const run = await offline('export', bundle, join(disk.path, 'export'));
      expect(refusal(run)).toEqual([EXIT.failed, 'disk_full']);
      expect(fs.readdirSync(disk.path)).toEqual(['full']);
    },
  );
  it('writes into no folder where others could put links', async () => {
    const target = join(folder, 'shared');
    fs.mkdirSync(target);
    fs.chmodSync(target, 0o777);
    expect(refusal(await offline('export', bundle, target))).toEqual([EXIT.usage, 'file_unsafe']);
    expect(fs.readdirSync(target)).toEqual([]);
  });
  it('needs the key that it is sealed to, and makes no folder without it', async () => {
    const other = join(folder, 'other-key');
    await runCli(['--home', other, 'init', '--no-passphrase']);
    const target = join(folder, 'nothing');
    const run = await runCli(['--home', other, 'bundle', 'export', bundle, target]);
    expect(refusal(run)).toEqual([EXIT.refused, 'not_a_recipient']);
    expect(fs.existsSync(target)).toBe(false);
  });
});

describe('what is no bundle', { tags: 'long' }, () => {
  it.each(['inspect', 'verify'])('%s refuses it', async (command) => {
    expect(refusal(await offline(command, join(folder, 'gone')))).toEqual([
      EXIT.usage,
      'file_missing',
    ]);
    expect(refusal(await offline(command, folder))).toEqual([EXIT.usage, 'file_malformed']);
    for (const bytes of ['', 'x', 'ccb', 'ccf', 'ccb\x01', '\xff\xff\xff\xff']) {
      const [exit] = refusal(await offline(command, save('junk', Buffer.from(bytes, 'latin1'))));
      expect(exit).toBe(EXIT.refused);
    }
  });
});
