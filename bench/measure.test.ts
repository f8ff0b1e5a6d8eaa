import { describe, expect, it } from 'vitest';
import { interleave, median, quantile } from './measure.ts';

describe('median', () => {
  it('is the middle value, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
  });
  it('is the mean of the middle two for an even count', () => {
    expect(median([10, 1, 2, 4])).toBe(3);
  });
  it('leaves its input as it was', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
  it('refuses no values', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('quantile', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  it('is the smallest value that so many do not exceed', () => {
    expect(quantile(hundred, 0.99)).toBe(99);
    expect(quantile(hundred, 0.5)).toBe(50);
    expect(quantile([7], 0.01)).toBe(7);
    expect(quantile([1, 2], 1)).toBe(2);
  });
  it('refuses no values', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });
});

describe('interleave', () => {
  it('lets the tasks take turns, one round more than is counted', async () => {
    const order: string[] = [];
    await interleave(
      { a: () => order.push('a'), b: async () => order.push('b') },
      { rounds: 2, millisecondsPerTurn: 0 },
    );
    expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
  });
  it('numbers the turns of each task from 0', async () => {
    const turns: number[] = [];
    await interleave({ a: (turn) => turns.push(turn) }, { rounds: 1, millisecondsPerTurn: 1 });
    expect(turns.slice(0, 2)).toEqual([0, 1]);
  });
  it('passes on the failure of a task', async () => {
    const broken = async () => {
      throw new Error('broken');
    };
    await expect(interleave({ broken }, { rounds: 1, millisecondsPerTurn: 0 })).rejects.toThrow(
      'broken',
    );
  });
});
