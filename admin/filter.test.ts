import { describe, expect, it } from 'vitest';
import { codeOf } from '../protocol/errors.ts';
import { makeNode } from '../tests/support/site.ts';
import { matchesFilter, matchesGlob, parseFilter } from './filter.ts';
import type { StatusView } from './views/status.ts';

const NOW = 1_800_000_000;
const { id: node } = makeNode();
const view: StatusView = {
  ...{ node, words: 'one two', name: 'gx003.example.', states: ['failed', 'in-force'] },
  ...{ since: NOW - 7200, waiting: [], notes: [], refreshing: false },
  machine: {
    ...{ time: NOW - 7300, stored: NOW - 7200, statementDigest: '', isOlder: false },
    ...{ result: 'applied: FAILED a.service: why', failed: [], left: [] },
  },
};

const holds = (text: string): boolean => matchesFilter(parseFilter(text), view, NOW);
const refused = (text: string): string => {
  try {
    parseFilter(text);
    return 'no error';
  } catch (error) {
    return `${codeOf(error)}: ${(error as Error).message}`;
  }
};

describe('a filter', () => {
  it.each([
    'state=failed',
    'state=waiting,failed',
    'state!=waiting,rejected',
    'state~in-*',
    'name=GX003.example',
    'name~gx*',
    'name!~web*',
    'name!=gx00',
    'claim!=gx003.example',
    `id~${node.slice(0, 4)}*`,
    'words="one two"',
    'says~"*FAILED a.service*"',
    'age>1h',
    'age<=2h',
    'reported>=7200s',
    'state=failed  age>1h name~gx*',
  ])('%s holds', (text) => {
    expect(holds(text)).toBe(true);
  });

  it.each([
    'state=waiting',
    'state!=failed',
    'name=gx003',
    'name~gx00?',
    'claim=gx003.example',
    'claim~*',
    'by=ada',
    'age>3h',
    'expires<1000w',
    'expires>0s',
    'state=failed age>3h',
  ])('%s does not', (text) => {
    expect(holds(text)).toBe(false);
  });

  it.each([
    ['', 'an empty filter'],
    ['   ', 'an empty filter'],
    ['state=failed waiting', 'at character 14 ("waiting"): this is no FIELD=VALUE'],
    ['state=failed agee>1h', 'at character 14 ("agee>1h"): there is no field "agee"; there are'],
    ['=x', 'at character 1 ("=x"): there is no field ""'],
    ['constructor=x', 'there is no field "constructor"'],
    ['state=', 'state is compared with nothing'],
    ['state=wating', 'there is no state "wating"; there are'],
    ['state>failed', 'state is no time'],
    ['age=1h', 'age is a time: give <, <=, > or >='],
    ['age>1', 'age is compared with a time such as'],
    ['age>1h,2h', 'age is compared with a time such as'],
    ['name="gx', 'at character'],
    ['name=a"b', 'at character'],
  ])('%j is refused, with where and what', (text, message) => {
    expect(refused(text)).toContain(message);
    expect(refused(text)).toMatch(/^usage: /);
  });
});

it('a glob is for all of a text, and takes no longer for one that is made to', () => {
  for (const [glob, text, isMatch] of [
    ['*', '', true],
    ['gx?', 'gx3', true],
    ['gx?', 'gx', false],
    ['*.a.*', 'x.a.b.a.c', true],
    ['a*b*c', 'aXbXbX', false],
    ['[ab]', 'a', false],
    ['.*', 'abc', false],
  ] as const) {
    expect([glob, text, matchesGlob(glob, text)]).toEqual([glob, text, isMatch]);
  }
  expect(matchesGlob(`${'a*'.repeat(200)}b`, 'a'.repeat(4000))).toBe(false);
});
