import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { withTemporaryFolder } from '../tests/support/temporary-folder.ts';
import { now } from './calls.ts';
import { acquiring, ANCHOR, withLock, withLockBeside } from './lock.ts';
import type { LockPlace } from './lock.ts';

let folder: string;
let path: string;
withTemporaryFolder('lock', (made) => ([folder, path] = [made, join(made, 'memory.json')]));

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** Another process takes the lock. */
function otherProcess(place: LockPlace): ChildProcess {
  const script = join(import.meta.dirname, '../tests/support/lock-process.ts');
  return spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(place)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

const firstLine = (child: ChildProcess): Promise<unknown> =>
  once(createInterface(child.stdout!), 'line');

async function killed(holder: ChildProcess): Promise<void> {
  await firstLine(holder);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
}

/** When another process took a lock and when it left it, once it has ended. */
async function timesOf(holder: ChildProcess): Promise<[from: number, to: number]> {
  const times: number[] = [];
  createInterface(holder.stdout!).on('line', (line) => times.push(Number(line)));
  await once(holder, 'close');
  expect(times).toHaveLength(2);
  return times as [number, number];
}

/** A lock of a process on another machine, which nobody here can know. */
const STRANGER = `${'0'.repeat(16)}.1.1.1.b007.elsewhere`;

describe.each([
  ['is one more name of an empty file', true, [ANCHOR]],
  ['is an empty file', false, []],
])('a lock that %s', (_, anchored, kept) => {
  const place = (label = 'some'): LockPlace => ({ folder, label, anchored });

  it('lets one in at a time, and everybody in the end, one that fails too', async () => {
    let inside = 0;
    let done = 0;
    const enter = (i: number) =>
      withLock(place(), async () => {
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
    expect(await readdir(folder)).toEqual(kept);
  });

  it('is one for each label', async () => {
    const other = withLock(place('other'), () => withLock(place(), tick));
    await withLock(place(), tick);
    await other;
  });

  it('is broken where its process was killed', async () => {
    await killed(otherProcess(place()));
    expect(await readdir(folder)).toHaveLength(1 + kept.length);
    expect(await withLock(place(), () => Promise.resolve('mine'))).toBe('mine');
    expect(await readdir(folder)).toEqual(kept);
  });

  it('is waited for where its process lives', async () => {
    const holder = otherProcess(place());
    const times = timesOf(holder);
    await once(holder.stdout!, 'data');
    const mine = await withLock(place(), () => Promise.resolve(Date.now()));
    const [, left] = await times;
    expect(mine).toBeGreaterThanOrEqual(left);
  });

  it('is broken where it is of an earlier boot, or its number is another process by now', async () => {
    const name = await withLock(place(), async () => {
      const names = await readdir(folder);
      return names.find((name) => name.startsWith('some.'))!;
    });
    const [label, token, pid, start, namespace, boot, ...host] = name.split('.');
    const before = [label, token, pid, start, namespace, 'b007', ...host].join('.');
    const reused = [label, token, String(process.ppid), '1', namespace, boot, ...host].join('.');
    for (const left of [before, reused]) await writeFile(join(folder, left), '');
    expect(await withLock(place(), () => Promise.resolve('mine'))).toBe('mine');
    expect(await readdir(folder)).toEqual(kept);
  });

  it('is not broken where its process is in a sandbox that does not tell it the boot', async () => {
    const name = await withLock(place(), async () => {
      const names = await readdir(folder);
      return names.find((name) => name.startsWith('some.'))!;
    });
    const [label, token, pid, start, namespace, , ...host] = name.split('.');
    const untold = [label, token, pid, start, namespace, '', ...host].join('.');
    await writeFile(join(folder, untold), '');
    const locked = withLock({ ...place(), waitMilliseconds: 100 }, () => Promise.resolve());
    await expect(locked).rejects.toMatchObject({ code: 'in_use' });
    expect(await readdir(folder)).toContain(untold);
  });

  it('lets one of many breakers of a dead one in at a time', { tags: 'long' }, async () => {
    await killed(otherProcess(place()));
    const breakers = [1, 2, 3].map(() => otherProcess(place()));
    const times = await Promise.all(breakers.map(timesOf));
    const [first, second, third] = times.sort(([a], [b]) => a - b);
    expect(second![0]).toBeGreaterThanOrEqual(first![1]);
    expect(third![0]).toBeGreaterThanOrEqual(second![1]);
  });

  it('is never broken where it is of another machine, and the error names it', async () => {
    const name = `some.${STRANGER}`;
    await writeFile(join(folder, name), '');
    const locked = withLock({ ...place(), waitMilliseconds: 100 }, () => Promise.resolve());
    await expect(locked).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringMatching(`process 1 on elsewhere .*${name}`) as string,
    });
    expect((await readdir(folder)).sort()).toEqual([...kept, name].sort());
    const shared = { ...place(), strangersMilliseconds: 0 };
    expect(await withLock(shared, () => Promise.resolve('mine'))).toBe('mine');
    expect(await readdir(folder)).toEqual(kept);
  });

  it('is the same one for who cannot wait for a promise', async () => {
    const release = now(acquiring(place()));
    const other = { ...place(), waitMilliseconds: 0 };
    expect(() => now(acquiring(other))).toThrow(`process ${process.pid} on `);
    expect(() => now(acquiring(other))).toThrow(`is at work in ${folder}`);
    now(release());
    now(now(acquiring(other))());
    expect(await readdir(folder)).toEqual(kept);
  });
});

describe('a lock beside a file', () => {
  it('waits for what was left behind no longer than it has to, and clears it up', async () => {
    for (const token of ['0', 'f']) {
      await writeFile(`${path}.lock.${STRANGER.replaceAll('0', token)}`, '');
    }
    await writeFile(`${path}.lock.of-somebody`, '');
    expect(await withLockBeside(path, () => Promise.resolve('in'), 100)).toBe('in');
    expect(await readdir(folder)).toEqual([]);
  });

  it('is one for each file', async () => {
    const other = withLockBeside(join(folder, 'other.json'), () => withLockBeside(path, tick));
    await withLockBeside(path, tick);
    await other;
  });

  it('names the file where the folder lets nobody write', async () => {
    const nowhere = join(folder, 'gone', 'memory.json');
    await expect(withLockBeside(nowhere, tick)).rejects.toMatchObject({ code: 'file_missing' });
  });
});
