import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own that is soon full. */
export interface SmallDisk {
  readonly path: string;
  /** `ro` makes it read-only, `rw` writable again. */
  readonly remount: (mode: 'ro' | 'rw') => void;
  readonly unmount: () => void;
}

/** @returns why there is none, where this user may not mount one */
export function mountSmallDisk(size: string): SmallDisk | { missing: string } {
  const path = mkdtempSync(join(tmpdir(), 'coatcheck-disk-'));
  const mount = (options: string): void => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'pipe' });
  };
  try {
    mount(`size=${size}`);
  } catch {
    rmSync(path, { recursive: true });
    return { missing: 'mounting a small tmpfs needs root on Linux' };
  }
  return {
    path,
    remount: (mode) => mount(`remount,${mode}`),
    unmount: () => {
      execFileSync('umount', ['-l', path]);
      rmSync(path, { recursive: true });
    },
  };
}
