import * as fs from 'node:fs';
import { fromUtf8 } from '../../bundle/bytes.ts';
import { quote } from '../../bundle/errors.ts';
import type { Manifest } from '../../bundle/manifest.ts';
import { isHostname } from '../../bundle/metadata.ts';
import { fail } from '../../protocol/errors.ts';
import { naming } from '../../files/errors.ts';

const FILE = 'etc/hostname';
const KERNEL = '/proc/sys/kernel/hostname';

/**
 * The host name that a bundle gives: its `etc/hostname` as hostname(5) reads it, or else what its
 * metadata say.
 * @throws bad_encoding, step_failed for what metadata could not say (docs/format.md): the kernel
 *   takes anything, and 64 characters of what is longer
 */
export function hostnameOf({
  files,
  metadata,
}: Pick<Manifest, 'files' | 'metadata'>): string | undefined {
  const file = files.find(({ path }) => path === FILE);
  if (file === undefined) return metadata.hostname;
  const lines = fromUtf8(file.content).split('\n');
  const name = lines
    .map((line) => line.trim())
    .find((line) => line !== '' && !line.startsWith('#'));
  if (name === undefined || isHostname(name)) return name;
  const said = `${FILE} gives ${quote(name)}, which is no host name:`;
  throw fail('step_failed', `${said} up to 64 letters, digits and hyphens, with dots between`);
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
