import { describe, expect, it } from 'vitest';
import { codeOf } from '../protocol/errors.ts';
import { makeNode } from '../tests/support/site.ts';
import { IMAGES } from './filter-fields.ts';
import { matchesFilter, matchesGlob, parseFilter } from './filter.ts';
import type { MachineView, StatusView } from './views/status.ts';

type Said = Exclude<MachineView, { problem: unknown }>;

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
    'image=none',
    'image!=lags,claims',
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
    'image=lags',
    'image~*s*',
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
    ['image=13.1', 'there is no image "13.1"; there are newest, lags, claims, known, none'],
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

it('an image lags behind a newer one, and is a claim where something speaks against it', () => {
  const attested = { image: { version: '13.1', generation: 2 }, approved: true, faults: [] };
  const fault = { code: 'malformed' } as const;
  for (const [is, so] of [
    [attested, ['newest']],
    [{ ...attested, newest: 3 }, ['lags']],
    [{ ...attested, known: { by: 'list' } as const }, ['newest', 'known']],
    [{ ...attested, approved: false }, ['newest', 'claims']],
    [{ ...attested, newest: 3, faults: [fault] }, ['lags', 'claims']],
    [{ approved: false, faults: [fault] }, ['none']],
  ] as const) {
    const machine = { ...(view.machine as Said), attested: is };
    const holding = IMAGES.filter((word) =>
      matchesFilter(parseFilter(`image=${word}`), { ...view, machine }, NOW),
    );
    expect(holding).toEqual(so);
  }
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
