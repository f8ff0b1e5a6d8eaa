// @module-tag long
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCa } from '../../net/certificates.ts';
import { EXIT } from '../../protocol/errors.ts';
import { formatSite, parseSite } from '../../protocol/site.ts';
import { administratorsOf } from '../support/administrators.ts';
import type { Administrators } from '../support/administrators.ts';
import { openDesk, refusal, runCli, startCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import type { Run } from '../support/run.ts';
import { makeNode } from '../support/site.ts';

interface KeysView {
  readonly version: number;
  readonly words: string;
  readonly keys: readonly {
    name: string;
    may: string;
    words: string;
    you: boolean;
    sinceKeyset: number;
  }[];
  readonly lacking: readonly string[];
  readonly waiting: readonly unknown[];
}

const folder = mkdtempSync(join(tmpdir(), 'coatcheck-keys-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const words = ({ stdout }: Run): string => /((?:[a-z]+ ){7}[a-z]+)\n/.exec(stdout)![1]!;
const pins = (home: string): number =>
  parseSite(readFileSync(join(home, 'site.json'), 'utf8'), parseCa).pinned.keyset.version;

describe('a second administrator', () => {
  let desk: Desk;
  const home = join(folder, 'bob');
  const request = join(folder, 'bob.json');
  const answer = join(folder, 'bob.site.json');
  const bob = (...args: string[]): Promise<Run> =>
    runCli(['--home', home, '--server', desk.url, ...args]);
  const [known, later] = [makeNode('known'), makeNode('later')];

  beforeAll(async () => {
    desk = await openDesk();
    await desk.propose(known, {});
    expect((await desk.run('approve', known.id, '--yes')).code).toBe(0);
  });
  afterAll(() => desk.close());

  it('makes a key and a request without a secret, and sees its words', async () => {
    const args = ['init', '--request', request, '--admin-name', 'bob', '--no-passphrase'];
    const made = await runCli(['--home', home, ...args]);
    expect([made.code, made.stderr]).toEqual([0, expect.stringContaining('no passphrase')]);
    const text = readFileSync(request, 'utf8');
    expect(Object.keys(JSON.parse(text) as object)).toEqual([
      ...['coatcheck', 'name', 'signKey', 'boxKey'],
    ]);
    expect(existsSync(join(home, 'site.json'))).toBe(false);
    const next = `coatcheck --home ${home} init --answer FILE`;
    expect(made.stderr).toContain(next);
    const early = await bob('pending');
    expect(refusal(early)).toEqual([2, 'file_missing']);
    expect(early.stderr).toContain(next);
    expect(early.stderr).not.toContain('make a site');
    expect(refusal(await runCli(['--home', home, ...args]))).toEqual([2, 'file_exists']);
  });

  it('is added, all that is in force is signed again, and the same once more changes nothing', async () => {
    const added = await desk.run('keys', 'add', request, '--yes');
    expect(added).toMatchObject({ code: 0 });
    expect(added.stdout).toContain('made keyset 2');
    expect(added.stdout).toContain(`approve ${known.id} (seq 2)`);
    expect(pins(desk.home)).toBe(2);
    const again = await desk.run('keys', 'add', request, '--yes');
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).not.toContain('made keyset');
    const view = await desk.json<KeysView>('keys', 'list');
    expect(view).toMatchObject({ version: 2, lacking: [], waiting: [] });
    expect(view.keys.map(({ name, sinceKeyset, you }) => [name, sinceKeyset, you])).toEqual([
      ['ada', 1, true],
      ['bob', 2, false],
    ]);
  });

  it('takes the site that comes back, whose words are the same on both sides', async () => {
    const taken = await runCli(['--home', home, 'init', '--answer', answer, '--yes']);
    expect(taken).toMatchObject({ code: 0 });
    const { words: seen } = await desk.json<KeysView>('keys', 'list');
    expect(taken.stdout).toContain(`the words of its keyset: ${seen}`);
    expect(pins(home)).toBe(2);
    expect(refusal(await bob('init', '--answer', answer, '--yes'))).toEqual([2, 'file_exists']);
  });

  it('decides within seconds, though the server has shown the older keyset for less than a minute', async () => {
    // A server reads the keysets for a key that it does not know once in 5 seconds.
    let shown = await bob('show', known.id);
    while (shown.code === 6) shown = await bob('show', known.id);
    expect(shown).toMatchObject({ code: 0 });
    expect((await bob('revoke', known.id, '--reason', 'moved', '--yes')).code).toBe(0);
  });

  it('is removed, and told so; what they could read is said before', async () => {
    const removed = await desk.run('keys', 'remove', 'bob', '--yes');
    expect(removed).toMatchObject({ code: 0 });
    expect(removed.stdout).toContain('they may have kept');
    expect(removed.stderr).toContain('ada is the only administrator then');
    expect(pins(desk.home)).toBe(3);
    const late = await bob('reconfigure', known.id, '--yes');
    expect(refusal(late)[0]).toBeGreaterThan(0);
    expect((await desk.json<KeysView>('keys', 'list')).keys).toHaveLength(1);
    expect(refusal(await desk.run('keys', 'remove', 'bob', '--yes'))).toEqual([5, 'not_found']);
    expect(refusal(await desk.run('keys', 'remove', 'ada', '--yes'))).toEqual([2, 'usage']);
    await desk.propose(later, {});
  });

  it('that may only `first` is added as that, shown as that, and never becomes more', async () => {
    const file = join(folder, 'door.json');
    const door = join(folder, 'door');
    const init = ['init', '--request', file, '--admin-name', 'door', '--no-passphrase'];
    expect((await runCli(['--home', door, ...init])).code).toBe(0);
    const add = ['keys', 'add', file, '--yes'];
    const added = await desk.run(...add, '--may', 'first');
    expect([added.code, added.stdout]).toEqual([0, expect.stringContaining('decide nothing else')]);
    const { keys } = await desk.json<KeysView>('keys', 'list');
    expect(keys.map(({ name, may }) => [name, may])).toEqual([
      ['ada', 'all'],
      ['door', 'first'],
    ]);
    expect((await desk.run('keys', 'list')).stdout).toMatch(/^door +first /m);
    const more = await desk.run(...add);
    expect(refusal(more)).toEqual([2, 'usage']);
    expect(more.stderr).toContain('door is in the keyset already, and may first');
    expect((await desk.run(...add, '--may', 'first')).stdout).not.toContain('made keyset');
    expect(refusal(await desk.run(...add, '--may', 'most'))).toEqual([2, 'usage']);
    expect((await desk.run('keys', 'remove', 'door', '--yes')).code).toBe(0);
  });

  it('refuses a request that is none, and an answer for another key', async () => {
    const site = join(desk.home, 'site.json');
    expect(refusal(await desk.run('keys', 'add', site, '--yes'))).toEqual([2, 'file_malformed']);
    const eve = join(folder, 'eve');
    const file = join(folder, 'eve.json');
    const made = await runCli(['--home', eve, 'init', '--request', file, '--no-passphrase']);
    expect(words(made)).toMatch(/^[a-z ]+$/);
    const took = await runCli(['--home', eve, 'init', '--answer', answer, '--yes']);
    expect(refusal(took)).toEqual([6, 'not_an_admin']);
  });

  it('leaves what site.json was changed to while it asked for a passphrase, and gives that on', async () => {
    const file = join(folder, 'carol.json');
    const init = ['init', '--request', file, '--admin-name', 'carol', '--no-passphrase'];
    expect((await runCli(['--home', join(folder, 'carol'), ...init])).code).toBe(0);
    const [secret, changed] = [join(folder, 'passphrase'), join(folder, 'changed.json')];
    writeFileSync(secret, 'six words that nobody would guess\n', { mode: 0o600 });
    const locked = await desk.run('key', 'passphrase', '--new-passphrase-file', secret);
    expect(locked.code).toBe(0);
    const siteFile = join(desk.home, 'site.json');
    const siteIn = (path: string) => parseSite(readFileSync(path, 'utf8'), parseCa);
    const servers = ['http://another.example:8420'];
    writeFileSync(changed, formatSite({ ...siteIn(siteFile), servers }));
    const asks = join(folder, 'asks');
    writeFileSync(asks, `#!/bin/sh\ncp ${changed} ${siteFile}\ncat ${secret}\n`, { mode: 0o700 });
    const add = ['keys', 'add', file, '--yes', '--passphrase-command', asks];
    expect(await desk.run(...add)).toMatchObject({ code: 0 });
    for (const path of [siteFile, join(folder, 'carol.site.json')]) {
      expect(siteIn(path)).toMatchObject({ servers, pinned: { keyset: { version: 6 } } });
    }
  });
});

describe('cut short', () => {
  let desk: Desk;
  const nodes = Array.from({ length: 12 }, (_, i) => makeNode(`of many ${i}`));

  beforeAll(async () => {
    desk = await openDesk();
    for (const node of nodes) {
      await desk.propose(node, {});
      expect((await desk.run('approve', node.id, '--yes')).code).toBe(0);
    }
  });
  afterAll(() => desk.close());

  it.each(['SIGINT', 'SIGKILL'] as const)('by %s, reseal goes on from there', async (signal) => {
    const request = join(folder, `${signal}.json`);
    const home = join(folder, signal);
    const init = ['init', '--request', request, '--admin-name', signal, '--no-passphrase'];
    expect((await runCli(['--home', home, ...init])).code).toBe(0);
    const args = ['--home', desk.home, '--server', desk.url, 'keys', 'add', request, '--yes'];
    const { child, said, done } = await startCli(args);
    while (!said.stdout.includes('1/12')) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill(signal);
    const ended = await done;
    if (signal === 'SIGINT') {
      expect(ended.code).toBe(130);
      expect(ended.stderr).toContain('coatcheck keys reseal goes on');
    }
    const before = await desk.json<KeysView>('keys', 'list');
    expect(before.lacking.length).toBeGreaterThan(0);
    expect(before.lacking.length).toBeLessThan(nodes.length);
    const version = pins(desk.home);
    expect(await desk.run('keys', 'reseal')).toMatchObject({ code: 0 });
    expect(await desk.json<KeysView>('keys', 'list')).toMatchObject({ lacking: [], waiting: [] });
    expect(pins(desk.home)).toBe(version + 1);
  });
});

describe('a threshold of two where nothing is in force yet', () => {
  let desk: Desk;
  let admins: Administrators;
  beforeAll(async () => {
    desk = await openDesk();
    admins = administratorsOf(desk);
    await admins.add('bob');
  });
  afterAll(async () => {
    admins.close();
    await desk.close();
  });

  it('is done by one, lacks nothing, and says so; the next change and decision lack another', async () => {
    const done = await admins.once('ada', 'keys', 'threshold', '2', '--yes');
    expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('made keyset 3\n')]);
    expect(done.stdout).toContain('nothing had to be signed again');
    expect(await admins.ok('ada', 'keys', 'list')).toContain('keyset 3: 2 of 2 must sign');
    const again = await admins.once('ada', 'keys', 'threshold', '2', '--yes');
    expect([...refusal(again), again.stdout]).toEqual([EXIT.usage, 'usage', '']);
    expect(again.stderr).toContain('2 of 2 have to sign already: nothing was changed');
    const file = admins.at('keyset.json');
    const back = await admins.once('ada', 'keys', 'threshold', '1', '--yes', '--to', file);
    expect([...refusal(back), existsSync(file)]).toEqual([EXIT.undersigned, 'undersigned', true]);
    expect(back.stdout).not.toContain('made keyset');
    const node = makeNode('the first of two');
    await desk.propose(node, { recipients: admins.recipients(node) });
    const first = await admins.once('ada', 'approve', node.id, '--yes');
    expect(refusal(first)).toEqual([EXIT.undersigned, 'undersigned']);
  });
});
