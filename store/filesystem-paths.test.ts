import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folderOfPrefix, objectPath, parseName } from './filesystem-paths.ts';

/** The key that a path below `/o` stands for. */
const keyOf = (path: string): string => {
  const parts = path.slice('/o/'.length).split('/');
  return parts.map((name, i) => parseName(name, i < parts.length - 1)!).join('/');
};

describe('the paths of keys', () => {
  it('are the keys themselves, readable, with a suffix', () => {
    expect(objectPath('/o', 'history/abc/0000000001')).toBe('/o/history/abc/0000000001.object');
  });

  it('lead back to the key, stay below the folder, and are plain names', () => {
    const key = fc.string({ unit: 'grapheme', maxLength: 20 });
    const withSlashes = fc.array(key, { minLength: 1, maxLength: 4 }).map((s) => s.join('/'));
    fc.assert(
      fc.property(withSlashes, (text) => {
        const path = objectPath('/o', text);
        expect(path).toMatch(/^(\/[a-z0-9_%-]+)+\.object$/);
        expect(path.startsWith('/o/')).toBe(true);
        expect(keyOf(path)).toBe(text);
      }),
    );
  });

  it('hold a prefix as the folders before its last slash', () => {
    expect(folderOfPrefix('/o', '')).toEqual({ path: '/o', prefix: '' });
    expect(folderOfPrefix('/o', 'history/ab')).toEqual({ path: '/o/history', prefix: 'history/' });
    expect(folderOfPrefix('/o', 'a/b/')).toEqual({ path: '/o/a/b', prefix: 'a/b/' });
  });

  it('are not made of names that we do not write', () => {
    for (const name of ['x', 'X.object', '%4a%zz.object', '%41.object.bak', 'a.b.object']) {
      expect(parseName(name, false), name).toBeUndefined();
    }
    expect(parseName('%41.object', false)).toBe('A');
    expect(parseName('Upper', true)).toBeUndefined();
  });
});
