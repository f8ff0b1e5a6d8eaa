import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { fileSystemOf, isShared, mountOf } from './file-system.ts';

const MOUNTS = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 22 0:25 / /srv rw,relatime shared:7 - tmpfs tmpfs rw,size=10k
31 22 0:40 / /srv/a\\040b rw,nosuid - nfs4 10.0.0.1:/x rw,vers=4.2,hard,noac
33 22 0:41 / /srv/one ro,relatime shared:9 master:1 - ext4 /dev/vdb rw
34 33 0:42 / /srv/one rw,relatime - fuse.sshfs me@host:/with - in\\040it rw,user_id=0
`;

it.each([
  ['/', 'ext4'],
  ['/var/lib', 'ext4'],
  ['/srv', 'tmpfs'],
  ['/srv/a', 'tmpfs'],
  ['/srv/a b/store', 'nfs4'],
  ['/srv/a bc', 'tmpfs'],
  ['/srvx', 'ext4'],
])('finds the mount that %s lies on', (path, type) => {
  expect(mountOf(MOUNTS, path)?.type).toBe(type);
});

it('says how it is mounted, by both lists', () => {
  expect(mountOf(MOUNTS, '/srv/a b')?.options).toEqual([
    'rw',
    'nosuid',
    'vers=4.2',
    'hard',
    'noac',
  ]);
});

it('takes the later of two mounts at one place', () => {
  expect(mountOf(MOUNTS.replace(' - in', '-in'), '/srv/one/x')?.type).toBe('fuse.sshfs');
});

it.skipIf(!existsSync('/proc/self/mountinfo'))('asks the system', async () => {
  expect((await fileSystemOf('/proc/self/task'))?.type).toBe('proc');
});

it.each([
  ['nfs', true],
  ['nfs4', true],
  ['cifs', true],
  ['fuse.sshfs', true],
  ['fuse', true],
  ['ext4', false],
  ['overlay', false],
  ['fusectl', false],
])('knows whether %s may be shared by machines', (type, shared) => {
  expect(isShared({ type, options: [] })).toBe(shared);
});
