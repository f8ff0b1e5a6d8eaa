import * as fs from 'node:fs';
import { fromUtf8 } from '../../bundle/bytes.ts';
import type { Manifest } from '../../bundle/manifest.ts';
import { naming } from '../tree/system-error.ts';

const KERNEL = '/proc/sys/kernel/hostname';

/**
 * The host name that a bundle gives: its `etc/hostname` as hostname(5) reads it, or else what its
 * metadata say.
 */
export function hostnameOf({
  files,
  metadata,
}: Pick<Manifest, 'files' | 'metadata'>): string | undefined {
  const file = files.find(({ path }) => path === 'etc/hostname');
  if (file === undefined) return metadata.hostname;
  const lines = fromUtf8(file.content).split('\n');
  return lines.map((line) => line.trim()).find((line) => line !== '' && !line.startsWith('#'));
}

/**
 * Tells the kernel, so that what starts from now on has the name. Not by `hostnamectl`: it needs a
 * bus that an early boot does not have.
 * @throws file_denied without the right
 */
export function setHostname(name: string): void {
  if (fs.readFileSync(KERNEL, 'utf8').trim() === name) return;
  naming(KERNEL, () => fs.writeFileSync(KERNEL, name));
}
