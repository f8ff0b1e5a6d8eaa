import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../bundle/index.ts';
import { BUILT_IN_PATHS } from '../../protocol/paths.ts';
import { settle } from './settle.ts';
import type { Settled } from './settle.ts';
import { readSource } from './source.ts';

const imported = (source: string | Uint8Array): Settled =>
  settle(readSource(typeof source === 'string' ? utf8(source) : source), BUILT_IN_PATHS);
const textsOf = (source: string | Uint8Array): Record<string, string> =>
  Object.fromEntries(
    imported(source).files.map(({ path, content }) => [path, Buffer.from(content).toString()]),
  );
/** What is said of it. */
function refused(source: string | Uint8Array): string {
  try {
    imported(source);
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
  throw new Error('it was taken');
}

/** A header in ustar, with its content. */
function entry(
  name: string | Uint8Array,
  content: string | Uint8Array = '',
  { type = '0', mode = 0o644, uid = 0, owner = 'root', size = -1, magic = 'ustar\0' + '00' } = {},
): Uint8Array {
  const bytes = typeof content === 'string' ? utf8(content) : content;
  const block = Buffer.alloc(512);
  block.set(typeof name === 'string' ? utf8(name) : name);
  const octal = (n: number, digits: number): string => `${n.toString(8).padStart(digits, '0')}\0`;
  const put = (text: string, at: number): void => {
    block.write(text, at, 'latin1');
  };
  put(octal(mode, 7), 100);
  put(octal(uid, 7), 108);
  put(octal(uid, 7), 116);
  put(octal(size < 0 ? bytes.length : size, 11), 124);
  put(octal(0, 11), 136);
  put(' '.repeat(8), 148);
  put(type, 156);
  put(magic, 257);
  put(owner, 265);
  put(owner, 297);
  put(
    octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    ),
    148,
  );
  return Buffer.concat([block, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
const tar = (...entries: Uint8Array[]): Buffer => Buffer.concat([...entries, Buffer.alloc(1024)]);
const pax = (...records: string[]): Uint8Array =>
  entry('PaxHeader', records.map((record) => `${utf8(record).length + 4} ${record}\n`).join(''), {
    type: 'x',
  });

describe('a tar', () => {
  it('is files, plain and in gzip, with the modes that prepare makes', () => {
    const whole = tar(
      entry('./', '', { type: '5' }),
      entry('./etc/', '', { type: '5', mode: 0o755 }),
      entry('./etc/motd', 'hello\n'),
      entry('etc/coatcheck/ready.d/10-x', '#!/bin/sh\n', { mode: 0o755 }),
      entry('etc/shadow', 'root:*\n', { mode: 0o600 }),
    );
    for (const source of [whole, gzipSync(whole)]) {
      const { files, notKept } = imported(source);
      expect(files.map(({ path, mode }) => [path, mode])).toEqual([
        ['etc/motd', 0o644],
        ['etc/coatcheck/ready.d/10-x', 0o755],
        ['etc/shadow', 0o600],
      ]);
      expect(notKept).toEqual([]);
    }
  });

  it('says, by the same change, what of modes, owners and attributes is not kept', () => {
    const { notKept } = imported(
      tar(
        entry('root/', '', { type: '5', mode: 0o700 }),
        entry('root/.ssh/', '', { type: '5', mode: 0o700 }),
        entry('root/.ssh/authorized_keys', 'x', { mode: 0o600 }),
        entry('etc/hosts', 'x', { mode: 0o600 }),
        entry('etc/motd', 'x', { uid: 1000, owner: 'ada' }),
        entry('etc/issue', 'x', { uid: 1000, owner: 'root' }),
        entry('etc/crontab', 'x', { mode: 0o4755 }),
        pax('SCHILY.xattr.security.x=1'),
        entry('etc/fstab', 'x'),
      ),
    );
    expect(notKept).toEqual([
      {
        change: '0600 root:root becomes 0644 root:root',
        paths: ['root/.ssh/authorized_keys', 'etc/hosts'],
      },
      { change: '0644 ada:ada becomes 0644 root:root', paths: ['etc/motd'] },
      { change: '0644 1000:1000 becomes 0644 root:root', paths: ['etc/issue'] },
      { change: '4755 root:root becomes 0755 root:root', paths: ['etc/crontab'] },
      {
        change: '0644 root:root becomes 0644 root:root, without SCHILY.xattr.security.x',
        paths: ['etc/fstab'],
      },
      {
        change: '0700 root:root is 0755 root:root where it is made',
        paths: ['root/', 'root/.ssh/'],
      },
    ]);
  });

  it('has names of pax and of GNU', () => {
    const path = 'etc/NetworkManager/system-connections/Büro.nmconnection';
    const long = `etc/systemd/system/${'n'.repeat(120)}.service`;
    expect(
      Object.keys(
        textsOf(
          tar(
            pax(`path=${path}`),
            entry('short', 'x'),
            entry('././@LongLink', `${long}\0`, { type: 'L', magic: 'ustar  \0' }),
            entry('short', 'x', { magic: 'ustar  \0' }),
          ),
        ),
      ),
    ).toEqual([path, long]);
  });

  it('names at once all that a bundle does not hold', () => {
    const said = refused(
      tar(
        entry('etc/motd', 'x'),
        entry('etc/motd', 'y'),
        entry('etc/localtime', '', { type: '2' }),
        entry('etc/hosts', '', { type: '1' }),
        entry('etc/null', '', { type: '3' }),
        entry('etc/sda', '', { type: '4' }),
        entry('etc/fifo', '', { type: '6' }),
        entry('etc/sparse', 'x', { type: 'S' }),
        pax('GNU.sparse.major=1'),
        entry('etc/sparse2', 'x'),
        entry('etc/odd', 'x', { type: 'Z' }),
        entry('../etc/issue', 'x'),
        entry('etc/../etc/issue', 'x'),
        entry('/etc/issue', 'x'),
        entry(Buffer.from('etc/caf\xe9', 'latin1'), 'x'),
        entry('etc/cafe\u0301', 'x'),
        entry('usr/bin/ls', 'x'),
        entry('web1/etc/motd', 'x'),
        entry('etc/fstab', 'x'),
        entry('etc/fstab/x', 'x'),
        entry('etc/cron.d', '', { type: '5' }),
      ),
    );
    for (const part of [
      'usage: nothing was imported: ',
      'etc/motd: it is there twice',
      'etc/localtime: it is a link, and a bundle holds no links',
      'etc/hosts: it is a hard link',
      'etc/null: it is a device',
      'etc/sda: it is a device',
      'etc/fifo: it is a pipe',
      'etc/sparse: it is a sparse file',
      'etc/sparse2: it is a sparse file',
      'etc/odd: it is of a type that is not known',
      '"../etc/issue": a path is relative',
      '"etc/../etc/issue": a path is relative',
      '"/etc/issue": a path is relative',
      'no name in a bundle has a U+DCE9',
      'no name in a bundle has a U+0301',
      'usr/bin/ls: no bundle of this site may hold it',
      'web1/etc/motd: no bundle of this site may hold it',
      'etc/fstab/x: no bundle of this site may hold it',
      'etc/cron.d: it is a folder without a file',
    ]) {
      expect(said).toContain(part);
    }
  });

  it('is whole, or nothing of it is taken', () => {
    const good = tar(entry('etc/motd', 'x'.repeat(1000)), entry('etc/hosts', 'x'));
    for (const length of [512, 700, 1024, 1536, 2000, 2048, 2560]) {
      expect(refused(good.subarray(0, length))).toMatch(/^file_malformed: .*cut off/);
    }
    const broken = Buffer.from(good);
    broken[3] = 0x58;
    expect(refused(broken)).toContain('no header of POSIX or GNU stands there');
    expect(refused(Buffer.concat([good, good]))).toContain('something follows its end');
    expect(refused(tar(entry('etc/motd', 'x', { size: 0o7777777777 })))).toContain('cut off');
    expect(refused(tar(entry('x', '9 path=etc', { type: 'x' })))).toContain('pax record');
    expect(refused(tar(pax('path=etc/motd')))).toContain('something follows its end');
    expect(refused(tar(entry('g', '18 path=etc/motd0\n', { type: 'g' })))).toContain(
      'says path of all that follows',
    );
    expect(refused(Buffer.alloc(1024))).toContain('it is no tar');
    expect(refused(gzipSync(good).subarray(0, 60))).toContain('no whole gzip');
  });

  it('is bounded, however small it is in gzip', () => {
    const big = Buffer.alloc(1024 * 1024 + 1);
    expect(refused(tar(entry('etc/motd', big)))).toContain('more than 1048576 bytes');
    expect(refused(gzipSync(Buffer.alloc(9 * 1024 * 1024)))).toContain('more than 8388608 bytes');
    const empty = entry('etc/', '', { type: '5' });
    const many = Buffer.concat(Array.from({ length: 4097 }, () => empty));
    expect(refused(gzipSync(tar(many)))).toContain('more than 4096 entries');
    const files = Array.from({ length: 1025 }, (_, n) => entry(`etc/cron.d/n${n}`, 'x'));
    expect(refused(tar(...files))).toContain('1025 files: at most 1024');
  });
});

describe('a cloud-config', () => {
  const of = (text: string): string => `#cloud-config\n${text}`;
  const b64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64');

  it('writes its files in every encoding', () => {
    const text = of(`write_files:
- {path: /etc/motd, content: "a\\n", permissions: 0644}
- path: /etc/issue
  permissions: '0644'
  owner: root:root
  content: |
    b
      c
- {path: /etc/hosts, encoding: b64, content: ${b64('d\n')}}
- path: /etc/fstab
  encoding: base64
  content: |
    ${b64('e'.repeat(60)).slice(0, 40)}
    ${b64('e'.repeat(60)).slice(40)}
- {path: /etc/crontab, encoding: gz+b64, content: ${b64(gzipSync('f\n'))}}
- {path: /etc/rpc, encoding: gzip, content: !!binary ${b64(gzipSync('g\n'))}}
- {path: /etc/networks, content: !!binary ${b64('h\n')}, encoding: text/plain}
- {path: /etc/shells}
- {path: /etc/init.d/x, content: '#!/bin/sh', permissions: 0o755}
`);
    const wanted = {
      ...{ 'etc/motd': 'a\n', 'etc/issue': 'b\n  c\n', 'etc/hosts': 'd\n' },
      ...{ 'etc/fstab': 'e'.repeat(60), 'etc/crontab': 'f\n', 'etc/rpc': 'g\n' },
      ...{ 'etc/networks': 'h\n', 'etc/shells': '', 'etc/init.d/x': '#!/bin/sh' },
    };
    expect(textsOf(text)).toEqual(wanted);
    expect(textsOf(gzipSync(text))).toEqual(wanted);
    expect(textsOf(`\ufeff${text.replaceAll('\n', '\r\n')}`)).toEqual(wanted);
    expect(imported(text).notKept).toEqual([]);
    expect(imported(text).files.at(-1)?.mode).toBe(0o755);
  });

  it('appends to what it writes, what is deferred last, and to nothing that it does not know', () => {
    const text = of(`write_files:
- {path: /etc/motd, content: "3\\n", append: true, defer: true}
- {path: /etc/motd, content: "1\\n"}
- {path: /etc/motd, content: "2\\n", append: yes}
`);
    expect(textsOf(text)).toEqual({ 'etc/motd': '1\n2\n3\n' });
    const onImage = of('write_files: [{path: /etc/fstab, content: x, append: true}]');
    expect(refused(onImage)).toContain('/etc/fstab: append adds to what the image has');
  });

  it('has anchors, and merges of them', () => {
    const text = of(`write_files:
- &first {path: /etc/motd, content: &a x, permissions: '0755'}
- {<<: *first, path: /etc/issue}
- {path: /etc/hosts, content: *a}
`);
    expect(imported(text).files.map(({ path, mode }) => [path, mode])).toEqual([
      ['etc/motd', 0o755],
      ['etc/issue', 0o755],
      ['etc/hosts', 0o644],
    ]);
  });

  it('says the owners that are not kept', () => {
    const text = of(
      "write_files: [{path: /etc/motd, owner: 'ada:adm', permissions: '640'}, {path: /etc/issue, owner: ada}]",
    );
    expect(imported(text).notKept.map(({ change }) => change)).toEqual([
      '0640 ada:adm becomes 0644 root:root',
      '0644 ada:root becomes 0644 root:root',
    ]);
  });

  it('names at once all that writes no file, and what to do', () => {
    const said = refused(
      of(`runcmd: [reboot]
users: [default]
packages: [jq]
hostname: web1
ntp: {enabled: true}
merge_how: x
write_files:
- {path: /etc/motd, content: 1}
- {path: /etc/issue, content: a, permissions: 644}
- {path: /etc/hosts, content: a, permissions: 420}
- {path: /etc/fstab, content: a, encoding: rot13}
- {path: /etc/rpc, content: '***', encoding: b64}
- {path: /etc/shells, content: text, encoding: gzip}
- {path: /etc/networks, content: ${b64('no gzip')}, encoding: gz+b64}
- {path: etc/timezone, content: a}
- {path: /etc/protocols, source: {uri: 'http://192.0.2.1/x'}}
- {path: /etc/services, content: a, permission: '0600'}
- {content: a}
- text
- {path: /etc/gai.conf, content: a, append: maybe}
- {path: /etc/../etc/adjtime, content: a}
- {path: /opt/x, content: a}
- {path: /etc/crontab, content: a}
- {path: /etc/crontab, content: b}
`),
    );
    for (const part of [
      'runcmd: a bundle has no commands',
      'users: accounts are files',
      'packages: this comes with the image',
      'hostname: it is a setting',
      'ntp: it writes no file',
      'merge_how: it writes no file',
      '/etc/motd: its content is no text',
      '/etc/issue: its permissions are no octal text',
      '/etc/hosts: its permissions are no octal text',
      '/etc/fstab: its encoding',
      '/etc/rpc: it is no base64',
      '/etc/shells: gzip is no text',
      '/etc/networks: it is no whole gzip',
      'etc/timezone: its path has to begin with /',
      '/etc/protocols: nothing is fetched (source)',
      '/etc/services: permission is nothing that write_files has',
      'write_files 11: it has no path',
      'write_files 12: it is no map',
      '/etc/gai.conf: append is neither true nor false',
      '"etc/../etc/adjtime": a path is relative',
      'opt/x: no bundle of this site',
      'etc/crontab: it is there twice',
    ]) {
      expect(said).toContain(part);
    }
  });

  it.each([
    ['a key twice', 'write_files: []\nwrite_files: []', 'is there twice'],
    ['a tag of somebody', 'write_files: [{path: /etc/motd, permissions: !str 0755}]', '!str'],
    ['two documents', 'write_files: []\n---\nruncmd: []', 'YAML'],
    ['no map', '- a', 'is a map with write_files'],
    ['a bad indentation', 'write_files:\n - path: /etc/motd\n  content: a', 'YAML'],
    [
      'what grows by aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from('bcdefghi', (c, n) => `${c}: &${c} [${`*${'abcdefghi'[n]!},`.repeat(9)}]`).join('\n')}`,
      'alias',
    ],
    ['a key that is none', 'write_files: []\n1: x', 'a key is no text'],
    ['a million parts', `write_files: ${'['.repeat(1_000_000)}`, 'more than 200000 parts'],
    ['deep nesting', `write_files: ${'['.repeat(5000)}`, 'YAML'],
  ])('is refused as a whole for %s', (_, text, says) => {
    const said = refused(of(text));
    expect(said).toMatch(/^file_malformed: /);
    expect(said).toContain(says);
  });

  it('is bounded as a whole', () => {
    const packed = b64(gzipSync(Buffer.alloc(700_000)));
    const one = (path: string): string =>
      `- {path: ${path}, encoding: gz+b64, content: ${packed}}\n`;
    expect(refused(of(`write_files:\n${one('/etc/motd')}${one('/etc/issue')}`))).toContain(
      'more than 1048576 bytes',
    );
    expect(refused(of(`# ${'x'.repeat(2 * 1024 * 1024)}`))).toContain('text of more than');
  });
});

describe('an Ignition config', () => {
  const of = (files: unknown[], more: object = {}): string =>
    JSON.stringify({ ignition: { version: '3.4.0' }, storage: { files }, ...more });
  const data = (path: string, source: string, more: object = {}): object => ({
    ...{ path, contents: { source } },
    ...more,
  });

  it('writes its files', () => {
    const packed = `data:;base64,${gzipSync('c\n').toString('base64')}`;
    const hash = `sha512-${createHash('sha512').update('c\n').digest('hex')}`;
    const text = of([
      data('/etc/motd', 'data:,a%20b%0A', { mode: 420, overwrite: true, user: { name: 'root' } }),
      data('/etc/issue', 'data:text/plain;charset=utf-8;base64,YgoA', { user: { id: 0 } }),
      {
        path: '/etc/hosts',
        contents: { source: packed, compression: 'gzip', verification: { hash } },
        append: [{ source: 'data:,d,e%0A' }],
      },
      data('/etc/init.d/x', 'data:,%23!/bin/sh', { mode: 493 }),
      data('/etc/shells', 'data:,'),
    ]);
    expect(textsOf(text)).toEqual({
      ...{ 'etc/motd': 'a b\n', 'etc/issue': 'b\n\0', 'etc/hosts': 'c\nd,e\n' },
      ...{ 'etc/init.d/x': '#!/bin/sh', 'etc/shells': '' },
    });
    expect(imported(text).files[3]?.mode).toBe(0o755);
    const empty = { passwd: {}, systemd: { units: [] }, kernelArguments: { shouldExist: [] } };
    expect(textsOf(of([data('/etc/motd', 'data:,x')], empty))).toEqual({ 'etc/motd': 'x' });
  });

  it('names at once all that writes no file, and what to do', () => {
    const said = refused(
      JSON.stringify({
        ignition: { version: '3.3.0', config: { merge: [{ source: 'http://192.0.2.1/x' }] } },
        passwd: { users: [{ name: 'core', sshAuthorizedKeys: ['x'] }] },
        systemd: { units: [{ name: 'a.service', enabled: true, contents: 'x' }] },
        kernelArguments: { shouldExist: ['quiet'] },
        storage: {
          disks: [{ device: '/dev/sda' }],
          links: [{ path: '/etc/localtime', target: '/usr/share/zoneinfo/UTC' }],
          directories: [{ path: '/etc/cron.d', mode: 493 }, { path: '/etc/x' }],
          files: [
            data('/etc/motd', 'https://192.0.2.1/motd'),
            data('/etc/issue', 's3://bucket/issue'),
            data('/etc/hosts', 'data:,a', { mode: 644 }),
            data('/etc/fstab', 'data:,a', { mode: 400 }),
            data('/etc/rpc', 'data:,100%'),
            data('/etc/networks', 'data:;base64,???'),
            { path: '/etc/shells' },
            { path: '/etc/services', append: [{ source: 'data:,a' }] },
            { path: '/etc/gai.conf', contents: { source: 'data:,a', compression: 'xz' } },
            {
              path: '/etc/protocols',
              contents: { source: 'data:,a', verification: { hash: `sha256-${'0'.repeat(64)}` } },
            },
            data('etc/adjtime', 'data:,a'),
            data('/etc/../etc/timezone', 'data:,a'),
            data('/etc/crontab', 'data:,a'),
            data('/etc/crontab', 'data:,b'),
            data('/etc/cron.d/x', 'data:,b', { filesystem: 'root' }),
          ],
        },
      }),
    );
    for (const part of [
      'ignition.config: nothing is fetched or merged',
      'passwd.users core: accounts are files',
      'systemd.units a.service: write its contents to /etc/systemd/system',
      'kernelArguments.shouldExist "quiet": it writes no file',
      'storage.disks /dev/sda: it writes no file',
      'storage.links /etc/localtime: a bundle holds no links',
      'etc/cron.d: it is a folder without a file',
      'etc/x: it is a folder without a file',
      '/etc/motd: nothing is fetched (https: in source)',
      '/etc/issue: nothing is fetched (s3: in source)',
      '/etc/hosts: a mode is a decimal number, and 644 is 01204: write 420 if 0644 is meant',
      '/etc/fstab: a mode is a decimal number, and 400 is 0620: write 256 if 0400 is meant',
      '/etc/rpc: its data: URL has a % that is no byte',
      '/etc/networks: it is no base64',
      '/etc/shells: without contents.source',
      '/etc/services: without contents.source',
      '/etc/gai.conf: its compression is not gzip',
      '/etc/protocols: its content is not that of its verification.hash',
      'etc/adjtime: its path has to begin with /',
      '"etc/../etc/timezone": a path is relative',
      'etc/crontab: it is there twice',
      '/etc/cron.d/x: filesystem is not known here',
    ]) {
      expect(said).toContain(part);
    }
  });

  it('says the modes and owners of files and folders that are not kept', () => {
    const text = of([data('/etc/cron.d/x', 'data:,a', { mode: 0o640, user: { id: 7 } })]);
    const tree = JSON.parse(text) as { storage: { directories: unknown } };
    tree.storage.directories = [{ path: '/etc/cron.d', mode: 0o700, group: { name: 'adm' } }];
    expect(imported(JSON.stringify(tree)).notKept.map(({ change }) => change)).toEqual([
      '0640 7:root becomes 0644 root:root',
      '0700 root:adm is 0755 root:root where it is made',
    ]);
  });

  it.each([
    ['spec 2', '{"ignition":{"version":"2.3.0"}}', 'spec 3'],
    ['no config', '{"a":1}', 'no ignition.version'],
    ['a key twice', '{"ignition":{"version":"3.4.0","version":"3.4.0"}}', 'there twice'],
    ['no JSON', '{"ignition":', 'JSON'],
    ['a list that is none', '{"ignition":{"version":"3.4.0"},"storage":{"files":{}}}', 'no list'],
  ])('is refused as a whole for %s', (_, text, says) => {
    const said = refused(text);
    expect(said).toMatch(/^file_malformed: /);
    expect(said).toContain(says);
  });
});

describe('what is something else', () => {
  it.each([
    ['#!/bin/sh\n', 'it is a script'],
    ['#include\nhttp://192.0.2.1/x\n', 'nothing is fetched'],
    ['## template: jinja\n#cloud-config\n', 'it is a template'],
    ['Content-Type: multipart/mixed; boundary="x"\n', 'several parts'],
    ['#cloud-config-archive\n', 'several parts'],
    ['variant: fcos\nversion: 1.5.0\n', 'butane --strict'],
    [Buffer.from('\xfd7zXZ\0', 'latin1'), 'decompress it first'],
    [Buffer.from('#cloud-config\nwrite_files: []\n# \xff', 'latin1'), 'no UTF-8'],
    ['#cloud-config\n', 'is a map with write_files'],
    ['#cloud-config\nwrite_files: []\n', 'it has no file'],
    ['', 'it is no tar'],
  ])('%j is said to be so', (source, says) => {
    expect(refused(source)).toContain(says);
  });
});
