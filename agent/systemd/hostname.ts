import * as fs from 'node:fs';
import type { Manifest } from '../../bundle/manifest.ts';
import { HOSTNAME_FILE, hostnameFault, hostnameIn } from '../../protocol/bootable.ts';
import { fail } from '../../protocol/errors.ts';
import { naming } from '../../files/errors.ts';

const KERNEL = '/proc/sys/kernel/hostname';

/**
 * The host name that a bundle gives: its `etc/hostname` as hostname(5) reads it, or else what its
 * metadata say.
 * @throws step_failed for what metadata could not say (docs/format.md): the kernel
 *   takes anything, and 64 characters of what is longer
 */
export function hostnameOf({
  files,
  metadata,
}: Pick<Manifest, 'files' | 'metadata'>): string | undefined {
  const file = files.find(({ path }) => path === HOSTNAME_FILE);
  if (file === undefined) return metadata.hostname;
  const why = hostnameFault(file.content);
  if (why !== undefined) throw fail('step_failed', `${HOSTNAME_FILE} ${why}`);
  return hostnameIn(file.content);
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
