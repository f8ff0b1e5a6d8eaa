import { describe, expect, it } from 'vitest';
import { collect, pooled } from './pool.ts';

/** Work that ends when it is told to. */
function work() {
  const begun: number[] = [];
  const ends = new Map<number, (failure?: Error) => void>();
  const run = (item: number): Promise<string> =>
    new Promise((resolve, reject) => {
      begun.push(item);
      ends.set(item, (failure) => {
        if (failure) reject(failure);
        else resolve(`result ${item}`);
      });
    });
  /** Ends one, and lets whatever follows from that happen. */
  const end = async (item: number, failure?: Error): Promise<void> => {
    ends.get(item)!(failure);
    await new Promise(setImmediate);
  };
  return { begun, run, end };
}
const items = [0, 1, 2, 3, 4, 5, 6];

describe('pooled', () => {
  it('begins the next when any ends, and keeps the order', async () => {
    const { begun, run, end } = work();
    const results = collect(pooled(items, { atOnce: 3 }, run));
    await new Promise(setImmediate);
    expect(begun).toEqual([0, 1, 2]);
    await end(2);
    expect(begun).toEqual([0, 1, 2, 3]);
    for (const item of [3, 1, 4, 5, 6, 0]) await end(item);
    expect(await results).toEqual(items.map((item) => `result ${item}`));
  });

  it('begins no more than may be ahead of whoever reads', async () => {
    const { begun, run, end } = work();
    const results = pooled(items, { atOnce: 3, ahead: 3 }, run);
    const first = results.next();
    await end(1);
    await end(2);
    expect(begun).toEqual([0, 1, 2]);
    await end(0);
    expect((await first).value).toBe('result 0');
    // It is in use until the next is asked for.
    expect(begun).toEqual([0, 1, 2]);
    expect((await results.next()).value).toBe('result 1');
    expect(begun).toEqual([0, 1, 2, 3]);
    expect((await results.next()).value).toBe('result 2');
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it('throws what one throws in its place, and begins nothing after it', async () => {
    const { begun, run, end } = work();
    const results = collect(pooled(items, { atOnce: 2 }, run));
    const refused = expect(results).rejects.toThrow('broken');
    await end(1, new Error('broken'));
    await end(0);
    await refused;
    expect(begun).toEqual([0, 1]);
  });

  it('begins nothing more for a reader that went away', async () => {
    const { begun, run, end } = work();
    const results = pooled(items, { atOnce: 2, ahead: 2 }, run);
    const first = results.next();
    await end(0);
    await first;
    await results.return(undefined);
    await end(1);
    expect(begun).toEqual([0, 1]);
  });

  it('gives nothing of nothing', async () => {
    expect(await collect(pooled([], { atOnce: 2 }, work().run))).toEqual([]);
  });
});
