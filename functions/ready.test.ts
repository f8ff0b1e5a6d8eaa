import { describe, expect, it } from 'vitest';
import { codeOf, fail } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { createReadiness, READY_SECONDS } from './ready.ts';

function watch(patienceSeconds?: number): {
  ask: () => Promise<string>;
  wait: (seconds: number) => void;
  asked: number[];
  answers: (Promise<Uint8Array | undefined> | ErrorCode)[];
} {
  let now = 0;
  const asked: number[] = [];
  const answers: (Promise<Uint8Array | undefined> | ErrorCode)[] = [];
  const read = (version: number): Promise<Uint8Array | undefined> => {
    asked.push(version);
    const answer = answers.shift();
    return typeof answer === 'string'
      ? Promise.reject(fail(answer, 'why'))
      : (answer ?? Promise.resolve(undefined));
  };
  const demand = createReadiness({ read }, 7, {
    now: () => now,
    ...(patienceSeconds === undefined ? {} : { patienceSeconds }),
  });
  const ask = (): Promise<string> => demand().then(() => 'ready', codeOf);
  return { ask, wait: (seconds) => (now += seconds * 1000), asked, answers };
}

describe('whether a store answers', () => {
  it('is asked once for all who ask within five seconds, by one read', async () => {
    const { ask, wait, asked } = watch();
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['ready', 'ready', 'ready']);
    wait(READY_SECONDS - 0.001);
    expect(await ask()).toBe('ready');
    expect(asked).toEqual([7]);
    wait(0.001);
    expect(await ask()).toBe('ready');
    expect(asked).toEqual([7, 7]);
  });

  it('is a refusal that is kept as long, and no longer', async () => {
    const { ask, wait, asked, answers } = watch();
    answers.push('store_denied');
    expect(await Promise.all([ask(), ask()])).toEqual(['store_denied', 'store_denied']);
    expect(await ask()).toBe('store_denied');
    expect(asked).toHaveLength(1);
    wait(READY_SECONDS);
    expect(await ask()).toBe('ready');
  });

  it('is an answer also where what is there is too large to be a keyset', async () => {
    const { ask, answers } = watch();
    answers.push('too_large');
    expect(await ask()).toBe('ready');
  });

  it('is a no where the store says nothing for too long, however late it answers', async () => {
    const { ask, wait, answers } = watch(0.001);
    let late: (error: Error) => void = () => undefined;
    answers.push(new Promise((_, reject) => (late = reject)));
    expect(await ask()).toBe('store_unavailable');
    late(new Error('late'));
    wait(READY_SECONDS);
    expect(await ask()).toBe('ready');
  });
});
