// @module-tag long
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, refusal } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeMachine } from '../support/machine.ts';
import { makeNode } from '../support/site.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

const keysOf = async (node: string): Promise<string[]> => {
  const found: string[] = [];
  for (const prefix of ['pending', 'history', 'rejected', 'reports', 'approved']) {
    const { objects } = await desk.store.list(`${prefix}/`, { limit: 1000 });
    found.push(...objects.map(({ key }) => key).filter((key) => key.includes(node)));
  }
  return found;
};
const bytesOf = async (node: string): Promise<number> => {
  let sum = 0;
  for (const prefix of ['history', 'approved']) {
    const { objects } = await desk.store.list(`${prefix}/${node}`, { limit: 1000 });
    sum += objects.reduce((all, { size }) => all + size, 0);
  }
  return sum;
};

it('takes away all that a machine left, once it is revoked, and the record says so', async () => {
  const machine = makeMachine({ ...desk.site, servers: [desk.url] });
  const { id } = machine.identity;
  machine.write('etc/hostname', 'old\n');
  machine.write('etc/motd', 'x'.repeat(100));
  await machine.run('propose');
  expect((await desk.run('approve', id, '--yes')).code).toBe(0);
  expect((await machine.run('boot')).code).toBe(0);
  machine.write('etc/motd', 'y');
  await machine.run('propose');
  const early = await desk.run('forget', id, '--yes');
  expect([early.code, early.stdout]).toEqual([
    EXIT.failed,
    expect.stringContaining('only a revoked node is forgotten, and its newest decision is approve'),
  ]);
  expect((await desk.run('revoke', id, '--reason', 'scrapped', '--yes')).code).toBe(0);
  const before = await bytesOf(id);
  const unasked = await desk.run('forget', id);
  expect([unasked.code, unasked.stdout]).toEqual([EXIT.usage, expect.stringContaining('scrapped')]);
  expect(await bytesOf(id)).toBe(before);

  const { forgotten } = await desk.json<{ forgotten: { slots: number[]; removed: string[] }[] }>(
    ...['forget', id, '--yes'],
  );
  expect(forgotten).toMatchObject([{ node: id, slots: [1] }]);
  expect(await keysOf(id)).toEqual([
    `history/${id}/0000000001`,
    `history/${id}/0000000002`,
    `approved/${id}`,
  ]);
  expect(await bytesOf(id)).toBeLessThan(before);
  const { stdout } = await desk.run('history', id);
  expect(stdout).toMatch(/1 +1 +approve .*\(contents forgotten\)/);
  expect((await desk.run('doctor')).stdout).toContain('1 node, 1 of them forgotten');
  expect((await desk.run('repair', id)).code).toBe(0);
  expect(refusal(await desk.run('rollback', id, '1', '--yes'))).toEqual([
    EXIT.notFound,
    'not_found',
  ]);
  const again = await desk.run('forget', id, '--yes');
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('0 configurations')]);
  machine.remove();
});

it('forgets several by their number only, and leaves out what is not revoked', async () => {
  const nodes = ['a', 'b', 'c'].map((name) => makeNode(`forget ${name}`));
  const ids = nodes.map(({ id }) => id);
  for (const node of nodes) await desk.propose(node, {});
  await desk.run('approve', ...ids, '--yes');
  const two = ids.slice(0, 2);
  await desk.run('revoke', ...two, '--reason', 'gone', '--yes', '--expect', '2');
  const uncounted = await desk.run('forget', ...two, '--yes');
  expect([uncounted.code, uncounted.stderr]).toEqual([2, expect.stringContaining('--expect 2')]);
  expect((await desk.run('forget', ...ids, '--yes', '--expect', '3')).code).toBe(EXIT.usage);
  const done = await desk.run('forget', ...ids, '--yes', '--expect', '2');
  expect(done.code).toBe(EXIT.failed);
  expect(done.stdout.match(/^forgotten /gm)).toHaveLength(2);
  expect(done.stdout).toContain('1 node left out:');
});
