import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { run, runNow } from './run.ts';

describe.each([
  ['run', run],
  ['runNow', runNow],
])('%s', (_, act) => {
  it('gives what a program said and how it ended', async () => {
    const { status, stdout, stderr } = await act('sh', ['-c', 'cat; echo oh >&2; exit 3'], {
      input: Buffer.from('in'),
    });
    expect([status, stdout.toString(), stderr]).toEqual([3, 'in', 'oh\n']);
  });

  it('passes words as they are, and never to a shell', async () => {
    const words = ['$HOME', '*', '; exit 1', ''];
    const { stdout } = await act('printf', ['%s\n', ...words]);
    expect(stdout.toString()).toBe(`${words.join('\n')}\n`);
  });

  it.each([
    ['no such program', 127, 'coatcheck-no-such-program', [], 60],
    ['a signal', 128 + 9, 'sh', ['-c', 'kill -9 $$'], 60],
    ['too much output', 125, 'sh', ['-c', 'yes | head -c 2000000; exit 0'], 60],
    ['too long a time', 124, 'sleep', ['60'], 1],
  ])('says %s as %i', async (__, status, program, args, timeoutSeconds) => {
    expect(await act(program, args, { timeoutSeconds })).toMatchObject({ status });
  });

  it('says a program that is being written as 127', async () => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'run-'));
    const program = join(folder, 'program');
    fs.copyFileSync('/bin/true', program);
    const writing = fs.openSync(program, 'r+');
    try {
      const { status, stderr } = await act(program, []);
      expect([status, stderr]).toEqual([127, expect.stringContaining('ETXTBSY')]);
    } finally {
      fs.closeSync(writing);
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('does not mind a program that does not read its input', async () => {
    const input = Buffer.alloc(1_000_000);
    expect(await act('true', [], { input })).toMatchObject({ status: 0 });
  });
});

describe('what a program leaves behind in a session of its own', () => {
  const leave = "setsid sh -c 'echo $$; exec sleep 600' &";
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  it.each([
    ['that ended', 'sleep 0.2; exit 0', 0, 60],
    ['that was killed', 'sleep 600', 124, 5],
  ])('holds up nobody who runs one %s, and runs on', async (_, after, status, timeoutSeconds) => {
    const ran = await run('sh', ['-c', `${leave} ${after}`], { timeoutSeconds });
    const pid = Number(ran.stdout.toString());
    await pause(300);
    const alive = isAlive(pid);
    if (alive) process.kill(pid, 'SIGKILL');
    expect([ran.status, alive]).toEqual([status, true]);
  });
});
