import type { FileSystem } from '../../files/file-system.ts';
import { isShared } from '../../files/file-system.ts';
import type { Finding } from './probe.ts';

const PROBE = 'the file system of the folder keeps what it was given';

/** What is known of the file system of a store in a folder (docs/stores.md, "A folder"); it writes nothing. */
export function probeFileSystem(fileSystem: FileSystem | undefined): Finding[] {
  if (fileSystem === undefined) return [];
  const { type } = fileSystem;
  const warn = (found: string, advice: string): Finding[] => [
    { probe: PROBE, status: 'warn', found: `${type}: ${found}`, advice },
  ];
  if (/^nfs4?$/.test(type)) return ofNfs(fileSystem, warn);
  if (['tmpfs', 'ramfs'].includes(type)) {
    return warn('all of it is lost when the power goes', 'use a folder on a disk');
  }
  if (type === 'overlay') {
    return warn(
      'what is written there goes with the container, or with the live system, whose it is',
      'mount a volume there, or a folder on a disk',
    );
  }
  if (/^fuse/.test(type)) {
    return warn('what it promises is up to the program behind it', 'ask its manual, or use a disk');
  }
  if (isShared(fileSystem)) {
    return warn('coatcheck was never run on it', 'use NFS, a disk, or an S3 server');
  }
  return [{ probe: PROBE, status: 'ok', found: type }];
}

function ofNfs(
  { type, options }: FileSystem,
  warn: (found: string, advice: string) => Finding[],
): Finding[] {
  const version = options.find((option) => option.startsWith('vers=')) ?? 'of no version';
  if (options.some((option) => ['soft', 'softerr', 'softreval'].includes(option))) {
    return warn(
      'mounted soft: while the server does not answer, what was written may fail, and be there all the same',
      'mount it hard, which is the default',
    );
  }
  if (!/^vers=4\.[12]$/.test(version)) {
    return warn(`coatcheck was never run on NFS ${version}`, 'mount it with vers=4.2');
  }
  const found = `${type} (${version}, hard): for one machine at a time, which is held to`;
  return [{ probe: PROBE, status: 'ok', found }];
}
