import { describe, expect, it } from 'vitest';
import { codeOf } from '../../protocol/errors.ts';
import { mergeAccounts, prunedOriginals } from './merge.ts';
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

describe('the merge of passwd, shadow and group', () => {
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
    ['etc/passwd', '../x:x:1:1:::'],
    ['etc/passwd', 'a:x:1:1:::\na:x:0:0:::'],
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
});
