import { describe, expect, it } from 'vitest';
import type { Fetch, FetchAnswer } from '../../protocol/objects.ts';
import { adjustClock, followDates } from './adjust.ts';
import type { SystemClock } from './system-clock.ts';

const BUILT = Date.UTC(2026, 0, 1) / 1000;
const TRUE_TIME = Date.UTC(2026, 10, 24) / 1000;
const YEAR = 366 * 86_400;

/** A clock, and all that was done to it and said. */
function makeClock(start: number, more: Partial<SystemClock> & { refuses?: string } = {}) {
  let time = start;
  const said: string[] = [];
  const set: number[] = [];
  const clock: SystemClock = {
    now: () => time,
    isKept: async () => false,
    async set(to) {
      if (more.refuses !== undefined) return more.refuses;
      set.push(to);
      time = to;
      return undefined;
    },
    ...more,
  };
  return {
    clock,
    set,
    said,
    options: { clock, built: BUILT, console: { note: (line: string) => void said.push(line) } },
  };
}

describe('a clock before the date of the image', () => {
  it('is moved forward to it, and this is said', async () => {
    const { options, set, said } = makeClock(0);
    await adjustClock(options);
    expect(set).toEqual([BUILT]);
    expect(said).toEqual([
      'the clock said 1970-01-01 00:00:00 UTC, before this image was made: set to 2026-01-01 00:00:00 UTC',
    ]);
  });

  it('is left alone where it says as much, or is kept by somebody else', async () => {
    for (const made of [makeClock(BUILT), makeClock(0, { isKept: async () => true })]) {
      await adjustClock(made.options);
      expect([made.set, made.said]).toEqual([[], []]);
    }
  });

  it('stays where it may not be set: what that means is said', async () => {
    const { options, said } = makeClock(0, { refuses: 'Operation not permitted' });
    await adjustClock(options);
    expect(said[0]).toMatch(/cannot be set \(Operation not permitted\): TLS may/);
  });
});

/** A server whose certificate is good for the year around the true time, and what it says that is. */
function serve(
  clock: SystemClock,
  error = 'CERT_NOT_YET_VALID',
): { fetch: Fetch; asked: () => number } {
  let asked = 0;
  const answer: FetchAnswer = {
    ...{ status: 200, ok: true, body: null },
    headers: { get: () => new Date(TRUE_TIME * 1000).toUTCString() },
  };
  return {
    asked: () => asked,
    async fetch() {
      asked++;
      if (Math.abs(clock.now() - TRUE_TIME) < YEAR / 2) return answer;
      throw Object.assign(new Error('certificate is not yet valid'), { code: error });
    },
  };
}
const URL = 'https://cfg.lab.test/x?signature=topsecret';

describe('a clock for which a certificate is not valid', () => {
  it.each([
    [0, 'CERT_NOT_YET_VALID'],
    [Date.UTC(2100, 0, 1) / 1000, 'CERT_HAS_EXPIRED'],
  ])('of %i is set by whom it was asked, once', async (start, error) => {
    const { clock, options, set, said } = makeClock(start);
    const { fetch, asked } = serve(clock, error);
    const follow = followDates(fetch, { ...options, claimed: async () => TRUE_TIME + 7 });
    expect((await follow(URL)).status).toBe(200);
    expect((await follow(URL)).status).toBe(200);
    expect([set, asked()]).toEqual([[TRUE_TIME + 7], 3]);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/set to 2026-11-24 00:00:07 UTC by cfg.lab.test$/);
  });

  it('has in the end the time of the verified answer, not what was claimed before', async () => {
    const { clock, options, set } = makeClock(0);
    const lie = TRUE_TIME + YEAR / 3;
    await followDates(serve(clock).fetch, { ...options, claimed: async () => lie })(URL);
    expect(set).toEqual([lie, TRUE_TIME]);
  });

  it('is put back where no verified answer comes', async () => {
    const { clock, options, set } = makeClock(0);
    const lie = TRUE_TIME + 3 * YEAR;
    const follow = followDates(serve(clock).fetch, { ...options, claimed: async () => lie });
    await expect(follow(URL)).rejects.toThrow('not yet valid');
    expect(set).toEqual([lie, 0]);
  });

  it.each([
    ['nothing', undefined],
    ['a time before the image', BUILT - 1],
    ['no time at all', 1e15],
  ])('is left alone where the server claims %s', async (_, claim) => {
    const { clock, options, set } = makeClock(0);
    const follow = followDates(serve(clock).fetch, { ...options, claimed: async () => claim });
    await expect(follow(URL)).rejects.toThrow('not yet valid');
    expect(set).toEqual([]);
  });

  it('is left alone where something keeps it, or something else is wrong: nobody is asked', async () => {
    const never = { claimed: () => Promise.reject(new Error('asked')) };
    const kept = makeClock(0, { isKept: async () => true });
    const follow = followDates(serve(kept.clock).fetch, { ...kept.options, ...never });
    await expect(follow(URL)).rejects.toThrow('not yet valid');
    const { clock, options } = makeClock(0);
    const { fetch } = serve(clock, 'SELF_SIGNED_CERT_IN_CHAIN');
    await expect(followDates(fetch, { ...options, ...never })(URL)).rejects.toThrow('not yet');
  });

  it('is named with both times where it cannot be set', async () => {
    const { clock, options } = makeClock(0, { refuses: 'Operation not permitted' });
    const follow = followDates(serve(clock).fetch, { ...options, claimed: async () => TRUE_TIME });
    await expect(follow(URL)).rejects.toThrow(
      'certificate is not yet valid: the clock here says 1970-01-01 00:00:00 UTC, the server 2026-11-24 00:00:00 UTC, and it cannot be set (Operation not permitted)',
    );
  });
});
