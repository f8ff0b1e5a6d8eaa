import { describe, expect, it } from 'vitest';
import { barChart } from './chart.ts';
import { columnsOf, compare, humanNumber, ratioOf, toMarkdown } from './result.ts';
import type { Suite } from './result.ts';

const rows = [
  { name: 'base', value: 200 },
  { name: 'coatcheck', value: 100 },
  { name: 'absent', note: 'age is not installed' },
];
const suite: Suite = {
  title: 'Size',
  unit: 'bytes',
  baseline: 'base',
  rows: compare(rows, 'base'),
  aims: [{ text: 'at most half', met: true }],
};

describe('compare', () => {
  it('relates every measured row to the baseline', () => {
    expect(compare(rows, 'base').map((row) => row.ratio)).toEqual([1, 0.5, undefined]);
    expect(ratioOf(compare(rows, 'base'), 'coatcheck')).toBe(0.5);
  });
  it('gives no ratio where the baseline was not measured', () => {
    expect(ratioOf(compare(rows, 'absent'), 'coatcheck')).toBeUndefined();
  });
});

describe('humanNumber', () => {
  it.each([
    [12_345.6, '12,346'],
    [123.45, '123'],
    [12.345, '12.3'],
    [0.012345, '0.012'],
    [0, '0'],
  ])('writes %d as %s', (value, text) => {
    expect(humanNumber(value)).toBe(text);
  });
});

describe('toMarkdown', () => {
  it('writes one aligned table, a missing row with its reason, and whether the aim was met', () => {
    expect(toMarkdown([suite])).toBe(
      [
        '| Size      |                          bytes | ratio to base |',
        '| --------- | -----------------------------: | ------------: |',
        '| base      |                            200 |          1.00 |',
        '| coatcheck |                            100 |          0.50 |',
        '| absent    | left out: age is not installed |               |',
        '',
        'Aim: at most half. Met.',
        '',
      ].join('\n'),
    );
  });
  it('says loudly that an aim was missed', () => {
    const missed = { ...suite, aims: [{ text: 'at most half', met: false }] };
    expect(toMarkdown([missed])).toContain('Aim: at most half. **Not met.**');
  });
});

describe('further columns', () => {
  const wide: Suite = {
    title: 'Storm',
    unit: 'nodes/s',
    rows: [
      { name: 'ours', value: 100, more: { 'p99 ms': 7 } },
      { name: 'absent', note: 'nginx is not installed' },
    ],
  };
  it('stand beside the first, empty where nothing was measured', () => {
    expect(toMarkdown([wide])).toBe(
      [
        '| Storm  |                          nodes/s | p99 ms |',
        '| ------ | -------------------------------: | -----: |',
        '| ours   |                              100 |      7 |',
        '| absent | left out: nginx is not installed |        |',
        '',
      ].join('\n'),
    );
  });
  it('become a suite each, for a chart', () => {
    expect(columnsOf(wide)).toEqual([
      { title: 'Storm', unit: 'nodes/s', rows: [{ name: 'ours', value: 100 }, { name: 'absent' }] },
      { title: 'Storm', unit: 'p99 ms', rows: [{ name: 'ours', value: 7 }, { name: 'absent' }] },
    ]);
  });
});

describe('barChart', () => {
  it('draws the measured rows only, the longest for the largest value', () => {
    const bars = [...barChart([suite]).matchAll(/<rect x="230" y="\d+" width="([\d.]+)"/g)];
    const [base, ours] = bars.map(([, width]) => Number(width));
    expect(bars).toHaveLength(2);
    expect(base).toBeCloseTo(2 * ours!, 0);
  });
  it('leaves out a suite of which nothing was measured', () => {
    const empty: Suite = { title: 'Nothing', unit: 'x', rows: [{ name: 'absent' }] };
    expect(barChart([empty, suite])).toBe(barChart([suite]));
  });
  it('escapes what would be markup', () => {
    expect(barChart([{ ...suite, title: '<a> & "b"' }])).toContain('&lt;a> &amp; &quot;b&quot;');
  });
});
