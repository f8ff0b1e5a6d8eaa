import { expect, it } from 'vitest';
import { ZERO_DIGEST } from '../../bundle/statement.ts';
import { fileEntry } from '../../tests/support/frames.ts';
import { makeNode } from '../../tests/support/site.ts';
import { hostnameOf } from '../systemd/hostname.ts';
import { placedPart } from './install.ts';

it('gives a machine no host name whose file is mounted', () => {
  const files = [fileEntry('etc/hostname', 'n1\n'), fileEntry('etc/motd', 'x\n')];
  const metadata = { hostname: 'n1', timezone: 'Etc/UTC' };
  const manifest = { node: makeNode(), base: ZERO_DIGEST, metadata, files };
  const left = (path: string) => [{ path, why: 'is a mount point' }];
  expect(placedPart(manifest, [])).toBe(manifest);
  expect(hostnameOf(placedPart(manifest, left('etc/hosts')))).toBe('n1');
  const part = placedPart(manifest, left('etc/hostname'));
  expect(hostnameOf(part)).toBeUndefined();
  expect(part.metadata).toEqual({ timezone: 'Etc/UTC' });
  expect(part.files).toEqual([files[1]]);
});
