import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';

/** A file system of its own that is soon full. */
export interface SmallDisk {
  readonly path: string;
  /** `ro` makes it read-only, `rw` writable again. */
  readonly remount: (mode: 'ro' | 'rw') => void;
  readonly unmount: () => void;
}

type Missing = Readonly<Record<'missing', string>>;

/** @returns why there is none, where this user may not mount one */
export function mountSmallDisk(size: string): SmallDisk | Missing {
  return mountAt('mounting a small tmpfs needs root on Linux', (path) => {
    run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path);
  });
}

/** A test on a small file system of its own; it is skipped where this user may not mount one. */
export function itOnSmallDisk(
  size: string,
  name: string,
  test: (disk: SmallDisk) => Promise<void>,
): void {
  it(name, async (context) => {
    const disk = mountSmallDisk(size);
    if ('missing' in disk) {
      context.skip(disk.missing);
      return;
    }
    try {
      await test(disk);
    } finally {
      disk.unmount();
    }
  });
}

/**
 * An ext4 of four megabytes, without a reserve for root.
 * @param inodes at least 32, of which it needs 11 itself
 */
export function mountSmallExt4(inodes: number): SmallDisk | Missing {
  return mountAt('mounting an ext4 needs root on Linux, mkfs.ext4 and a loop device', (path) => {
    const image = `${path}.ext4`;
    try {
      run('truncate', '-s', '4M', image);
      run('mkfs.ext4', '-q', '-m', '0', '-N', String(inodes), image);
      run('mount', '-o', 'loop', image, path);
    } finally {
      rmSync(image, { force: true }); // The mount keeps it.
    }
  });
}

function mountAt(missing: string, mount: (path: string) => void): SmallDisk | Missing {
  const path = mkdtempSync(join(tmpdir(), 'coatcheck-disk-'));
  try {
    mount(path);
  } catch {
    rmSync(path, { recursive: true });
    return { missing };
  }
  return {
    path,
    remount: (mode) => run('mount', '-o', `remount,${mode}`, path),
    unmount: () => {
      run('umount', '-l', path);
      rmSync(path, { recursive: true });
    },
  };
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'pipe' });
}
