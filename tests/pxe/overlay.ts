import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { must } from './programs.ts';

/** What lies over an image's root, by path: text, or text and mode. */
export type Files = Readonly<Record<string, string | { text: string; mode: number }>>;

/**
 * Files as a second initramfs: the kernel unpacks it over the first, and no image is built for each
 * test.
 * @param file that is made
 */
export async function makeOverlay(files: Files, file: string): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'overlay-'));
  try {
    for (const [path, given] of Object.entries(files)) {
      const { text, mode } = typeof given === 'string' ? { text: given, mode: 0o644 } : given;
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), text, { mode });
    }
    const archive = 'find . -mindepth 1 | cpio --create --format=newc --owner=0:0 --quiet > "$1"';
    await must(['sh', '-c', `cd "$0" && ${archive}`, root, file]);
  } finally {
    rmSync(root, { recursive: true });
  }
}
