import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from './lock.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-lock-'));
  path = join(folder, 'memory.json');
});
afterEach(() => rm(folder, { recursive: true }));

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('withLock', () => {
  it('lets one in at a time, and everybody in the end, one that fails too', async () => {
    let inside = 0;
    let done = 0;
    const enter = (i: number) =>
      withLock(path, async () => {
        expect(++inside).toBe(1);
        for (let j = 0; j < 3; j++) await tick();
        inside--;
        done++;
        if (i % 5 === 0) throw new Error('failed inside');
      }).catch((error: unknown) => {
        if (!(error instanceof Error) || error.message !== 'failed inside') throw error;
      });
    await Promise.all(Array.from({ length: 12 }, (_, i) => enter(i)));
    expect(done).toBe(12);
    expect(await readdir(folder)).toEqual([]);
  });

  it('waits for what was left behind no longer than it has to, and clears it up', async () => {
    for (const name of ['000000000000', 'zzzzzzzzzzzz']) {
      await writeFile(`${path}.${name}.lock`, '');
    }
    expect(await withLock(path, () => Promise.resolve('in'), 100)).toBe('in');
    expect(await readdir(folder)).toEqual([]);
  });

  it('is one for each file', async () => {
    const other = withLock(join(folder, 'other.json'), () => withLock(path, tick));
    await withLock(path, tick);
    await other;
  });

  it('names the file where the folder lets nobody write', async () => {
    const nowhere = join(folder, 'gone', 'memory.json');
    await expect(withLock(nowhere, tick)).rejects.toMatchObject({ code: 'file_missing' });
  });
});
