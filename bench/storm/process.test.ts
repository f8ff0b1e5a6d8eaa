import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { pssOf, ticksOf, usageOf } from './process.ts';

describe('ticksOf', () => {
  it('adds own and ended children, whatever the name holds', () => {
    const stat = '12 (a) 1 2 (b)) S 1 1 1 0 -1 4 10 20 30 40 500 60 7 8 20 0 1 0 99 1000 25';
    expect(ticksOf(stat)).toBe(500 + 60 + 7 + 8);
  });
  it('is 0 for a process that has ended', () => {
    expect(ticksOf('')).toBe(0);
  });
});

describe('pssOf', () => {
  it('reads the line of that name', () => {
    expect(pssOf('Rss:     9000 kB\nPss:        1234 kB\nPss_Anon:    5 kB\n')).toBe(1234);
  });
});

describe.runIf(process.platform === 'linux')('usageOf', () => {
  it('counts what a process started', async () => {
    // The shell has used next to nothing itself; it stays, because a command follows.
    const burn = 'while (process.cpuUsage().user < 200_000); console.log("burnt")';
    const node = `'${process.execPath}' -e '${burn}; setInterval(() => {}, 1000)'`;
    const shell = spawn('/bin/sh', ['-c', `${node}; true`], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    await once(shell.stdout, 'data');
    const { cpuMilliseconds, memoryMiB } = usageOf([shell.pid!]);
    process.kill(-shell.pid!, 'SIGKILL');
    expect(cpuMilliseconds).toBeGreaterThanOrEqual(190);
    expect(memoryMiB).toBeGreaterThan(5);
  });
});
