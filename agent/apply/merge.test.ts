import { describe, expect, it } from 'vitest';
import { codeOf } from '../../protocol/errors.ts';
import { codeFrom } from '../../tests/support/thrown.ts';
import { mergeAccounts, prunedOriginals, sharedNumbers } from './merge.ts';
import type { AccountTexts, Originals } from './merge.ts';

const lines = (...list: string[]): string => list.map((line) => `${line}\n`).join('');
const merge = (current: AccountTexts, bundle: AccountTexts, originals: Originals = {}) =>
  mergeAccounts({ current, bundle, originals });

const image: AccountTexts = {
  'etc/passwd': lines(
    'root:x:0:0:root:/root:/bin/bash',
    'chrony:x:105:112::/var/lib/chrony:/usr/sbin/nologin',
    'sshd:x:106:65534::/run/sshd:/usr/sbin/nologin',
  ),
  'etc/group': lines('root:x:0:', 'sudo:x:27:', 'chrony:x:112:', 'ssl-cert:x:113:chrony'),
  'etc/shadow': lines('root:*:20000:0:99999:7:::', 'chrony:!:20000::::::'),
};
/** Captured on an older image, where chrony was 101:103, and 106:113 was somebody else. */
const bundle: AccountTexts = {
  'etc/passwd': lines(
    'root:x:0:0:root:/root:/bin/zsh',
    'chrony:x:101:103::/var/lib/chrony:/usr/sbin/nologin',
    'ceph:x:106:113::/var/lib/ceph:/usr/sbin/nologin',
    'alice:x:1000:1000:Alice:/home/alice:/bin/bash',
  ),
  'etc/group': lines(
    'root:x:0:',
    'sudo:x:27:alice',
    'chrony:x:103:',
    'ceph:x:113:',
    'alice:x:1000:',
  ),
  'etc/shadow': lines('root:$y$hash:20100:0:99999:7:::', 'alice:$y$other:20100:0:99999:7:::'),
};

describe('the merge of the account files', () => {
  const { texts } = merge(image, bundle);

  it('keeps the numbers that this image gives to system accounts', () => {
    expect(texts['etc/passwd']).toContain('chrony:x:105:112:');
    expect(texts['etc/group']).toContain('chrony:x:112:');
  });

  it('keeps an entry that only the image has', () => {
    expect(texts['etc/passwd']).toContain('sshd:x:106:65534:');
  });

  it('moves a system account whose number another name has here, group and all', () => {
    expect(texts['etc/passwd']).toContain('ceph:x:999:999:');
    expect(texts['etc/group']).toContain('ceph:x:999:');
  });

  it("keeps a person's numbers, and takes shell, password and the like from the bundle", () => {
    expect(texts['etc/passwd']).toContain('alice:x:1000:1000:Alice:/home/alice:/bin/bash\n');
    expect(texts['etc/passwd']).toContain('root:x:0:0:root:/root:/bin/zsh\n');
    expect(texts['etc/shadow']).toContain('root:$y$hash:');
    expect(texts['etc/shadow']).toContain('chrony:!:');
  });

  it('joins the members of a group', () => {
    expect(texts['etc/group']).toContain('sudo:x:27:alice\n');
    expect(
      merge(image, { 'etc/group': lines('ssl-cert:x:110:alice') }).texts['etc/group'],
    ).toContain('ssl-cert:x:113:chrony,alice\n');
  });

  it('gives the same when it is done again, and again', () => {
    const first = merge(image, bundle);
    const second = merge(first.texts, bundle, first.originals);
    expect(second).toEqual(first);
    // Also where nobody committed in between and the originals were taken first.
    expect(merge(image, bundle, first.originals)).toEqual(first);
  });

  it('takes back what an earlier bundle brought and this one lacks', () => {
    const first = merge(image, bundle);
    const less = { 'etc/passwd': lines('alice:x:1000:1000:Alice:/home/alice:/bin/bash') };
    const { texts: after, originals } = merge(first.texts, less, first.originals);
    expect(after['etc/passwd']).toBe(`${image['etc/passwd']!}${less['etc/passwd']}`);
    expect(after['etc/group']).toBe(image['etc/group']);
    expect(after['etc/shadow']).toBe(image['etc/shadow']);
    expect(prunedOriginals(originals, less)).toEqual({ 'etc/passwd': { alice: null } });
  });

  it('leaves alone what was added on the machine in between', () => {
    const first = merge(image, bundle);
    const bob = 'bob:x:1001:1001::/home/bob:/bin/sh\n';
    const local = { ...first.texts, 'etc/passwd': `${first.texts['etc/passwd']!}${bob}` };
    expect(merge(local, bundle, first.originals).texts['etc/passwd']).toContain(bob);
    expect(merge(local, {}, first.originals).texts['etc/passwd']).toBe(
      `${image['etc/passwd']!}${bob}`,
    );
  });

  it('says nothing about a file that no bundle ever had', () => {
    expect(merge(image, { 'etc/group': lines('a:x:1:') }).texts).not.toHaveProperty('etc/shadow');
    expect(merge(image, {}).texts).toEqual({});
  });

  it.each([
    ['etc/passwd', 'evil:x:0:0'],
    ['etc/passwd', 'evil:x:-1:0:::'],
    ['etc/passwd', 'evil:x:4294967295:0:::'],
    ['etc/passwd', ':x:1:1:::'],
    ['etc/passwd', 'a:x:1:1:::\na:x:0:0:::'],
    ['etc/passwd', '1000:x:1:1:::'],
    ['etc/passwd', ' evil:x:1:1:::'],
    ['etc/passwd', '\x07evil:x:1:1:::'],
    ['etc/passwd', 'evil:x:1:1:::/bin/sh\r'],
    ['etc/passwd', 'evil:x:-2:-2:::'],
    ['etc/passwd', 'evil:x:0x0:0:::'],
    ['etc/group', 'users:x:100:http:evil'],
    ['etc/gshadow', 'users:!:evil'],
    ['etc/shadow', 'evil:!:1:2:3:4:5:6'],
    ['etc/group', 'a:x::'],
    ['etc/shadow', 'a:b'],
  ])('refuses %s with %j', (file, line) => {
    let thrown: unknown;
    try {
      merge(image, { [file]: `${line}\n` });
    } catch (error) {
      thrown = error;
    }
    expect(codeOf(thrown)).toBe('path_refused');
    expect(String(thrown)).not.toContain('evil');
  });

  it.each([
    'ann@corp.example.com:x:1001:1001::/home/ann2:/bin/bash',
    '2022.example.com:x:1001:1001::/srv:/bin/false',
    'domain user:x:1001:1001::/home/u:/bin/bash',
    'host$:x:1001:1001::/nonexistent:/bin/false',
    'jos\xc3\xa9:x:1001:1001:Jos\xe9:/home/j:/bin/bash',
    'nobody4:x:4294967294:4294967294::/:',
    `${'a'.repeat(100)}:x:1001:1001::/home/a:`,
  ])('takes %j, which the C library takes', (line) => {
    expect(merge(image, { 'etc/passwd': `${line}\n` }).texts['etc/passwd']).toBe(
      `${image['etc/passwd']!}${line}\n`,
    );
  });

  it('takes hashes and dates of shadow as they are', () => {
    const shadow = lines('a:!*:::::::', 'b:*LK*:::::::', 'c::1:2:3:4:5:6:7', 'root:!!:20000::::::');
    expect(merge({}, { 'etc/shadow': shadow }).texts['etc/shadow']).toBe(shadow);
  });

  it('takes a line once that is there twice', () => {
    const ann = 'ann:x:1000:1000::/home/ann:/bin/bash';
    const twice = lines(ann, ann);
    const { texts: once } = merge({}, { 'etc/passwd': twice });
    expect(once['etc/passwd']).toBe(lines(ann));
    expect(merge({ 'etc/passwd': twice }, { 'etc/passwd': twice }).texts).toEqual(once);
  });

  it('leaves lines of the machine as they are that no bundle could bring, with a bundle that has them', () => {
    const odd = lines(
      'users:x:100:http:ann',
      '# comment',
      '',
      'ann:x:1000:',
      'ann:x:1001:',
      'short:x',
      '+:::',
    );
    const bundle = `${odd}bob:x:1002:\n`;
    const { texts: merged, originals } = merge({ 'etc/group': odd }, { 'etc/group': bundle });
    expect(merged['etc/group']).toBe(odd.replace('+:::\n', 'bob:x:1002:\n+:::\n'));
    expect(merge(merged, {}, originals).texts['etc/group']).toBe(odd);
  });

  it('puts no account behind a line that asks NIS', () => {
    const own = lines('root:x:0:0::/root:/bin/sh', '+@ops::::::', '-evil::::::', '+::::::');
    const add = lines('ann:x:1000:1000:::', '+@dev::::::');
    expect(merge({ 'etc/passwd': own }, { 'etc/passwd': add }).texts['etc/passwd']).toBe(
      lines(
        'root:x:0:0::/root:/bin/sh',
        'ann:x:1000:1000:::',
        '+@ops::::::',
        '-evil::::::',
        '+::::::',
        '+@dev::::::',
      ),
    );
  });

  it('merges gshadow as group', () => {
    const own = { 'etc/gshadow': lines('root:*::', 'adm:*:root:syslog') };
    const theirs = { 'etc/gshadow': lines('adm:!:ann:ann', 'ann:!::') };
    expect(merge(own, theirs).texts['etc/gshadow']).toBe(
      lines('root:*::', 'adm:!:root,ann:syslog,ann', 'ann:!::'),
    );
  });

  it('joins long lists of members', () => {
    const members = Array.from({ length: 20_000 }, (_, i) => `user${i}`).join(',');
    const { texts: all } = merge(
      { 'etc/group': lines(`all:x:100:${members}`) },
      { 'etc/group': lines(`all:x:100:${members},ann`) },
    );
    expect(all['etc/group']).toBe(lines(`all:x:100:${members},ann`));
  });

  it('chooses no number that something else goes by', () => {
    const taken = { 'etc/passwd': lines('a:x:101:998:::', 'b:x:0102:997:::') };
    const bundle = {
      'etc/passwd': lines('new:x:101:101:::', 'other:x:102:102:::', 'own:x:999:999:::'),
      'etc/group': lines('new:x:101:', 'other:x:102:', 'own:x:999:'),
    };
    const image = { ...taken, 'etc/group': lines('x:x:101:', 'y:x:102:') };
    const { texts: merged } = mergeAccounts({
      ...{ current: image, bundle, originals: {} },
      reserved: [[990, 996]],
    });
    // 999 is the bundle's own, 998 and 997 are the groups of somebody, 990 to 996 are a range.
    expect(merged['etc/group']).toContain('new:x:989:\nother:x:988:\nown:x:999:\n');
    expect(merged['etc/passwd']).toContain(
      'new:x:998:989:::\nother:x:997:988:::\nown:x:999:999:::',
    );
  });

  it('takes no number from a line that the system passes over', () => {
    const bob = lines('bob:x:1:1:::');
    expect(merge({ 'etc/passwd': lines('bob::0X0') }, { 'etc/passwd': bob }).texts).toEqual({
      'etc/passwd': bob,
    });
  });

  it('refuses to choose where no number is left', () => {
    const all = Array.from({ length: 900 }, (_, i) => `u${i}:x:${100 + i}:1:::`);
    expect(
      codeFrom(() =>
        merge({ 'etc/passwd': lines(...all) }, { 'etc/passwd': lines('new:x:500:1:::') }),
      ),
    ).toBe('path_refused');
  });

  it('names people of two machines who go by one number', () => {
    const own = { 'etc/passwd': lines('debian:x:1000:1000:::', 'root:x:0:0:::') };
    const theirs = { 'etc/passwd': lines('ann:x:1000:1000:::', 'toor:x:0:0:::') };
    expect(sharedNumbers(own, theirs)).toEqual(['debian and ann in etc/passwd, 1000']);
  });
});
