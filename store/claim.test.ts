import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ownName } from '../files/own-name.ts';
import { claim, claimedElsewhere } from './claim.ts';

let locks: string;
beforeEach(async () => {
  locks = await mkdtemp(join(tmpdir(), 'coatcheck-claim-'));
});
afterEach(() => rm(locks, { recursive: true, force: true }));

const TOKEN = '0123456789abcdef';
const OTHER_BOOT = '00000000-0000-4000-8000-000000000000';
const claims = async (): Promise<string[]> =>
  (await readdir(locks)).filter((name) => name.startsWith('machine.'));

it('takes a folder, once for a process', async () => {
  expect(await claim(locks)).toBeUndefined();
  const own = await claims();
  expect(own).toHaveLength(1);
  expect(await claim(locks)).toBeUndefined();
  expect(await claims()).toEqual(own);
});

it("leaves another machine's claim where it is, and names it", async () => {
  const name = `machine.${TOKEN}.12.3456.4026531836.${OTHER_BOOT}.their-host`;
  await writeFile(join(locks, name), '');
  expect(await claim(locks)).toBe(join(locks, name));
  expect(await claims()).toEqual([name]);
  const error = claimedElsewhere(join(locks, name), '/srv/store');
  expect(error).toMatchObject({ code: 'in_use' });
  expect(error.message).toMatch(
    /^process 12 on their-host uses \/srv\/store.*remove \S+their-host$/,
  );
});

it.skipIf(process.platform !== 'linux')(
  'shares it with the processes of this machine, in whatever container',
  async () => {
    const [label, token, pid, start, , boot] = ownName('machine').split('.');
    const name = [label, token, pid, start, '1', boot, 'container'].join('.');
    await writeFile(join(locks, name), '');
    expect(await claim(locks)).toBeUndefined();
    expect(await claims()).toHaveLength(2);
  },
);

it.skipIf(process.platform !== 'linux')(
  'removes the claim of this machine before it was started again',
  async () => {
    const name = `machine.${TOKEN}.12.3456.4026531836.${OTHER_BOOT}.${encodeURIComponent(hostname())}`;
    await writeFile(join(locks, name), '');
    expect(await claim(locks)).toBeUndefined();
    expect(await claims()).not.toContain(name);
  },
);
