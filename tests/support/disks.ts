import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** A stick, which the kernel takes for a disk like any other. */
export interface Disk {
  /** Paths of its partitions, in their order */
  readonly partitions: readonly string[];
  remove(): void;
}

/**
 * Plugs in a disk with a GPT.
 * @param names of its partitions, of 1 MiB each but for the last, which has the rest
 */
export function plugIn(names: readonly string[], bytes = 16 * 1024 * 1024): Disk {
  const folder = mkdtempSync(join(tmpdir(), 'disk-'));
  const image = join(folder, 'image');
  writeFileSync(image, '');
  truncateSync(image, bytes);
  const table = names.map((name, i) =>
    i < names.length - 1 ? `size=1MiB, name=${name}` : `name=${name}`,
  );
  execFileSync('sfdisk', ['-q', image], { input: ['label: gpt', ...table, ''].join('\n') });
  const device = run('losetup', '--find', '--show', image);
  // Not by losetup: the kernel may know no GPT, but lets itself be told what is in one.
  run('partx', '--add', device);
  return {
    partitions: names.map((_, i) => `${device}p${i + 1}`),
    remove: () => {
      run('partx', '--delete', device);
      run('losetup', '--detach', device);
      rmSync(folder, { recursive: true });
    },
  };
}

/** Puts files onto a partition, as `fill` does in its folder, with a filesystem of this label. */
export function format(partition: string, label: string, fill: (folder: string) => void): void {
  run('mkfs.ext4', '-q', '-F', '-L', label, partition);
  const folder = mkdtempSync(join(tmpdir(), 'mounted-'));
  run('mount', partition, folder);
  try {
    fill(folder);
  } finally {
    run('umount', folder);
    rmSync(folder, { recursive: true });
  }
}

/** Where partitions are mounted now. */
export const mountsOf = (disk: Disk): string[] =>
  run('findmnt', '-rn', '-o', 'SOURCE,TARGET')
    .split('\n')
    .filter((line) => disk.partitions.some((path) => line.startsWith(`${path} `)));
