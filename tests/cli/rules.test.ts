// @module-tag long
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Identity } from '../../bundle/index.ts';
import { parseCa } from '../../net/certificates.ts';
import { parseSite } from '../../protocol/site.ts';
import { openDesk, refusal, runCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeNode, propose } from '../support/site.ts';
import { toHex } from '../../bundle/bytes.ts';
import { parseDigest, pendingKey } from '../../protocol/keys.ts';
import type { Run } from '../support/run.ts';

const folder = mkdtempSync(join(tmpdir(), 'coatcheck-rules-'));
const home = join(folder, 'door');
const rulesFile = join(folder, 'rules.json');
let desk: Desk;

/** The program that approves by rule, with a key of its own that may only `first`. */
const door = (...args: string[]): Promise<Run> =>
  runCli(['--home', home, '--server', desk.url, ...args]);
const auto = (...args: string[]): Promise<Run> => door('approve', '--auto', rulesFile, ...args);
const rules = (...all: readonly object[]): void => {
  writeFileSync(rulesFile, JSON.stringify({ coatcheck: 'rules/1', rules: all }), { mode: 0o600 });
};
const today = (count: number): object => ({
  ...{ name: 'today', count },
  from: new Date(Date.now() - 3_600_000).toISOString(),
  until: new Date(Date.now() + 3_600_000).toISOString(),
});
/** As a node does that knows the newest keyset. */
async function waits(node: Identity, files?: Readonly<Record<string, string>>): Promise<void> {
  const { pinned } = parseSite(readFileSync(join(desk.home, 'site.json'), 'utf8'), parseCa);
  const { bytes, digest } = propose({ keyset: pinned.keyset, node, ...(files && { files }) });
  await desk.store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
}

beforeAll(async () => {
  desk = await openDesk();
  const request = join(folder, 'door.json');
  const init = ['--home', home, 'init', '--request', request, '--admin-name', 'door'];
  expect((await runCli([...init, '--no-passphrase'])).code).toBe(0);
  const added = await desk.run('keys', 'add', request, '--may', 'first', '--yes');
  expect([added.code, added.stderr]).toEqual([0, expect.any(String)]);
  const answer = join(folder, 'door.site.json');
  expect((await runCli(['--home', home, 'init', '--answer', answer, '--yes'])).code).toBe(0);
  // A server reads the keysets for a key that it does not know once in 5 seconds.
  rules(today(1));
  while ((await auto('--dry-run')).code === 6);
});
afterAll(async () => {
  await desk.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('approve --auto', () => {
  const [listed, runs, refused, a, b] = ['listed', 'runs', 'refused', 'a', 'b'].map((name) =>
    makeNode(`by rule ${name}`),
  ) as [Identity, Identity, Identity, Identity, Identity];
  const list = { name: 'rack 7', nodes: [listed.id, runs.id, refused.id] };

  it('says what the rules come to, and signs nothing', async () => {
    await waits(listed);
    await waits(runs, { 'etc/cron.d/job': '* * * * * root evil\n' });
    rules(list);
    const { code, stdout, stderr } = await auto('--dry-run');
    expect([code, stderr]).toEqual([0, expect.stringContaining('nothing was signed')]);
    expect(stdout).toContain(`rule rack 7: ${listed.id} (`);
    expect(stdout).toContain(
      `${runs.id}: rule rack 7 does not name what may run something: etc/cron.d/job`,
    );
    expect((await desk.run('show', listed.id)).stdout).toContain('waits for a decision');
  });

  it('approves that, and leaves the file that executes to a person', async () => {
    const { code, stdout } = await auto();
    expect([code, stdout.match(/^approved /gm)]).toEqual([0, ['approved ']]);
    expect((await desk.run('history', listed.id)).stdout).toContain('rule rack 7');
    expect((await desk.run('show', runs.id)).stdout).toContain('waits for a decision');
    const again = await auto();
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('nothing to sign')]);
  });

  it('leaves to a person what was rejected', async () => {
    await waits(refused);
    expect((await desk.run('reject', refused.id, '--reason', 'who?', '--yes')).code).toBe(0);
    await waits(refused, { 'etc/motd': 'again\n' });
    const { code, stdout } = await auto();
    expect(code).toBe(0);
    expect(stdout).toContain(`${refused.id}: something was decided about it before`);
    expect(stdout).not.toMatch(/^approved /m);
  });

  it('approves no more than the count of a window, whoever else is approved in it', async () => {
    rules(list, today(2));
    await waits(a);
    expect((await auto()).stdout).toContain(`rule today: ${a.id}`);
    await waits(b);
    expect((await desk.run('approve', b.id, '--yes')).code).toBe(0);
    const c = makeNode('by rule c');
    await waits(c);
    const { code, stdout } = await auto();
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(`${c.id}: rule today may approve 0 more, and 1 would be`),
    ]);
  });

  it('of two at once, signs each once', async () => {
    rules(today(9));
    await waits(makeNode('by rule d'));
    const both = await Promise.all([auto(), auto()]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    // That which the count did not allow before, and the new one.
    expect(both.flatMap(({ stdout }) => stdout.match(/^approved /gm) ?? [])).toHaveLength(2);
  });

  it('refuses a file that others can write, that is wrong, and options of another kind', async () => {
    writeFileSync(join(folder, 'open.json'), '{}', { mode: 0o644 });
    const open = await door('approve', '--auto', join(folder, 'open.json'));
    expect(refusal(open)).toEqual([2, 'file_unsafe']);
    rules({ name: 'claims', hostname: 'web*' });
    const wrong = await auto();
    expect(refusal(wrong)).toEqual([2, 'file_malformed']);
    expect(wrong.stderr).toContain(
      'rules.json has no rules that can be followed: rules.0.hostname',
    );
    expect(refusal(await auto(a.id))).toEqual([2, 'usage']);
    expect(refusal(await auto('--rebase'))).toEqual([2, 'usage']);
    expect(refusal(await door('approve', a.id, '--dry-run'))).toEqual([2, 'usage']);
  });

  it('has a key that is good for nothing else', async () => {
    for (const args of [
      ['revoke', listed.id, '--reason', 'x'],
      ['reject', runs.id, '--reason', 'x'],
      ['keys', 'remove', 'ada'],
      ['show', listed.id],
    ]) {
      const { code, stderr } = await door(...args, ...(args[0] === 'show' ? [] : ['--yes']));
      expect([code, stderr], args[0]).toEqual([
        expect.any(Number),
        expect.stringMatching(/\[(key_not_allowed|usage)\]/),
      ]);
    }
  });
});
