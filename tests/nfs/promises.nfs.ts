import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { openLab } from './lab.ts';
import type { Client, Lab } from './lab.ts';

/** As a machine mounts it that is told nothing, and with less and less of a cache. */
const CACHED = ['vers=4.2', 'vers=4.1'];
const UNCACHED = ['vers=4.2,lookupcache=none', 'vers=4.2,actimeo=0', 'vers=4.2,noac'];

let lab: Lab;
let one: Client;
let other: Client;
const measured: string[] = [];
beforeAll(async () => {
  lab = await openLab('promises');
  [one, other] = await Promise.all([lab.boot(11), lab.boot(12)]);
});
afterAll(async () => {
  await lab.close();
  const table = [
    '| two machines, mounted with | 24 creates of a key | counted up to 40 | a lock held by both | after a write, read from the other |',
    '| --- | --- | --- | --- | --- |',
    ...measured,
  ].join('\n');
  fs.writeFileSync(join('test-results', 'nfs', 'promises.md'), `${table}\n`);
  console.log(table);
});

/** A new store, made by this machine, which claims nothing. @returns where the two have it */
async function freshStore(): Promise<string> {
  const name = fs.mkdtempSync(join(lab.exported, 'store-'));
  await openFilesystemStore(name, { create: true });
  return name.replace(lab.exported, '/mnt');
}

const both = <T>(act: (client: Client) => Promise<T>): Promise<T[]> =>
  Promise.all([one, other].map(act));

/** How many keys were won by another number than one, of twelve creates of each machine. */
async function raceCreates(folder: string): Promise<string> {
  const names = Array.from({ length: 8 }, (_, n) => `history/${n}`);
  const won = await both((client) => client.call('createAtOnce', { folder, names, times: 12 }));
  const [mine, theirs] = won.map((list) => list.length);
  for (const name of names) {
    expect(won.flat().filter((winner) => winner === name)).toHaveLength(1);
  }
  return `one wins (${mine} and ${theirs} of ${names.length} keys)`;
}

async function countTogether(folder: string): Promise<string> {
  const name = 'approved/count';
  await one.call('create', { folder, name, body: '0' });
  const tries = await both((client) => client.call('countUp', { folder, name, times: 20 }));
  const counted = await one.call('get', { folder, name });
  return `${counted} (${tries[0]! + tries[1]! - 40} refused)`;
}

async function lockTogether(folder: string): Promise<string> {
  const results = await both((client) => client.call('lockAtOnce', { folder, times: 20 }));
  const sum = (of: 'both' | 'refused'): number => results[0]![of] + results[1]![of];
  return `${sum('both')} of 40 times, ${sum('refused')} not given`;
}

/** What one machine is shown right after the other was told that something is done: each where it has looked before. */
async function seeOther(folder: string): Promise<string> {
  const [kept, name] = ['rejected/n/0', 'rejected/n/1'];
  const get = (): Promise<string | null> => other.call('get', { folder, name });
  const list = (): Promise<string[]> => other.call('list', { folder, prefix: 'rejected/n/' });
  await one.call('create', { folder, name: kept, body: 'zero' });
  await get();
  await list();
  const late: string[] = [];
  await one.call('create', { folder, name, body: 'one' });
  if ((await get()) !== 'one') late.push('a new object');
  if ((await list()).length !== 2) late.push('a listing');
  await one.call('replace', { folder, name, body: 'two' });
  if ((await get()) !== 'two') late.push('what was replaced');
  await one.call('delete', { folder, name });
  if ((await get()) !== null) late.push('what was deleted');
  if ((await list()).length !== 1) late.push('a listing without it');
  return late.length === 0 ? 'all of it' : `**not**: ${late.join(', ')}`;
}

it.each([...CACHED, ...UNCACHED])('what holds between two machines with %s', async (options) => {
  await both((client) => client.call('mount', { options }));
  const folder = await freshStore();
  const row = [
    await raceCreates(folder),
    await countTogether(folder),
    await lockTogether(folder),
    await seeOther(folder),
  ];
  measured.push(`| \`${options}\` | ${row.join(' | ')} |`);
  if (CACHED.includes(options)) return;
  expect(row.slice(1)).toEqual([
    expect.stringMatching(/^40 /),
    expect.stringMatching(/^0 of 40/),
    'all of it',
  ]);
});

it('shows one machine each object whole, while it replaces what it reads', async () => {
  await one.call('mount', { options: 'vers=4.2' });
  const folder = await freshStore();
  const name = 'approved/n';
  await one.call('create', { folder, name, body: '0' });
  const { missing } = await one.call('readWhileReplaced', { folder, name, times: 20 });
  expect(missing).toBe(0);
});
