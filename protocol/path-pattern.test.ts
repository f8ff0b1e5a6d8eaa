import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folderMatcher, folderOf, isPattern, pathMatcher } from './path-pattern.ts';

describe('pathMatcher', () => {
  it.each([
    ['etc/a', 'etc/a', true],
    ['etc/a', 'etc/a/b', false],
    ['etc/*', 'etc/a', true],
    ['etc/*', 'etc/', false],
    ['etc/*', 'etc/a/b', false],
    ['etc/*.conf', 'etc/.conf', false],
    ['etc/a*b*c', 'etc/aXbXc', true],
    ['etc/a*b*c', 'etc/abXc', false],
    ['etc/*a*a', 'etc/xaxa', true],
    ['etc/*a*a', 'etc/xaa', false],
    ['etc/**', 'etc/a', true],
    ['etc/**', 'etc/a/b/c', true],
    ['etc/**', 'etc', false],
    ['etc/**', 'etc//b', false],
    ['home/*/.x/**', 'home/ada/.x/y/z', true],
    ['home/*/.x/**', 'home/.x/y/z', false],
    ['etc/a.b', 'etc/axb', false],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(pathMatcher([pattern])(path)).toBe(expected);
    expect(pathMatcher(['x/y', pattern])(path)).toBe(expected);
  });

  it('says what a regular expression says, whose time would not be bounded', () => {
    const part = fc.stringMatching(/^[ab*]{1,6}$/).filter((text) => !text.includes('**'));
    const pattern = fc.tuple(fc.array(part, { minLength: 1, maxLength: 3 }), fc.boolean());
    const path = fc.array(fc.stringMatching(/^[ab]{0,8}$/), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(pattern, path, ([parts, isOpen], names) => {
        const source = parts.map((one) => one.replaceAll('*', '[^/]+')).join('/');
        const regex = new RegExp(`^${source}${isOpen ? '(?:/[^/]+)+' : ''}$`);
        const text = [...parts, ...(isOpen ? ['**'] : [])].join('/');
        expect(pathMatcher([text])(names.join('/'))).toBe(regex.test(names.join('/')));
      }),
      { numRuns: 2000 },
    );
  });

  it('ends where every run could end anywhere', () => {
    const pattern = `etc/${'*a'.repeat(60)}b`;
    expect(pathMatcher([pattern])(`etc/${'a'.repeat(100_000)}`)).toBe(false);
  });
});

describe('a pattern', () => {
  it('has ** once, as its last part', () => {
    expect(['etc/**', 'etc/*/x*y', 'etc/a'].every(isPattern)).toBe(true);
    expect(['**', '**/a', 'etc/**/a', 'etc/a**', 'etc/***'].some(isPattern)).toBe(false);
  });

  it('is below a folder, and leads through those on the way', () => {
    expect(['etc/a', 'etc/*/a', 'a*', 'var/lib/x/**'].map(folderOf)).toEqual([
      ...['etc', 'etc', '', 'var/lib/x'],
    ]);
    const leads = folderMatcher(['home/*/.x/y', 'srv/**']);
    expect(['home', 'home/ada', 'home/ada/.x', 'srv', 'srv/a/b'].every(leads)).toBe(true);
    expect(['etc', 'home/ada/z', 'home/ada/.x/y', 'srvx'].some(leads)).toBe(false);
  });
});
