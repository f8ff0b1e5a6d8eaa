import { describe, expect, it } from 'vitest';
import { unitOf, unitsBehind } from './jobs.ts';

describe('the unit of a process', () => {
  it.each([
    ['0::/system.slice/coatcheck-agent.service\n', 'coatcheck-agent.service'],
    ['9:name=systemd:/\n1:cpu:/\n0::/system.slice/u.service\n', 'u.service'],
    ['1:name=systemd:/system.slice/system-x.slice/x@1.service/sub\n', 'x@1.service'],
    ['0::/machine.slice/systemd-nspawn@m.service/payload/system.slice/u.service\n', 'u.service'],
    ['0::/user.slice/user-0.slice/session-3.scope\n', undefined],
    ['0::/\n', undefined],
  ])('in %j is %s', (cgroups, unit) => {
    expect(unitOf(cgroups)).toBe(unit);
  });
});

describe('the units that wait for another', () => {
  /** As systemd says it. */
  const saying = (word: string): string => `14 later.service start waiting
└─ \t${word} job 11 (late.service/start) -     -
8  u.service                              start running
11 late.service                           start waiting
└─ \t${word} job 8 (u.service/start)   -     -
20 other.service                          start waiting
\`- \t${word} job 21 (slow.service/start) -     -
21 slow.service                           start running
30 reads.service                          reload waiting
\`- \t${word} job 8 (u.service/start) -     -
40 stops.service                          restart running
\`- \t${word} job 8 (u.service/start) -     -
`;
  const said = saying('waiting for');

  it.each([
    ['since version 256', 'waiting for'],
    ['before it', 'blocking'],
  ])('do so by its job or by those of others, while they do nothing yet: %s', (_, word) => {
    const said = saying(word);
    expect([...unitsBehind('u.service', said)].sort()).toEqual([
      ...['late.service', 'later.service', 'reads.service'],
    ]);
    expect([...unitsBehind('slow.service', said)]).toEqual(['other.service']);
  });

  it('are none of a unit without a job', () => {
    expect([...unitsBehind('ready.service', said)]).toEqual([]);
    expect([...unitsBehind('u.service', '')]).toEqual([]);
  });

  it('may wait for each other', () => {
    const round = `1 a.service start waiting
 waiting for job 2 (b.service/start)
2 b.service start waiting
 waiting for job 1 (a.service/start)
`;
    expect([...unitsBehind('u.service', round)]).toEqual([]);
  });
});
