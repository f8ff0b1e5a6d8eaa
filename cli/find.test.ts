import { describe, expect, it } from 'vitest';
import { codeOf } from '../protocol/errors.ts';
import { onlyMatch } from './find.ts';

const match = (text: string, candidates: readonly string[]): string => {
  try {
    return onlyMatch('node', text, candidates);
  } catch (error) {
    return codeOf(error);
  }
};

describe('onlyMatch', () => {
  it('finds the one that begins so', () => {
    expect(match('b', ['abc', 'bcd'])).toBe('bcd');
    expect(match('bcd', ['abc', 'bcd'])).toBe('bcd');
  });
  it('does not choose between several, nor without one', () => {
    expect(match('a', ['abc', 'abd'])).toBe('usage');
    expect(match('x', ['abc'])).toBe('not_found');
  });
  it('does not take an empty word for the only one there is', () => {
    expect(match('', ['abc'])).toBe('usage');
  });
});
