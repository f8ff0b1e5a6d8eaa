import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimFolder } from './claim.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-claim-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('lets one lab run in a folder, says who does, and the next when it has ended', async () => {
  const release = await claimFolder(join(folder, 'lab'));
  await expect(claimFolder(join(folder, 'lab'))).rejects.toMatchObject({
    code: 'in_use',
    message: expect.stringContaining(`process ${process.pid} on `) as string,
  });
  const other = await claimFolder(join(folder, 'other'));
  await other();
  await release();
  await (
    await claimFolder(join(folder, 'lab'))
  )();
  expect(await readdir(join(folder, 'lab'))).toEqual([]);
});

it('counts one that was killed for nothing', async () => {
  const release = await claimFolder(folder);
  const [name] = await readdir(folder);
  await release();
  // Above the largest number that Linux gives to a process.
  await writeFile(join(folder, name!.replace(`.${process.pid}.`, '.4194305.')), '');
  await (
    await claimFolder(folder)
  )();
  expect(await readdir(folder)).toEqual([]);
});
