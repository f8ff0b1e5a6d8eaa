import { describe, expect, it } from 'vitest';
import { wrap } from './wrap.ts';

describe('text for a terminal', () => {
  it('is broken at spaces, a column before the margin, under its own indent', () => {
    expect(wrap('  one two three\nfour', 11)).toEqual(['  one two', '  three', 'four']);
    expect(wrap('0123456789', 11)).toEqual(['0123456789']);
    expect(wrap('', 11)).toEqual(['']);
  });

  it('leaves a long word to the terminal, and goes on behind it', () => {
    expect(wrap('a 0123456789abc b', 8)).toEqual(['a', '0123456789abc', 'b']);
  });

  it('shows what a terminal would obey', () => {
    expect(wrap('a\x1b[2Jb\r\tc', 80)).toEqual(['a<U+001B>[2Jb<U+000D><U+0009>c']);
  });
});
