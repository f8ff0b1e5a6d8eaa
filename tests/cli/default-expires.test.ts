// @module-tag long
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HistoryView } from '../../admin/index.ts';
import { deriveIdentity } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, refusal } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

const DAYS_30 = 30 * 86_400;

async function newest(node: string): Promise<HistoryView['entries'][number]> {
  return (await desk.json<HistoryView>('history', node)).entries.at(-1)!;
}
async function waiting(n: number): Promise<string[]> {
  const nodes = Array.from({ length: n }, () => deriveIdentity(Uint8Array.from(randomBytes(32))));
  for (const node of nodes) await desk.propose(node, {});
  return nodes.map(({ id }) => id);
}

it('an administrator’s usual end is given to what waits, said before, and to nothing else', async () => {
  const [first, second, third, fourth] = (await waiting(4)) as [string, string, string, string];
  await desk.json('approve', first, '--yes');
  expect(await newest(first)).not.toHaveProperty('expires');
  expect((await desk.run('site', 'expires')).stdout).toContain('until it is decided anew');
  await desk.json('site', 'expires', '30d');
  expect(await desk.json('site', 'expires')).toEqual({ expires: '30d' });

  const run = await desk.run('approve', second, '--yes');
  expect([run.code, run.stderr]).toEqual([0, expect.stringContaining('good until 2')]);
  const given = await newest(second);
  expect(Math.abs(given.expires! - given.issued - DAYS_30)).toBeLessThan(60);
  await desk.json('approve', third, '--yes', '--expires', 'never');
  expect(await newest(third)).not.toHaveProperty('expires');
  // Of many nodes as of one.
  const [fifth] = (await waiting(1)) as [string];
  expect((await desk.run('approve', fourth, fifth, '--yes')).code).toBe(0);
  for (const node of [fourth, fifth]) expect(await newest(node)).toHaveProperty('expires');
  // What was decided keeps its end.
  await desk.json('approve', first, (await newest(first)).digest, '--yes');
  expect(await newest(first)).not.toHaveProperty('expires');

  await desk.json('site', 'expires', 'never');
  const [sixth] = (await waiting(1)) as [string];
  await desk.json('approve', sixth, '--yes');
  expect(await newest(sixth)).not.toHaveProperty('expires');
});

it('is a time from now, and a file that does not say one stops an approval', async () => {
  for (const text of ['2099-01-31', '30', '', '0d', 'soon']) {
    expect([text, ...refusal(await desk.run('site', 'expires', text))]).toEqual([
      ...[text, EXIT.usage, 'usage'],
    ]);
  }
  const [node] = (await waiting(1)) as [string];
  const file = join(desk.home, 'defaults.json');
  fs.writeFileSync(file, '{"coatcheck":"defaults/1","expires":"2099-01-31"}');
  expect(refusal(await desk.run('approve', node, '--yes'))).toEqual([EXIT.usage, 'file_malformed']);
  fs.rmSync(file);
  await desk.json('approve', node, '--yes');
});
