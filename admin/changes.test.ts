import { describe, expect, it } from 'vitest';
import { utf8 } from '../bundle/index.ts';
import type { FileEntry } from '../bundle/index.ts';
import { compareFiles, compareMetadata, sameFiles } from './changes.ts';
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

describe('compareMetadata', () => {
  it('names what a node would do differently, and not when and how it was made', () => {
    const before = { hostname: 'a', madeAt: 1, keySource: 'usb', enable: ['a.service'] };
    const after = {
      ...{ hostname: 'b', madeAt: 2, keySource: 'file' },
      enable: ['a.service', 'b.service'],
      restart: { 'etc/hosts': ['x.service'] },
    };
    expect(compareMetadata(before, after)).toEqual([
      { name: 'enable', before: 'a.service', after: 'a.service b.service' },
      { name: 'hostname', before: 'a', after: 'b' },
      { name: 'restart etc/hosts', after: 'x.service' },
    ]);
  });
});

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
    expect(rebase(base, theirs, mine)).toEqual({ files, conflicts });
  });
});
