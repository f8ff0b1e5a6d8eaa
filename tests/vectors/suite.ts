import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runVector } from './run.ts';
import { parseVector } from './vector.ts';

const folder = new URL('./cases/', import.meta.url);

/** Name and text of every vector. */
export const cases = readdirSync(folder)
  .sort()
  .map((file) => ({
    name: file.replace('.txt', ''),
    text: readFileSync(new URL(file, folder), 'utf8'),
  }));

/** One test per vector, on whatever platform the bundle modules were loaded with. */
export function vectorSuite(platform: string): void {
  describe(`vectors on ${platform}`, () => {
    it.each(cases)('$name', ({ name, text }) => {
      const vector = parseVector(name, text);
      expect(runVector(vector)).toBe(vector.expect);
    });
  });
}
