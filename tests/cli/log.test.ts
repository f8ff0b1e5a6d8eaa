// @module-tag long
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LogView } from '../../admin/log.ts';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, refusal, runCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import type { Run } from '../support/run.ts';
import { makeNode } from '../support/site.ts';

const work = fs.mkdtempSync(join(tmpdir(), 'coatcheck-log-'));
const [a, b] = [makeNode('log a'), makeNode('log b')];
let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
  for (const node of [a, b]) await desk.propose(node, {});
  await desk.run('approve', a.id, '--reason', 'rack 7', '--yes');
  await desk.run('reject', b.id, '--reason', 'who?', '--yes');
  await desk.run('revoke', a.id, '--reason', 'stolen', '--yes');
});
afterAll(async () => {
  await desk.close();
  fs.rmSync(work, { recursive: true, force: true });
});

/** An auditor's folder: the site's public part, and no key. */
const auditor = join(work, 'auditor');
const offline = (...args: string[]): Promise<Run> => runCli(['--home', auditor, 'log', ...args]);
/** A copy of the bucket as a tool makes it, a file for each key. */
async function copied(name: string): Promise<string> {
  const folder = join(work, name);
  for (const prefix of ['history', 'approved', 'keysets']) {
    const { objects } = await desk.store.list(`${prefix}/`, { limit: 1000 });
    for (const { key } of objects) {
      fs.mkdirSync(join(folder, key, '..'), { recursive: true });
      fs.writeFileSync(join(folder, key), (await desk.store.get(key, { maxBytes: 2 ** 21 }))!.body);
    }
  }
  fs.mkdirSync(auditor, { recursive: true });
  fs.copyFileSync(join(desk.home, 'site.json'), join(auditor, 'site.json'));
  return folder;
}
const said = ({ entries }: LogView) =>
  entries.map(({ node, type, seq, reason, decidedBy }) => [node, type, seq, reason, decidedBy]);
const ALL = [
  [a.id, 'approve', 1, 'rack 7', ['ada']],
  [b.id, 'reject', 1, 'who?', ['ada']],
  [a.id, 'revoke', 2, 'stolen', ['ada']],
];

it('says who decided what, about all nodes or one, and the same of a copy without a key', async () => {
  const copy = await copied('whole');
  const online = await desk.json<LogView>('log');
  expect(said(online)).toHaveLength(3);
  for (const row of ALL) expect(said(online)).toContainEqual(row);
  expect(online.junk).toEqual([]);
  for (const folder of [copy, join(desk.home, 'store')]) {
    const { code, stdout } = await offline('--copy', folder, '--json');
    expect([code, JSON.parse(stdout)]).toEqual([0, online]);
  }
  const one = await offline(b.id.slice(0, 12), '--copy', copy);
  expect(one.stdout).toMatch(new RegExp(`${b.id} +1 +reject +ada +[0-9a-f]{16} +who\\?`));
  expect(one.stdout).not.toContain(a.id);
  expect((await desk.run('log', a.id)).stdout).toContain('revoke *');
  expect((await offline(makeNode('x').id, '--copy', copy)).code).toBe(EXIT.notFound);
  expect(refusal(await offline('--copy', work))).toEqual([EXIT.usage, 'file_missing']);
});

it('names what was changed in a copy, and where it shows less than was seen', async () => {
  const folder = await copied('cut');
  const slot = (n: number) => join(folder, 'history', a.id, `000000000${n}`);
  const bytes = fs.readFileSync(slot(1));
  bytes[bytes.length - 100]! ^= 1;
  fs.writeFileSync(slot(1), bytes);
  fs.rmSync(slot(2));
  const { code, stdout, stderr } = await offline('--copy', folder);
  expect([code, stdout]).toEqual([0, expect.not.stringContaining(a.id)]);
  expect(stderr).toContain('slot 1 holds something that does not verify');
  const own = await runCli(['--home', desk.home, 'log', '--copy', folder]);
  expect(own.stderr).toContain(
    'the store shows less than this tool has seen (seq none now, 2 before)',
  );
});

it('says of a record that is gone as a whole that it was there', async () => {
  await desk.run('log');
  const keys = (await desk.store.list(`history/${b.id}/`, { limit: 10 })).objects.map(
    ({ key }) => key,
  );
  const kept = await Promise.all(
    keys.map(
      async (key) => [key, (await desk.store.get(key, { maxBytes: 2 ** 21 }))!.body] as const,
    ),
  );
  for (const key of keys) await desk.store.delete(key);
  const doubted = 'the store shows less than this tool has seen (seq none now, 1 before)';
  expect((await desk.run('log')).stderr).toContain(doubted);
  expect((await desk.run('log', '--html', join(work, 'gone.html'))).stderr).toContain(doubted);
  for (const [key, body] of kept) await desk.store.create(key, body);
});
