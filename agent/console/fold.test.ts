import { describe, expect, it } from 'vitest';
import { fold } from './fold.ts';

describe('a line on a console', () => {
  it('is broken at spaces before the last column, what follows further in', () => {
    const word = 'x'.repeat(38);
    expect(fold(`${word} ${word} ${word}`)).toEqual([`${word} ${word}`, `  ${word}`]);
    expect(fold(`    ${word} ${word} y`)).toEqual([`    ${word}`, `      ${word} y`]);
    expect(fold('')).toEqual(['']);
  });

  it('never has more than 79 characters, however long its words are', () => {
    for (const text of [
      'x'.repeat(500),
      `${' '.repeat(100)}${'y'.repeat(300)}`,
      'z '.repeat(200),
    ]) {
      const parts = fold(text);
      expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(79);
      expect(parts.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    }
  });

  it('shows what a terminal would obey', () => {
    expect(fold('a\x1b[2Jb\r')).toEqual(['a<U+001B>[2Jb<U+000D>']);
  });
});
