import { expect, it } from 'vitest';
import { probeFileSystem } from './file-system.ts';

const found = (type: string, ...options: string[]): object => {
  const [finding] = probeFileSystem({ type, options });
  return { status: finding!.status, found: finding!.found };
};

it.each(['ext4', 'xfs', 'btrfs', 'zfs'])('has nothing against a disk: %s', (type) => {
  expect(found(type, 'rw', 'relatime')).toEqual({ status: 'ok', found: type });
});

it('says nothing where the system does not tell', () => {
  expect(probeFileSystem(undefined)).toEqual([]);
});

it('takes NFS as it was run: by 4.1 or 4.2, hard', () => {
  for (const vers of ['vers=4.1', 'vers=4.2']) {
    expect(found('nfs4', 'rw', vers, 'hard')).toMatchObject({ status: 'ok' });
  }
  expect(found('nfs4', 'rw', 'vers=4.2', 'soft')).toMatchObject({ status: 'warn' });
  expect(found('nfs4', 'rw', 'vers=4.2', 'softerr')).toMatchObject({ status: 'warn' });
  expect(found('nfs', 'rw', 'vers=3', 'hard')).toMatchObject({ status: 'warn' });
  expect(found('nfs4', 'rw', 'vers=4.0', 'hard')).toMatchObject({ status: 'warn' });
});

it.each([
  ['tmpfs', /power/],
  ['ramfs', /power/],
  ['overlay', /container/],
  ['fuse.sshfs', /program/],
  ['fuseblk', /program/],
  ['cifs', /never run/],
  ['smb3', /never run/],
  ['9p', /never run/],
  ['virtiofs', /never run/],
  ['ceph', /never run/],
])('warns of %s', (type, says) => {
  expect(found(type)).toMatchObject({
    status: 'warn',
    found: expect.stringMatching(says) as string,
  });
});
