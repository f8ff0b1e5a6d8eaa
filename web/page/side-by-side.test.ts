import { createDiff } from '../../admin/diff-view.ts';
import { expect, it } from 'vitest';
import { sideBySide } from './side-by-side.ts';

it('has every line of both sides once, with its number, and a change beside what it replaces', () => {
  const before = 'a\nb\nc\nd\ne\nf\ng\nh\ni\n';
  const after = 'a\nB\nBB\nc\nd\ne\nf\ng\nh\n';
  const rows = sideBySide(createDiff()(before, after));
  expect(rows[0]!.hunk).toMatch(/^@@/);
  expect(rows.slice(1, 5).map((row) => [row.before?.text, row.after?.text])).toEqual([
    ['a', 'a'],
    ['b', 'B'],
    [undefined, 'BB'],
    ['c', 'c'],
  ]);
  for (const [side, text] of [
    ['before', before],
    ['after', after],
  ] as const) {
    const shown = rows.flatMap((row) => (row[side] === undefined ? [] : [row[side]]));
    const lines = text.split('\n');
    for (const { number, text: line } of shown) expect(line).toBe(lines[number - 1]);
    expect(new Set(shown.map(({ number }) => number)).size).toBe(shown.length);
  }
});

it('says where a file does not end with a line', () => {
  const rows = sideBySide(createDiff()('a', 'b'));
  expect(rows.map(({ note }) => note).filter((note) => note !== undefined)).toHaveLength(2);
  expect(rows.some(({ before, after }) => before?.text === 'a' && after?.text === 'b')).toBe(true);
});
