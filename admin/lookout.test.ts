import { describe, expect, it } from 'vitest';
import { fail } from '../protocol/errors.ts';
import { createLookout, EVERY_SECONDS, POLL_SECONDS } from './lookout.ts';

type Moment = { cursor: string; again: number } | 'unreachable';

/** A server that answers these one after another, at once, and a clock that only sleeping moves. */
function server(...moments: Moment[]) {
  let time = 0;
  const asked: (string | undefined)[] = [];
  const slept: number[] = [];
  const sleep = (seconds: number): Promise<void> => {
    slept.push(seconds);
    time += seconds;
    return Promise.resolve();
  };
  const events = ({ after }: { after?: string | undefined } = {}) => {
    asked.push(after);
    const moment = moments.length > 1 ? moments.shift()! : moments[0]!;
    return moment === 'unreachable'
      ? Promise.reject(fail('server_unreachable', 'down'))
      : Promise.resolve({ ...moment, waiting: 0 });
  };
  const passed = async (act: Promise<void>): Promise<number> => {
    const before = time;
    await act;
    return time - before;
  };
  return { lookout: createLookout({ events }, sleep, () => time), asked, slept, passed };
}

describe('a lookout', () => {
  it('asks by the cursor that it was told, and ends as soon as there is another', async () => {
    const [a, b] = ['a', 'b'].map((cursor) => ({ cursor, again: 0 })) as [Moment, Moment];
    const { lookout, asked, passed } = server(a, b, a);
    expect(await passed(lookout.wait())).toBe(0);
    // Not faster than once a second: what a server says may change all the time.
    expect(await passed(lookout.wait())).toBe(1);
    expect(asked).toEqual([undefined, 'a']);
  });

  it('ends from time to time where nothing waits anew', async () => {
    const { lookout, asked, passed } = server({ cursor: 'a', again: 0 });
    await lookout.wait();
    expect(await passed(lookout.wait())).toBe(EVERY_SECONDS);
    expect(asked.length).toBeLessThanOrEqual(2 + EVERY_SECONDS);
  });

  it('asks a server that holds no question as often as it says', async () => {
    const polled = { cursor: 'a', again: 5 };
    const { lookout, slept, passed } = server(polled, polled, polled, { cursor: 'b', again: 0 });
    await lookout.wait();
    expect(await passed(lookout.wait())).toBe(10);
    expect(slept).toEqual([5, 5]);
    // Longer than all of it is not waited, whatever it says.
    const slow = server({ cursor: 'a', again: 1e9 });
    await slow.lookout.wait();
    expect(await slow.passed(slow.lookout.wait())).toBe(EVERY_SECONDS);
  });

  it('lets look as before where a server knows no events or does not answer', async () => {
    const { lookout, passed } = server('unreachable', 'unreachable', { cursor: 'a', again: 0 });
    expect(await passed(lookout.wait())).toBe(0);
    expect(await passed(lookout.wait())).toBe(POLL_SECONDS);
    expect(await passed(lookout.wait())).toBe(1);
  });

  it('ends at a signal, also one of before', async () => {
    const stop = new AbortController();
    const events = (_: unknown, signal?: AbortSignal) =>
      new Promise<never>((_resolve, reject) => {
        const end = (): void => reject(fail('server_unreachable', 'ended'));
        if (signal?.aborted === true) end();
        else signal!.addEventListener('abort', end);
      });
    const lookout = createLookout({ events });
    const waits = lookout.wait(stop.signal);
    stop.abort();
    await waits;
    await lookout.wait(stop.signal);
  });
});
