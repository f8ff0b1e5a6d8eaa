import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUILT_IN_PATHS } from '../../protocol/paths.ts';
import { utf8 } from '../../bundle/bytes.ts';
import type { FileEntry } from '../../bundle/manifest.ts';
import { codeFrom } from '../../tests/support/thrown.ts';
import { applyFiles } from './apply.ts';
import type { Applied } from './apply.ts';
import { withRoot } from '../tree/folder.ts';
import { readMarker } from './marker.ts';

const asRoot = process.getuid?.() === 0;
let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'agent-apply-'));
});
afterEach(() => {
  fs.rmSync(root, { recursive: true });
});

function file(path: string, text: string, mode = 0o644, owner = 'root', uid = 0): FileEntry {
  return { path, mode, owner, uid, group: owner, gid: uid, content: utf8(text) };
}

const ALL = { left: [], notes: [] };

let statement = 0;
function apply(...files: FileEntry[]): Applied {
  const about = {
    site: '00',
    node: 'n',
    statement: String(++statement).padStart(64, '0'),
    seq: statement,
    appliedAt: 0,
  };
  return withRoot(root, (folder) =>
    applyFiles({ root: folder, files, list: BUILT_IN_PATHS, owners: asRoot, about }),
  );
}

const at = (path: string): string => join(root, path);
const read = (path: string): string => fs.readFileSync(at(path), 'utf8');
const write = (path: string, text: string): void => {
  fs.mkdirSync(join(at(path), '..'), { recursive: true });
  fs.writeFileSync(at(path), text);
};
const mode = (path: string): number => fs.statSync(at(path)).mode & 0o7777;
/** Every path but the agent's own, with its content. */
function tree(folder = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of fs.readdirSync(at(folder))) {
    const path = folder === '' ? name : `${folder}/${name}`;
    const stat = fs.lstatSync(at(path));
    if (path === 'var') continue;
    if (stat.isDirectory()) Object.assign(found, tree(path));
    else found[path] = stat.isSymbolicLink() ? `-> ${fs.readlinkSync(at(path))}` : read(path);
  }
  return found;
}

describe('applying files', () => {
  it('writes contents and exact modes, whatever the umask', () => {
    const umask = process.umask(0o077);
    const result = apply(file('etc/hostname', 'a\n'), file('etc/cron.d/job', '#\n', 0o755));
    process.umask(umask);
    expect(result).toEqual({
      changed: ['etc/cron.d/job', 'etc/hostname'],
      removed: [],
      unchanged: 0,
      ...ALL,
    });
    expect(tree()).toEqual({ 'etc/hostname': 'a\n', 'etc/cron.d/job': '#\n' });
    expect(mode('etc/hostname')).toBe(0o644);
    expect(mode('etc/cron.d/job')).toBe(0o755);
    expect(mode('etc/cron.d')).toBe(0o755);
  });

  it('keeps its own records from others', () => {
    apply(file('etc/hostname', 'a\n'));
    expect(mode('var/lib/coatcheck')).toBe(0o700);
    expect(mode('var/lib/coatcheck/applied.json')).toBe(0o600);
    withRoot(root, (folder) => {
      expect(readMarker(folder)).toMatchObject({
        seq: statement,
        files: { 'etc/hostname': { mode: 0o644 } },
      });
    });
  });

  it('touches only what changed', () => {
    apply(file('etc/hostname', 'a\n'), file('etc/hosts', 'b\n'), file('etc/motd', 'c\n'));
    const before = fs.statSync(at('etc/hosts'), { bigint: true });
    const result = apply(
      file('etc/hostname', 'a2\n'),
      file('etc/hosts', 'b\n'),
      file('etc/motd', 'c\n', 0o600),
    );
    expect(result).toEqual({
      changed: ['etc/hostname', 'etc/motd'],
      removed: [],
      unchanged: 1,
      ...ALL,
    });
    const after = fs.statSync(at('etc/hosts'), { bigint: true });
    expect([after.ino, after.ctimeNs]).toEqual([before.ino, before.ctimeNs]);
    expect(mode('etc/motd')).toBe(0o600);
  });

  it('writes nothing at all when all is right', () => {
    const files = [file('etc/hostname', 'a\n')];
    apply(...files);
    statement--;
    const before = fs.statSync(at('var/lib/coatcheck/applied.json'), { bigint: true });
    expect(apply(...files)).toEqual({ changed: [], removed: [], unchanged: 1, ...ALL });
    const after = fs.statSync(at('var/lib/coatcheck/applied.json'), { bigint: true });
    expect([after.ino, after.ctimeNs]).toEqual([before.ino, before.ctimeNs]);
  });

  it("gives a file that an update drops back to the image's version, or removes it", () => {
    write('etc/motd', 'image\n');
    fs.chmodSync(at('etc/motd'), 0o640);
    fs.symlinkSync('../run/resolv.conf', at('etc/resolv.conf'));
    const image = tree();
    apply(file('etc/motd', '1\n'), file('etc/hosts', '1\n'), file('etc/resolv.conf', '1\n'));
    apply(file('etc/motd', '2\n'), file('etc/hosts', '2\n'), file('etc/resolv.conf', '2\n'));
    const result = apply(file('etc/hostname', 'a\n'));
    expect(result.removed).toEqual(['etc/hosts']);
    expect(result.changed).toEqual(['etc/hostname', 'etc/motd', 'etc/resolv.conf']);
    expect(tree()).toEqual({ ...image, 'etc/hostname': 'a\n' });
    expect(mode('etc/motd')).toBe(0o640);
    apply();
    expect(tree()).toEqual(image);
    expect(fs.readdirSync(at('var/lib/coatcheck/kept'))).toEqual([]);
  });

  it('leaves a dropped file alone from then on', () => {
    apply(file('etc/motd', '1\n'));
    apply(file('etc/hosts', '1\n'));
    write('etc/motd', 'local\n');
    apply(file('etc/hosts', '2\n'));
    expect(read('etc/motd')).toBe('local\n');
  });

  it('merges accounts, and gives files to the names as this machine numbers them', () => {
    const passwd = 'root:x:0:0::/root:/bin/sh\nchrony:x:77:78::/:/bin/false\n';
    write('etc/passwd', passwd);
    write('etc/group', 'root:x:0:\nchrony:x:78:\n');
    apply(
      file('etc/passwd', 'root:x:0:0::/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/sh\n'),
      file('etc/group', 'alice:x:1000:\n'),
      file('etc/chrony/chrony.conf', 'x\n', 0o640, 'chrony', 105),
      file('etc/hosts', 'x\n', 0o644, 'alice', 4242),
      file('etc/motd', 'x\n', 0o644, 'nobody-here', 4242),
    );
    expect(read('etc/passwd')).toBe(
      'root:x:0:0::/root:/bin/bash\nchrony:x:77:78::/:/bin/false\nalice:x:1000:1000::/home/alice:/bin/sh\n',
    );
    if (asRoot) {
      expect(fs.statSync(at('etc/chrony/chrony.conf'))).toMatchObject({ uid: 77, gid: 78 });
      expect(fs.statSync(at('etc/hosts'))).toMatchObject({ uid: 1000, gid: 1000 });
      expect(fs.statSync(at('etc/motd'))).toMatchObject({ uid: 4242, gid: 4242 });
    }
    fs.appendFileSync(at('etc/passwd'), 'bob:x:1001:1001::/:/bin/sh\n');
    apply();
    expect(read('etc/passwd')).toBe(`${passwd}bob:x:1001:1001::/:/bin/sh\n`);
    expect(read('etc/group')).toBe('root:x:0:\nchrony:x:78:\n');
  });

  it.each(['constructor', 'prototype', '__proto__', 'toString'])(
    'takes an account of the name %s away again, or puts it back',
    (name) => {
      const passwd = `root:x:0:0::/root:/bin/sh\n${name}:x:1000:1000::/:/bin/own\n`;
      write('etc/passwd', passwd);
      write('etc/group', 'root:x:0:\n');
      apply(
        file('etc/passwd', `${name}:x:1000:1000::/:/bin/other\n`),
        file('etc/group', `${name}:x:1000:\n`),
      );
      expect(read('etc/passwd')).toContain(`${name}:x:1000:1000::/:/bin/other\n`);
      expect(read('etc/group')).toContain(`${name}:x:1000:\n`);
      apply();
      expect(read('etc/passwd')).toBe(passwd);
      expect(read('etc/group')).toBe('root:x:0:\n');
    },
  );

  it.each(['', '# nobody\n', '+::::::\n'])(
    'leaves accounts alone that a bundle of %j never named',
    (text) => {
      const passwd = 'root:x:0:0::/root:/bin/sh\n';
      write('etc/passwd', passwd);
      apply(file('etc/passwd', text), file('etc/hosts', 'x\n'));
      fs.appendFileSync(at('etc/passwd'), 'bob:x:1001:1001::/:/bin/sh\n');
      apply(file('etc/hosts', 'x\n'));
      expect(read('etc/passwd')).toBe(`${passwd}bob:x:1001:1001::/:/bin/sh\n`);
    },
  );

  it('removes an account file that the image never had', () => {
    apply(file('etc/group', 'alice:x:1000:\n'));
    apply(file('etc/hosts', 'x\n'));
    expect(tree()).toEqual({ 'etc/hosts': 'x\n' });
  });
});

describe('hostile roots and bundles', () => {
  it.each([
    'etc/coatcheck/site.json',
    'usr/bin/sh',
    'var/lib/coatcheck/applied.json',
    'boot/vmlinuz',
  ])('refuses %s, and writes nothing of the rest', (path) => {
    expect(codeFrom(() => apply(file('etc/hosts', 'x\n'), file(path, 'x\n')))).toBe('path_refused');
    expect(tree()).toEqual({});
  });

  it('refuses a file where another file needs a folder', () => {
    const files = [file('etc/sssd/a', 'x\n'), file('etc/sssd/a/b/c', 'x\n')];
    expect(codeFrom(() => apply(...files))).toBe('path_refused');
    expect(tree()).toEqual({});
  });

  it('refuses a malformed account file, and writes nothing of the rest', () => {
    expect(codeFrom(() => apply(file('etc/hosts', 'x\n'), file('etc/group', 'a:b\n')))).toBe(
      'path_refused',
    );
    expect(tree()).toEqual({});
  });

  it('never goes through a link on the way', () => {
    const outside = fs.mkdtempSync(join(tmpdir(), 'agent-outside-'));
    fs.mkdirSync(at('etc'));
    fs.symlinkSync(outside, at('etc/ssh'));
    expect(
      codeFrom(() => apply(file('etc/hosts', 'x\n'), file('etc/ssh/sshd_config', 'x\n'))),
    ).toBe('path_refused');
    expect(fs.readdirSync(outside)).toEqual([]);
    expect(tree()).toEqual({ 'etc/ssh': `-> ${outside}` });
    fs.rmdirSync(outside);
  });

  it('never keeps its records behind a link', () => {
    const outside = fs.mkdtempSync(join(tmpdir(), 'agent-outside-'));
    fs.mkdirSync(at('var/lib'), { recursive: true });
    fs.symlinkSync(outside, at('var/lib/coatcheck'));
    expect(codeFrom(() => apply(file('etc/hosts', 'x\n')))).toBe('path_refused');
    expect(fs.readdirSync(outside)).toEqual([]);
    fs.rmdirSync(outside);
  });

  it('replaces a link at the end, and not what it points to', () => {
    write('etc/secret', 'mine\n');
    fs.symlinkSync('secret', at('etc/motd'));
    fs.linkSync(at('etc/secret'), at('etc/hosts'));
    apply(file('etc/motd', 'x\n'), file('etc/hosts', 'y\n'));
    expect(tree()).toEqual({ 'etc/secret': 'mine\n', 'etc/motd': 'x\n', 'etc/hosts': 'y\n' });
  });

  it('refuses a folder or a special file at the end', () => {
    fs.mkdirSync(at('etc/motd'), { recursive: true });
    expect(codeFrom(() => apply(file('etc/hosts', 'x\n'), file('etc/motd', 'x\n')))).toBe(
      'path_refused',
    );
    expect(tree()).toEqual({});
  });

  it('survives whatever lies where it stages', () => {
    const plain = apply(file('etc/motd', 'x\n'));
    expect(plain.changed).toEqual(['etc/motd']);
    const journal = {
      coatcheck: 'journal/1',
      staged: ['../../escape', 'etc/motd', 'no/such/folder'],
    };
    fs.writeFileSync(at('var/lib/coatcheck/journal.json'), JSON.stringify(journal));
    expect(apply(file('etc/motd', 'y\n')).changed).toEqual(['etc/motd']);
  });

  it('says so when its own records are damaged', () => {
    apply(file('etc/motd', 'x\n'));
    fs.writeFileSync(at('var/lib/coatcheck/kept.json'), '{');
    expect(codeFrom(() => apply(file('etc/motd', 'y\n')))).toBe('file_malformed');
    expect(read('etc/motd')).toBe('x\n');
  });
});

it('names what is in the way quoted, where its name has spaces and letters', () => {
  const path = 'etc/NetworkManager/system-connections/Büro 1';
  fs.mkdirSync(at(path), { recursive: true });
  expect(() => apply(file(path, 'x'))).toThrow(
    /: "etc\/NetworkManager\/system-connections\/B\\u00fcro 1" is a folder/,
  );
});
