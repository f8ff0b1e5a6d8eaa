import { describe, expect, it } from 'vitest';
import { fail } from '../../../protocol/errors.ts';
import type { Fetch, FetchAnswer } from '../../../protocol/objects.ts';
import { adjustClock, followDates } from './adjust.ts';
import type { Before } from './before.ts';
import type { SystemClock } from './system-clock.ts';

const BUILT = Date.UTC(2026, 0, 1) / 1000;
const TRUE_TIME = Date.UTC(2026, 10, 24) / 1000;
const YEAR = 366 * 86_400;

/** A clock, and all that was done to it and said. */
function makeClock(
  start: number,
  more: Partial<SystemClock> & { refuses?: string; keeps?: boolean } = {},
) {
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
  let before: number | undefined;
  const kept: Before = {
    keep(said) {
      if (more.keeps === false) throw new Error('/run is read-only');
      before = said;
    },
    now: () => before,
    forget: () => void (before = undefined),
  };
  const console = { note: (line: string) => void said.push(line) };
  return { clock, set, said, kept, options: { clock, kept, built: BUILT, console } };
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

  it('is left alone where the image does not say when it was made', async () => {
    const { options, set, said } = makeClock(0);
    await adjustClock({ ...options, built: undefined });
    expect([set, said]).toEqual([[], []]);
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

describe('a clock on which an earlier process tried a time, and was killed over it', () => {
  it('gets back what it would say by now, and this is said', async () => {
    const { options, kept, set, said } = makeClock(TRUE_TIME + YEAR);
    kept.keep(TRUE_TIME);
    await adjustClock(options);
    expect([set, kept.now()]).toEqual([[TRUE_TIME], undefined]);
    expect(said).toEqual([
      'the clock said 2027-11-25 00:00:00 UTC, for which nobody vouched: set back to 2026-11-24 00:00:00 UTC',
    ]);
  });

  it('is still to be put back where that cannot be done now', async () => {
    const { options, kept, said } = makeClock(TRUE_TIME, { refuses: 'not permitted' });
    kept.keep(BUILT);
    await adjustClock(options);
    expect([kept.now(), said]).toEqual([BUILT, []]);
  });

  it('stays as it is where that cannot be read, and the boot goes on', async () => {
    const { options, kept, set, said } = makeClock(TRUE_TIME + YEAR);
    const damaged: Before = {
      ...kept,
      now() {
        throw fail('file_malformed', 'clock.json is damaged');
      },
    };
    await adjustClock({ ...options, kept: damaged });
    expect([set, said]).toEqual([[], [expect.stringContaining('clock.json is damaged')]]);
  });

  it('is left alone where something keeps it meanwhile', async () => {
    const { options, kept, set } = makeClock(TRUE_TIME, { isKept: async () => true });
    kept.keep(0);
    await adjustClock(options);
    expect([set, kept.now()]).toEqual([[], undefined]);
  });
});

/** A server whose certificate is good for the year around the true time, and what it says that is. */
function serve(
  clock: SystemClock,
  error = 'CERT_NOT_YET_VALID',
  date: string | null = new Date(TRUE_TIME * 1000).toUTCString(),
): { fetch: Fetch; asked: () => number } {
  let asked = 0;
  const answer: FetchAnswer = {
    ...{ status: 200, ok: true, body: null },
    headers: { get: () => date },
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
    const { clock, options, set, kept } = makeClock(0);
    const lie = TRUE_TIME + 3 * YEAR;
    const follow = followDates(serve(clock).fetch, { ...options, claimed: async () => lie });
    await expect(follow(URL)).rejects.toThrow('not yet valid');
    expect([set, kept.now()]).toEqual([[lie, 0], undefined]);
  });

  it.each([null, 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT'])(
    'is put back where the verified answer is dated %s: the claim stays nobody’s',
    async (date) => {
      const { clock, options, set, kept, said } = makeClock(0);
      const { fetch } = serve(clock, undefined, date);
      const follow = followDates(fetch, { ...options, claimed: async () => TRUE_TIME });
      expect((await follow(URL)).status).toBe(200);
      expect([set, kept.now(), said]).toEqual([[TRUE_TIME, 0], undefined, []]);
    },
  );

  it('has what it said before kept, while a claim is tried', async () => {
    const { clock, options, kept } = makeClock(0);
    const seen: unknown[] = [];
    const { fetch } = serve(clock);
    const looking: Fetch = (url) => {
      seen.push(kept.now());
      return fetch(url);
    };
    await followDates(looking, { ...options, claimed: async () => TRUE_TIME })(URL);
    expect([seen, kept.now()]).toEqual([[undefined, 0], undefined]);
  });

  it('is not touched where that cannot be kept', async () => {
    const { clock, options, set } = makeClock(0, { keeps: false });
    const follow = followDates(serve(clock).fetch, { ...options, claimed: async () => TRUE_TIME });
    await expect(follow(URL)).rejects.toThrow('cannot be set (/run is read-only)');
    expect(set).toEqual([]);
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

  it('is set by nobody where the image does not say when it was made', async () => {
    const { clock, options, set } = makeClock(0);
    const { fetch } = serve(clock);
    let claims = 0;
    const claimed = async () => (claims++, TRUE_TIME);
    const follow = followDates(fetch, { ...options, built: undefined, claimed });
    await expect(follow(URL)).rejects.toThrow(
      'certificate is not yet valid: the clock here says 1970-01-01 00:00:00 UTC, and is set by no server, since this image does not say when it was made',
    );
    expect([set, claims]).toEqual([[], 0]);
  });

  it.each(['Tue, 24 Nov 2026 00:00:00 +0900', 'Tue, 24 Nov 2026 00:00:00', '2026-11-24T00:00:00Z'])(
    'is not set by a date that is none of HTTP: %s',
    async (date) => {
      const { clock, options, set, said } = makeClock(0);
      const { fetch } = serve(clock, undefined, date);
      const follow = followDates(fetch, { ...options, claimed: async () => TRUE_TIME });
      await follow(URL);
      expect([set, said]).toEqual([[TRUE_TIME, 0], []]);
    },
  );
});

describe('an image that is from the future', () => {
  it('is said to be, once, by the time of whoever answers', async () => {
    const { clock, options, said } = makeClock(TRUE_TIME);
    const { fetch } = serve(clock);
    const follow = followDates(fetch, { ...options, built: TRUE_TIME + 9 * 3600 });
    await follow(URL);
    await follow(URL);
    expect(said).toEqual([
      "this image says that it was made 2026-11-24 09:00:00 UTC, which is in the future: cfg.lab.test says that it is 2026-11-24 00:00:00 UTC. By the image's date an approval may be over early",
    ]);
  });
});
