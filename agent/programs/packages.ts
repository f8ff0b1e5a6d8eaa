import { createHash } from 'node:crypto';
import type { FileEntry } from '../../bundle/manifest.ts';
import { fail } from '../../protocol/errors.ts';
import { readIn } from '../tree/files.ts';
import { inFolderOf } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import { statOf } from '../tree/resolve.ts';
import { run } from './run.ts';

const DPKG = 'var/lib/dpkg/status';
const RPM = ['usr/lib/sysimage/rpm', 'var/lib/rpm'];
const MAX_STATUS_BYTES = 64 * 1024 * 1024;

/** What a package database says of a file: as it is shipped, or not. */
export type IsShipped = (file: FileEntry) => boolean;

/**
 * Asks the packages of an installed system which configuration files are as they ship them
 * (docs/adr/0172).
 * @param rootPath of the same root
 * @throws not_found where there is no database; step_failed what rpm says
 */
export async function shippedByPackages(root: Folder, rootPath: string): Promise<IsShipped> {
  if (statOf(root, DPKG) !== undefined) {
    const read = inFolderOf(root, DPKG, (at, name) => readIn(at, name, MAX_STATUS_BYTES))!;
    return shippedByDpkg(Buffer.from(read.content).toString('latin1'));
  }
  const database = RPM.find((path) => statOf(root, path) !== undefined);
  if (database === undefined) {
    throw fail('not_found', `${rootPath} has no database of dpkg (${DPKG}) or rpm (${RPM[0]})`);
  }
  // The rpm that is run may be of another distribution, which keeps its own elsewhere.
  const args = [`--root=${rootPath}`, `--dbpath=/${database}`, '-qa', '--configfiles', '--dump'];
  const { status, stdout, stderr } = await run('rpm', args, { timeoutSeconds: 300 });
  if (status !== 0) throw fail('step_failed', `rpm ${args.join(' ')}: ${stderr.trim()}`);
  return shippedByRpm(stdout.toString('latin1'));
}

/**
 * By dpkg's list of configuration files (deb-conffiles(5)). It has their MD5 and no more: mode and owner
 * have to be those that nearly all have.
 * @param status the text of `/var/lib/dpkg/status`
 */
export function shippedByDpkg(status: string): IsShipped {
  const shipped = new Map<string, string>();
  for (const block of status.split('\n\n')) {
    if (!/^Status: install ok installed$/m.test(block)) continue;
    const [, list = ''] = /^Conffiles:\n((?: .*\n?)*)/m.exec(block) ?? [];
    for (const [, path, md5] of list.matchAll(/^ \/(.+) ([0-9a-f]{32})$/gm))
      shipped.set(path!, md5!);
  }
  return ({ path, mode, owner, group, content }) =>
    shipped.get(path) === digestOf('md5', content) &&
    [owner, group].every((name) => name === 'root') &&
    [0o644, 0o755].includes(mode);
}

/** By what rpm has of each: digest, mode and owners. @param dump what `rpm -qa --configfiles --dump` says */
export function shippedByRpm(dump: string): IsShipped {
  const shipped = new Map<string, string>();
  for (const line of dump.split('\n')) {
    const [, path, digest, mode, owners] =
      /^\/(.+) \d+ \d+ ([0-9a-f]+) 0?10(\d{4}) (\S+ \S+) \d \d \S+ \S+$/.exec(line) ?? [];
    if (path !== undefined) shipped.set(path, `${digest} ${mode} ${owners}`);
  }
  return ({ path, mode, owner, group, content }) => {
    const said = shipped.get(path);
    if (said === undefined) return false;
    const digest = digestOf(said.indexOf(' ') === 32 ? 'md5' : 'sha256', content);
    return said === `${digest} ${mode.toString(8).padStart(4, '0')} ${owner} ${group}`;
  };
}

const digestOf = (algorithm: 'md5' | 'sha256', content: Uint8Array): string =>
  createHash(algorithm).update(content).digest('hex');
