import { describe, expect, it } from 'vitest';
import { backoffSeconds, createPatience } from './patience.ts';

describe('the pause between two tries', () => {
  it('doubles up to a minute, of which it takes a random part', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 2000].map((n) => backoffSeconds(n, 1))).toEqual([
      2, 4, 8, 16, 32, 60, 60, 60,
    ]);
    expect(backoffSeconds(5, 0.25)).toBe(15);
    expect(backoffSeconds(5, 0)).toBe(0);
  });

  it('ends with the time that may be waited', async () => {
    let clock = 0;
    const slept: number[] = [];
    const patience = createPatience({
      limitSeconds: 9,
      elapsed: () => clock,
      random: () => 1,
      sleep: async (milliseconds) => {
        slept.push(milliseconds);
        clock += milliseconds;
      },
    });
    while (!patience.isOver()) await patience.pause();
    expect(slept).toEqual([2000, 4000, 3000]);
  });

  it('grows from the beginning again where something has changed', async () => {
    const slept: number[] = [];
    const sleep = async (milliseconds: number): Promise<void> => void slept.push(milliseconds);
    const patience = createPatience({ random: () => 1, sleep });
    for (let i = 0; i < 3; i++) await patience.pause();
    patience.restart();
    await patience.pause();
    expect(slept).toEqual([2000, 4000, 8000, 2000]);
  });

  it('ends at once where somebody wakes it, and not where nobody can', async () => {
    const signals: AbortSignal[] = [];
    const patience = createPatience({ random: () => 1, sleep: () => new Promise(() => undefined) });
    const wake = async (over: AbortSignal): Promise<boolean> => {
      signals.push(over);
      return true;
    };
    expect(await patience.pause(wake)).toBe(true);
    expect(signals[0]!.aborted).toBe(true);
    let slept: () => void = () => undefined;
    const other = createPatience({ sleep: () => new Promise((resolve) => (slept = resolve)) });
    const paused = other.pause(async () => false);
    const early = await Promise.race([
      paused,
      new Promise((resolve) => setImmediate(resolve, 'asleep')),
    ]);
    expect(early).toBe('asleep');
    slept();
    expect(await paused).toBe(false);
  });

  it('is not waited for at all with a limit of zero, and never ends without one', () => {
    expect(createPatience({ limitSeconds: 0 }).isOver()).toBe(true);
    expect(createPatience({ elapsed: () => 1e15 }).isOver()).toBe(false);
  });
});
