import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { maxFrameBytes } from '../../bundle/frame.ts';
import { toHex } from '../../bundle/bytes.ts';
import { namePoints } from '../support/name-points.ts';
import { cases } from './suite.ts';
import { parseVector } from './vector.ts';

const page = readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8');
/** Blocks ```hex NAME: on each line hex, in groups, and after three spaces a remark. */
const blocks = [...page.matchAll(/^```hex (\w+)\n([^`]*)```$/gm)].map(
  ([, name = '', text = '']) => ({
    name,
    hex: text
      .split('\n')
      .map((line) => line.replace(/ {3}.*$/, '').replaceAll(' ', ''))
      .join(''),
  }),
);

describe('docs/format.md', () => {
  it('has worked bytes of every object', () => {
    expect(blocks.map(({ name }) => name)).toEqual([
      'header_ok_node',
      'statement_ok_approve',
      'keyset_ok',
      'frame_ok_revoke',
    ]);
  });

  it.each(blocks)('shows $name as it is', ({ name, hex }) => {
    const { text } = cases.find((vector) => vector.name === name)!;
    expect(hex).toBe(toHex(parseVector(name, text).bytes));
  });

  it('has the table of the code points of names', () => {
    const [, table = ''] = /^```names\n([^`]*)```$/m.exec(page)!;
    const listed = table
      .split('\n')
      .filter((line) => line !== '')
      .flatMap((line) => line.replace(/ {2}.*$/, '').split(' '));
    // Without the slash, which stands between parts.
    expect(listed.toSpliced(0, 1, '0020-002E', '0030-007E').sort()).toEqual(namePoints().sort());
  });

  it('gives the right largest frame', () => {
    expect(page).toContain(`${maxFrameBytes(0).toLocaleString('en')} bytes and the limit`);
  });
});
