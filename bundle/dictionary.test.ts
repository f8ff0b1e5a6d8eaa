import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { toHex } from './bytes.ts';
import { dictionary } from './dictionary.ts';

describe('dictionary 1', () => {
  it('is these bytes for ever', () => {
    expect(toHex(sha256(dictionary(1)))).toBe(
      '475c661ab5c657ccc9aabeab7f55debd93999fc73451d0d7a9c1f39608e47eae',
    );
    expect(dictionary(1).length).toBeLessThanOrEqual(32 * 1024);
  });

  it('is published beside the specification', () => {
    const published = readFileSync(new URL('../docs/dictionary-1.txt', import.meta.url));
    expect(new Uint8Array(published)).toEqual(dictionary(1));
  });

  it('is the only one, beside none', () => {
    expect(dictionary(0)).toHaveLength(0);
    expect(() => dictionary(2)).toThrow(expect.objectContaining({ code: 'unknown_dictionary' }));
  });
});
