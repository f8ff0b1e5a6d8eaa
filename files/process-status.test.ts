import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { statusOf } from './process-status.ts';

describe.runIf(process.platform === 'linux')('what the system tells of a process', () => {
  it('is the same by its number and by itself', () => {
    const status = statusOf('self')!;
    expect(statusOf(process.pid)).toEqual(status);
    expect(status).toMatchObject({
      hasEnded: false,
      start: expect.stringMatching(/^\d+$/) as string,
    });
    expect(status.group).toMatch(/^\d+$/);
    expect(status.foreground).toMatch(/^(-1|\d+)$/);
  });

  it('is right of one whose name looks like the rest, and of one that has ended', async () => {
    // It ends once the shell, which would ask how, has become something that does not.
    const script = 'exec 3<&0; sh -c "read end <&3" & echo $! && exec sleep 600';
    const child = spawn('bash', ['-c', `exec -a ') R 1 1' bash -c '${script}'`]);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const ended = Number(line.toString());
    const name = (): string => readFileSync(`/proc/${child.pid!}/comm`, 'utf8');
    await expect.poll(name).toBe('sleep\n');
    child.stdin.end();
    await expect.poll(() => statusOf(ended)?.hasEnded).toBe(true);
    expect(statusOf(child.pid!)).toMatchObject({ hasEnded: false });
    child.kill('SIGKILL');
  });

  it('is nothing of a number that no process has', () => {
    expect(statusOf(2 ** 22 + 1)).toBeUndefined();
  });
});
