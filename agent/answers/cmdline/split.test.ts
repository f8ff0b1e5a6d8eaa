import { describe, expect, it } from 'vitest';
import { splitCommandLine } from './split.ts';

const words = (text: string): [string, string | undefined][] =>
  splitCommandLine(text).map(({ name, value }) => [name, value]);

describe('splitCommandLine', () => {
  it.each<[string, [string, string | undefined][]]>([
    ['', []],
    [' \t\n', []],
    [
      'ro quiet\n',
      [
        ['ro', undefined],
        ['quiet', undefined],
      ],
    ],
    [
      'a=b=c d=',
      [
        ['a', 'b=c'],
        ['d', ''],
      ],
    ],
    [
      'a="b c" d',
      [
        ['a', 'b c'],
        ['d', undefined],
      ],
    ],
    [
      '"a=b c" d',
      [
        ['a', 'b c'],
        ['d', undefined],
      ],
    ],
    [
      '"a b" c',
      [
        ['a b', undefined],
        ['c', undefined],
      ],
    ],
    ['"a b=c d"', [['a b', 'c d']]],
    ['a=b"c d"e', [['a', 'b"c d"e']]],
    ['a"b c"=d', [['a"b c"', 'd']]],
    ['a="b c', [['a', 'b c']]],
    ['a="', [['a', '']]],
    ['a=""', [['a', '']]],
    ['""', [['', undefined]]],
    ['"', [['', undefined]]],
    ['=a=b', [['=a', 'b']]],
    [
      "a='b c'",
      [
        ['a', "'b"],
        ["c'", undefined],
      ],
    ],
    [
      'a=b\\ c',
      [
        ['a', 'b\\'],
        ['c', undefined],
      ],
    ],
    [
      'a\xa0b\vc',
      [
        ['a', undefined],
        ['b', undefined],
        ['c', undefined],
      ],
    ],
    [
      'a -- b=c',
      [
        ['a', undefined],
        ['--', undefined],
        ['b', 'c'],
      ],
    ],
  ])('%j', (text, expected) => {
    expect(words(text)).toEqual(expected);
  });

  it('says where each argument begins', () => {
    const positions = splitCommandLine('ro  "a b"\tc=d').map(({ position }) => position);
    expect(positions).toEqual([1, 5, 11]);
  });
});
