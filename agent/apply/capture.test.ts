import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeManifest, MAX_FILES } from '../../bundle/manifest.ts';
import { ZERO_DIGEST } from '../../bundle/statement.ts';
import { BUILT_IN_PATHS } from '../../protocol/paths.ts';
import { makeNode } from '../../tests/support/site.ts';
import { BEHIND_A_LINK, captureFiles, NOT_ON_THE_LIST } from './capture.ts';
import type { Capture } from './capture.ts';
import { withRoot } from '../tree/folder.ts';

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'agent-capture-'));
});
afterEach(() => {
  fs.rmSync(root, { recursive: true });
});

const at = (path: string): string => join(root, path);
function write(path: string, text = 'x\n', mode = 0o644): void {
  fs.mkdirSync(dirname(at(path)), { recursive: true });
  fs.writeFileSync(at(path), text);
  fs.chmodSync(at(path), mode);
}
function link(path: string, target: string): void {
  fs.mkdirSync(dirname(at(path)), { recursive: true });
  fs.symlinkSync(target, at(path));
}
const capture = (): Capture => withRoot(root, (folder) => captureFiles(folder, BUILT_IN_PATHS));
const captured = (): Record<string, string> =>
  Object.fromEntries(
    capture().files.map(({ path, content }) => [path, Buffer.from(content).toString()]),
  );
const skipped = (): Record<string, string> =>
  Object.fromEntries(capture().skipped.map(({ path, reason }) => [path, reason]));

describe('a capture', () => {
  it('takes what a bundle may hold, with mode and owner by name', () => {
    const { uid, gid } = fs.statSync(root);
    write('etc/passwd', `somebody:x:${uid}:${gid}::/:/bin/sh\n`);
    write('etc/group', `some-group:x:${gid}:\n`);
    write('etc/ssh/sshd_config', 'Port 22\n', 0o600);
    write('usr/bin/thing');
    const { files } = capture();
    expect(files.map(({ path }) => path)).toEqual([
      'etc/group',
      'etc/passwd',
      'etc/ssh/sshd_config',
    ]);
    expect(files[2]).toEqual({
      path: 'etc/ssh/sshd_config',
      mode: 0o600,
      owner: 'somebody',
      uid,
      group: 'some-group',
      gid,
      content: new Uint8Array(Buffer.from('Port 22\n')),
    });
  });

  it('gives an owner that has no name one that no system has', () => {
    write('etc/hostname');
    const { uid, gid } = fs.statSync(root);
    expect(capture().files[0]).toMatchObject({ owner: `uid-${uid}`, group: `gid-${gid}` });
  });

  it('reads through a link only to what a bundle may hold', () => {
    write('etc/hosts', 'hosts\n');
    write('run/resolv.conf');
    write('outside', 'secret\n');
    link('etc/networks', 'hosts');
    link('etc/motd', '/etc/hosts');
    link('etc/issue', 'motd');
    link('etc/resolv.conf', '../run/resolv.conf');
    link('etc/hostname', '../../../../../../../../outside');
    link('etc/fstab', 'nothing');
    link('etc/exports', 'exports');
    link('etc/gai.conf', 'gone.conf');
    link('etc/services', 'rpc');
    expect(captured()).toEqual({
      'etc/hosts': 'hosts\n',
      'etc/networks': 'hosts\n',
      'etc/motd': 'hosts\n',
      'etc/issue': 'hosts\n',
    });
    expect(skipped()).toEqual({
      'etc/resolv.conf': 'a link to what is made anew at every boot',
      'etc/hostname': 'a link to what no bundle may hold',
      'etc/fstab': 'a link to what no bundle may hold',
      'etc/exports': 'a link to what no bundle may hold',
      'etc/gai.conf': 'a link to what no bundle may hold',
      'etc/services': 'a link to nothing',
    });
  });

  it('does not enter a folder through a link', () => {
    write('elsewhere/sshd_config', 'x\n');
    link('etc/ssh', '../elsewhere');
    expect(captured()).toEqual({});
    link('etc/unlisted', '../elsewhere');
    link('root', 'elsewhere');
    fs.mkdirSync(at('elsewhere/.ssh'));
    expect(skipped()).toEqual({
      'etc/ssh': BEHIND_A_LINK,
      'etc/unlisted': NOT_ON_THE_LIST,
      'root/.ssh': BEHIND_A_LINK,
    });
  });

  it('reads accounts through a link to a file of the image', () => {
    const { uid } = fs.statSync(root);
    write('usr/lib/passwd', `2022.example.com:x:${uid}:0::/:/bin/sh\n`);
    write('usr/lib/group', 'root:x:0:\n', 0o664);
    write('etc/motd');
    link('lib', 'usr/lib');
    link('etc/passwd', '../lib/passwd');
    link('etc/group', '/usr/lib/group');
    link('etc/shadow', '../usr/lib/shadow');
    const { files, unnamed } = capture();
    expect(files.map(({ path, owner }) => [path, owner])).toEqual([
      ['etc/motd', `uid-${uid}`],
      ['etc/passwd', `uid-${uid}`],
    ]);
    expect(unnamed).toEqual([
      { name: '2022.example.com', id: uid, paths: ['etc/motd', 'etc/passwd'] },
    ]);
    expect(skipped()).toEqual({
      'etc/group': 'a link to no file that root alone may write',
      'etc/shadow': 'a link to no file that root alone may write',
    });
  });

  it('takes no machine id', () => {
    write('etc/machine-id', 'f'.repeat(32));
    expect(captured()).toEqual({});
    expect(skipped()).toEqual({
      'etc/machine-id': 'made anew for each machine: no configuration',
    });
  });

  it('leaves out certificates, caches, special files and what is too large, and says so', () => {
    write('etc/ssl/certs/a.pem');
    write('etc/ca-certificates/update.d/x');
    write('etc/ld.so.cache');
    write('etc/udev/hwdb.bin');
    write('etc/ssh/moduli', 'x'.repeat(128 * 1024 + 1));
    write('etc/ssh/ssh_config', 'x'.repeat(128 * 1024));
    write('etc/cron.d/.coatcheck-0123456789abcdef');
    write('etc/init.d/setuid', 'x\n', 0o4755);
    write('etc/sudoers.d/space at the end ');
    write('etc/unlisted');
    execFileSync('mkfifo', [at('etc/motd')]);
    expect(Object.keys(captured())).toEqual(['etc/ssh/ssh_config']);
    expect(skipped()).toEqual({
      'etc/ssl/certs': 'a certificate store',
      'etc/ca-certificates': 'a certificate store',
      'etc/ld.so.cache': 'a cache',
      'etc/udev/hwdb.bin': 'a cache',
      'etc/ssh/moduli': 'larger than 128 KiB',
      'etc/cron.d/.coatcheck-0123456789abcdef': 'left by an apply that was killed',
      'etc/init.d/setuid': 'setuid, setgid or sticky',
      'etc/sudoers.d/space at the end ': 'a name that no bundle may hold',
      'etc/unlisted': 'not on the list of what a bundle may hold',
      'etc/motd': 'a FIFO, and no regular file',
    });
  });

  it('takes the names that NetworkManager gives, in any of its languages', () => {
    const names = ['Wired connection 1', 'Проводное соединение 1', '有線接続 1', 'Ada’s phone'];
    const paths = names.map((name) => `etc/NetworkManager/system-connections/${name}.nmconnection`);
    for (const path of paths) write(path, path);
    expect(captured()).toEqual(Object.fromEntries(paths.map((path) => [path, path])));
  });

  it('names what has a name that no bundle may hold, and takes no other file for it', () => {
    write('etc/cron.d/cafe\u0301');
    write('etc/cron.d/\u202eboj');
    const folder = Buffer.from(at('etc/cron.d/'));
    fs.writeFileSync(Buffer.concat([folder, Buffer.from('caf\xe9', 'latin1')]), 'latin 1\n');
    write('etc/cron.d/caf\ufffd', 'another\n');
    fs.mkdirSync(Buffer.concat([Buffer.from(at('etc/udev/')), Buffer.of(0xff)]), {
      recursive: true,
    });
    expect(captured()).toEqual({});
    expect(skipped()).toEqual({
      'etc/cron.d/cafe\u0301': 'a name that no bundle may hold',
      'etc/cron.d/\u202eboj': 'a name that no bundle may hold',
      'etc/cron.d/caf\udce9': 'a name that no bundle may hold',
      'etc/cron.d/caf\ufffd': 'a name that no bundle may hold',
      'etc/udev/\udcff': 'a name that no bundle may hold',
    });
  });

  it('says what this user may not read', () => {
    write('etc/shadow', 'x\n', 0o000);
    write('etc/ssl/private/key', 'x\n', 0o600);
    fs.chmodSync(at('etc/ssl/private'), 0o000);
    const nobody = 65_534;
    if (process.geteuid?.() === 0) {
      fs.chownSync(root, nobody, nobody);
      process.seteuid?.(nobody);
    }
    try {
      expect(skipped()).toEqual({
        'etc/shadow': 'not readable',
        'etc/ssl/private': 'not readable',
      });
    } finally {
      if (process.getuid?.() === 0) process.seteuid?.(0);
      fs.chmodSync(at('etc/ssl/private'), 0o700);
    }
  });

  it.each([
    ['byte', 12, 100 * 1024, 10],
    ['file', MAX_FILES + 5, 1, MAX_FILES],
  ])('never takes one %s more than a bundle can hold', (what, count, size, taken) => {
    for (let i = 0; i < count; i++) write(`etc/pam.d/${i}`, 'x'.repeat(size));
    const { files, skipped: out } = capture();
    expect(files).toHaveLength(taken);
    expect(out).toHaveLength(count - taken);
    expect(out[0]!.reason).toBe(`one ${what} too many: a bundle is full`);
    const manifest = { node: makeNode(), base: ZERO_DIGEST, metadata: {}, files };
    expect(() => encodeManifest(manifest)).not.toThrow();
  });

  it("works on this machine's own root", () => {
    const { files, skipped: out } = withRoot('/', (folder) => captureFiles(folder, BUILT_IN_PATHS));
    expect(files.length + out.length).toBeGreaterThan(0);
    expect(files.every(({ path }) => BUILT_IN_PATHS.traitsOf(path) !== undefined)).toBe(true);
    const manifest = { node: makeNode(), base: ZERO_DIGEST, metadata: {}, files };
    expect(() => encodeManifest(manifest)).not.toThrow();
  });
});
