import { describe, expect, it } from 'vitest';
import { utf8 } from '../bundle/index.ts';
import type { FileEntry, Metadata } from '../bundle/index.ts';
import { sameSettings } from '../bundle/settings.ts';
import type { Execution } from '../protocol/paths.ts';
import {
  compareFiles,
  compareSettings,
  revokesImages,
  sameFiles,
  startsSomething,
} from './changes.ts';
import { rebase } from './rebase.ts';

const file = (path: string, content: string, more: Partial<FileEntry> = {}): FileEntry => ({
  ...{ path, mode: 0o644, owner: 'root', uid: 0, group: 'root', gid: 0 },
  content: utf8(content),
  ...more,
});
const hosts = file('etc/hosts', 'a\n');

describe('compareFiles', () => {
  it('says what was added, removed and changed, and how, in the order of the paths', () => {
    const before = [hosts, file('etc/motd', 'x'), file('etc/issue', 'x'), file('etc/fstab', '')];
    const after = [
      file('etc/resolv.conf', 'n'),
      file('etc/motd', 'y'),
      file('etc/issue', 'x', { mode: 0o600 }),
      file('etc/fstab', '', { gid: 5, group: 'tty' }),
    ];
    expect(
      compareFiles(before, after).map((c) => [
        c.path,
        c.before !== undefined,
        c.after !== undefined,
        c.content,
        c.mode,
        c.owner,
      ]),
    ).toEqual([
      ['etc/fstab', true, true, false, false, true],
      ['etc/hosts', true, false, true, false, false],
      ['etc/issue', true, true, false, true, false],
      ['etc/motd', true, true, true, false, false],
      ['etc/resolv.conf', false, true, true, false, false],
    ]);
  });

  it.each<[string, Partial<FileEntry>]>([
    ['content', { content: utf8('b\n') }],
    ['mode', { mode: 0o600 }],
    ['owner', { owner: 'daemon' }],
    ['uid', { uid: 1 }],
    ['group', { group: 'daemon' }],
    ['gid', { gid: 1 }],
  ])('a file with another %s is another file', (_, more) => {
    expect(sameFiles([hosts], [hosts])).toBe(true);
    expect(sameFiles([hosts], [{ ...hosts, ...more }])).toBe(false);
  });
});

describe('compareSettings', () => {
  it('names what a node would do differently, and not when and how it was made', () => {
    const before = { hostname: 'a', madeAt: 1, keySource: 'usb', enable: ['a.service'] };
    const after = {
      ...{ hostname: 'b', madeAt: 2, keySource: 'file' },
      enable: ['a.service', 'b.service'],
      restart: { 'etc/hosts': ['x.service'] },
    };
    expect(compareSettings(before, after)).toEqual([
      { name: 'unit:b.service', executes: 'by place', after: 'enable' },
      { name: 'hostname', executes: 'no', before: 'a', after: 'b' },
      { name: 'restart:etc/hosts', executes: 'may name', after: 'x.service' },
    ]);
  });

  const unit = 'x.service';
  it.each<[string, Metadata, Metadata, Execution, boolean]>([
    ['enables a unit', {}, { enable: [unit] }, 'by place', true],
    ['enables one that was masked', { mask: [unit] }, { enable: [unit] }, 'by place', true],
    ['takes an enabling back', { enable: [unit] }, {}, 'by place', false],
    ['masks a unit', {}, { mask: [unit] }, 'no', false],
    ['disables a unit', {}, { disable: [unit] }, 'no', false],
    ['masks one that was disabled', { disable: [unit] }, { mask: [unit] }, 'no', false],
    ['takes a mask away', { mask: [unit] }, {}, 'by place', true],
    ['disables one that was masked', { mask: [unit] }, { disable: [unit] }, 'by place', true],
    ['leaves one to the image', { disable: [unit] }, {}, 'by place', true],
    ['masks one that was enabled', { enable: [unit] }, { mask: [unit] }, 'by place', false],
    ['names a unit otherwise', {}, { alias: [`a.service=${unit}`] }, 'by place', true],
    ['takes a name away', { alias: [`a.service=${unit}`] }, {}, 'by place', false],
    ['wants a unit', {}, { wants: [`a.target.wants/${unit}`] }, 'by place', true],
    ['wants a unit of users', {}, { wants: [`user/a.target.wants/${unit}`] }, 'by place', true],
    ['wants one no more', { wants: [`a.target.wants/${unit}`] }, {}, 'by place', false],
    ['restarts one', {}, { restart: { 'etc/a': [unit] } }, 'may name', false],
    ['makes swap', {}, { swap: 'zram' }, 'no', false],
    ['answers', {}, { answers: { a: unit } }, 'no', false],
  ])('says what one can set off that %s', (_, before, after, executes, starts) => {
    const changes = compareSettings(before, after);
    expect(changes.map((change) => [change.executes, startsSomething(change)])).toEqual([
      [executes, starts],
    ]);
  });
});

describe('rebase on another image', () => {
  it('leaves nothing to the image that the other side put into the bundle', () => {
    const empty = { files: [], metadata: {} };
    const mine = { files: [], metadata: { left: { 'etc/a': '01234567', 'etc/b': '01234567' } } };
    const theirs = { files: [file('etc/a', '1')], metadata: {} };
    expect(rebase(empty, theirs, mine)).toEqual({
      ...{ files: theirs.files, conflicts: [] },
      metadata: { left: { 'etc/b': '01234567' } },
    });
  });
});

type Sides = Parameters<typeof rebase>[0];
describe('rebase', () => {
  const a = file('etc/a', '1');
  const a2 = file('etc/a', '2');
  const a3 = file('etc/a', '3');
  const b = file('etc/b', '1');
  it.each<[string, FileEntry[], FileEntry[], FileEntry[], FileEntry[], string[]]>([
    ['nothing changed', [a], [a], [a], [a], []],
    ['they changed it', [a], [a2], [a], [a2], []],
    ['I changed it', [a], [a], [a2], [a2], []],
    ['both made the same change', [a], [a2], [a2], [a2], []],
    ['both changed it', [a], [a2], [a3], [], ['etc/a']],
    ['they removed what I left alone', [a, b], [b], [a, b], [b], []],
    ['I removed what they left alone', [a, b], [a, b], [b], [b], []],
    ['they removed what I changed', [a], [], [a2], [], ['etc/a']],
    ['I removed what they changed', [a], [a2], [], [], ['etc/a']],
    ['each added another file', [], [a], [b], [a, b], []],
    ['both added the same file', [], [a], [a], [a], []],
    ['both added it differently', [], [a2], [a3], [], ['etc/a']],
    ['a mode is a change too', [a], [{ ...a, mode: 0o600 }], [a2], [], ['etc/a']],
  ])('%s', (_, base, theirs, mine, files, conflicts) => {
    const sides = [base, theirs, mine].map((side) => ({ files: side, metadata: {} }));
    const [before, now, wanted] = sides as unknown as [Sides, Sides, Sides];
    expect(rebase(before, now, wanted)).toEqual({ files, metadata: {}, conflicts });
  });

  it.each<[string, Metadata, Metadata, Metadata, Metadata, string[]]>([
    ['they changed it', { swap: 'none' }, { swap: 'zram' }, { swap: 'none' }, { swap: 'zram' }, []],
    ['I changed it', { swap: 'none' }, { swap: 'none' }, { swap: 'zram' }, { swap: 'zram' }, []],
    ['they added it', {}, { timezone: 'UTC' }, {}, { timezone: 'UTC' }, []],
    ['they took it away', { timezone: 'UTC' }, {}, { timezone: 'UTC' }, {}, []],
    ['both changed it', {}, { hostname: 'a' }, { hostname: 'b' }, {}, ['setting hostname']],
    ['they removed what I changed', { swap: 'none' }, {}, { swap: 'zram' }, {}, ['setting swap']],
    [
      'each has another answer',
      { answers: { a: '1' } },
      { answers: { a: '1', b: '2' } },
      { answers: { a: '1', c: '3' } },
      { answers: { a: '1', b: '2', c: '3' } },
      [],
    ],
    [
      'each restarts another unit for another file',
      {},
      { restart: { 'etc/a': ['a.service'] } },
      { restart: { 'etc/b': ['b.service'] } },
      { restart: { 'etc/a': ['a.service'], 'etc/b': ['b.service'] } },
      [],
    ],
    [
      'each enables another unit',
      { enable: ['a.service'] },
      { enable: ['a.service', 'b.service'] },
      { enable: ['a.service', 'c.service'] },
      { enable: ['a.service', 'b.service', 'c.service'] },
      [],
    ],
    [
      'they mask what I enable',
      { disable: ['a.service'] },
      { mask: ['a.service'] },
      { enable: ['a.service'] },
      {},
      ['setting unit:a.service'],
    ],
    [
      'each has another name for a unit, and another link',
      { alias: ['a.service=x.service'] },
      {
        alias: ['a.service=x.service', 'b.service=x.service'],
        wants: ['a.target.wants/x.service'],
      },
      { alias: ['a.service=y.service'], wants: ['b.target.wants/x.service'] },
      {
        alias: ['a.service=y.service', 'b.service=x.service'],
        wants: ['a.target.wants/x.service', 'b.target.wants/x.service'],
      },
      [],
    ],
    [
      'one name for two units',
      {},
      { alias: ['a.service=x.service'] },
      { alias: ['a.service=y.service'] },
      {},
      ['setting alias:a.service'],
    ],
    ['when it was made is mine', { madeAt: 1 }, { madeAt: 2 }, { madeAt: 3 }, { madeAt: 3 }, []],
  ])('a setting: %s', (_, base, theirs, mine, metadata, conflicts) => {
    const [before, now, wanted] = [base, theirs, mine].map((side) => ({
      files: [],
      metadata: side,
    })) as unknown as [Sides, Sides, Sides];
    const merged = rebase(before, now, wanted);
    expect(merged.conflicts).toEqual(conflicts);
    if (conflicts.length === 0) expect(merged).toEqual({ files: [], metadata, conflicts });
  });

  it('loses no setting that a format has', () => {
    const whole: Metadata = {
      ...{ hostname: 'a', madeAt: 1, madeBy: 'x', keySource: 'usb', timezone: 'UTC', swap: 'zram' },
      ...{ enable: ['a.service', 'c.service'], disable: ['b.service'], mask: ['c.service'] },
      alias: ['d.service=a.service', 'user/e.service=a.service'],
      wants: ['a.target.wants/a.service', 'user/a.target.requires/b.service'],
      ...{ image: '1', baseline: 'ab'.repeat(32), left: { 'etc/b': '01234567' } },
      ...{ restart: { 'etc/a': ['a.service'] }, answers: { 'a.b': '' } },
    };
    const side = { files: [], metadata: whole };
    const empty = { files: [], metadata: {} };
    expect(rebase(side, side, side).metadata).toEqual(whole);
    expect(rebase(empty, empty, side).metadata).toEqual(whole);
    expect(sameSettings(rebase(empty, side, empty).metadata, whole)).toBe(true);
  });
});

describe('which images are revoked', () => {
  const change = (before: Metadata, after: Metadata) => compareSettings(before, after)[0]!;
  it('counts as what runs where it goes up, and as nothing where it goes down or away', () => {
    const [none, two, three] = [{}, { generation: 2 }, { generation: 3 }];
    for (const up of [change(none, two), change(two, three)]) {
      expect([up.executes, revokesImages(up)]).toEqual(['by place', true]);
    }
    for (const down of [change(three, two), change(two, none)]) {
      expect([down.executes, revokesImages(down)]).toEqual(['no', false]);
    }
  });
});
