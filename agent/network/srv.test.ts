import type { SrvRecord } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { inOrder, MAX_RECORDS } from './srv.ts';

const record = (name: string, priority: number, weight: number, port = 8420): SrvRecord => ({
  ...{ name, priority, weight, port },
});
const names = (records: readonly SrvRecord[], random: () => number = () => 0): string[] =>
  inOrder(records, random).order.map(({ name }) => name);

/** Every draw in turn. */
const drawing =
  (...draws: number[]) =>
  () =>
    draws.shift()!;

describe('the order of SRV records (RFC 2782)', () => {
  it('is that of their priorities, the lowest first, whatever their weights', () => {
    const records = [record('c', 30, 100), record('a', 0, 0), record('b', 20, 65_535)];
    for (const random of [() => 0, () => 0.999]) {
      expect(names(records, random)).toEqual(['a', 'b', 'c']);
    }
  });

  it('is drawn among equals: the first whose running sum reaches the draw', () => {
    const records = [record('a', 0, 1), record('b', 0, 2), record('c', 0, 1)];
    // Draws of 0 to 4 of the five that a sum of 4 has; then of 0 to the sum of what is left.
    expect(names(records, drawing(0.1, 0, 0))).toEqual(['a', 'b', 'c']);
    expect(names(records, drawing(0.3, 0, 0))).toEqual(['a', 'b', 'c']);
    expect(names(records, drawing(0.5, 0, 0))).toEqual(['b', 'a', 'c']);
    expect(names(records, drawing(0.7, 0.9, 0))).toEqual(['b', 'c', 'a']);
    expect(names(records, drawing(0.9, 0.6, 0))).toEqual(['c', 'b', 'a']);
  });

  it('lets a weight of 0 be first by a draw of 0 only', () => {
    const records = [record('heavy', 0, 9), record('none', 0, 0)];
    expect(names(records, drawing(0.09, 0))).toEqual(['none', 'heavy']);
    expect(names(records, drawing(0.11, 0))).toEqual(['heavy', 'none']);
    expect(names([record('a', 0, 0), record('b', 0, 0)])).toEqual(['a', 'b']);
  });

  it('gives each its share', () => {
    const records = [record('a', 0, 1), record('b', 0, 3), record('none', 0, 0)];
    let state = 1;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const firsts = { a: 0, b: 0, none: 0 };
    for (let i = 0; i < 5000; i++) firsts[names(records, random)[0] as keyof typeof firsts]++;
    // Five draws, 0 to 4: one for each of weight 0 and 1, three for 3.
    expect(firsts.none).toBeGreaterThan(900);
    expect(firsts.none).toBeLessThan(1100);
    expect(firsts.a).toBeGreaterThan(900);
    expect(firsts.a).toBeLessThan(1100);
    expect(firsts.b).toBeGreaterThan(2850);
  });

  it('leaves out what is no host: "." says that there is no service', () => {
    const bad = [
      '.',
      '',
      '10.0.0.1',
      '0x7f.1',
      'a/b',
      'user@host',
      'a b',
      '-a',
      'a'.repeat(64),
      '[::1]',
    ];
    expect(names(bad.map((name) => record(name, 0, 1)))).toEqual([]);
    expect(names([record('ok.lab.test', 0, 1), record('zero', 0, 1, 0)])).toEqual(['ok.lab.test']);
  });

  it('has an end', () => {
    const many = Array.from({ length: 5000 }, (_, i) => record(`h${i}`, i % 7, i));
    expect(names(many)).toHaveLength(MAX_RECORDS);
    expect(inOrder([], Math.random)).toEqual({ order: [], leftOut: [] });
  });

  it('names what it leaves out', () => {
    const { order, leftOut } = inOrder(
      [record('.', 0, 0), record('a.test', 0, 0), record('a@b', 0, 0), record('c.test', 0, 0, 0)],
      () => 0,
    );
    expect(order.map(({ name }) => name)).toEqual(['a.test']);
    expect(leftOut).toEqual([
      '".", which says that there is no such service',
      '"a@b", port 8420, which is no host and port',
      '"c.test", port 0, which is no host and port',
    ]);
    const many = Array.from({ length: MAX_RECORDS + 3 }, (_, i) => record(`h${i}.test`, 0, 0));
    expect(inOrder(many, () => 0).leftOut).toEqual([`3 more than ${MAX_RECORDS} servers`]);
  });
});
