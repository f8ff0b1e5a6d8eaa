import { describe, expect, it } from 'vitest';
import { fail } from '../../protocol/errors.ts';
import { askWhileLooking } from './asking.ts';
import { createPatience } from './patience.ts';

/** Sleeps for as long as a turn of the loop takes. */
const sleep = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const patience = createPatience({ sleep });
const never = async (): Promise<boolean> => false;

/** A question that ends as the dialogue does when it is not asked any more. */
const untilAborted = async (signal: AbortSignal): Promise<string> =>
  await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(fail('interrupted', 'not asked any more')));
  });

describe('a question that takes its time', () => {
  it('gives its answer, however often it was looked meanwhile', async () => {
    let looks = 0;
    let answer: (text: string) => void = () => undefined;
    const asked = askWhileLooking(
      async () => await new Promise<string>((resolve) => (answer = resolve)),
      async () => {
        if (++looks === 3) answer('node1');
        return false;
      },
      patience,
    );
    expect(await asked).toBe('node1');
  });

  it('is overtaken by a decision, and told so', async () => {
    let looks = 0;
    const isOvertaken = async (): Promise<boolean> => ++looks === 2;
    expect(await askWhileLooking(untilAborted, isOvertaken, patience)).toBe('overtaken');
  });

  it('ends with the patience', async () => {
    const over = createPatience({ limitSeconds: 0, sleep });
    expect(await askWhileLooking(untilAborted, never, over)).toBe('overtaken');
  });

  it('fails as the question or the look does, and leaves nobody asked', async () => {
    const closed = async (): Promise<never> => {
      throw fail('interrupted', 'the terminal was closed');
    };
    await expect(askWhileLooking(closed, never, patience)).rejects.toMatchObject({
      code: 'interrupted',
    });
    let signal: AbortSignal | undefined;
    const asked = askWhileLooking(
      async (overtaken) => await untilAborted((signal = overtaken)),
      async () => {
        throw fail('not_this_node', 'refused');
      },
      patience,
    );
    await expect(asked).rejects.toMatchObject({ code: 'not_this_node' });
    expect(signal?.aborted).toBe(true);
  });
});
