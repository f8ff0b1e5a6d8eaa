import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageOptions } from './options.ts';
import { run } from '../files/run-program.ts';

/**
 * Packs a root into an initramfs that the kernel boots as it is: a cpio archive (newc) in zstd. The same
 * files give the same bytes: names are sorted, times are the image's date, numbers of inodes are counted.
 * @param file that is made
 */
export async function pack(root: string, file: string, { date }: ImageOptions): Promise<void> {
  await run('find', [root, '-exec', 'touch', '-h', '-d', `@${date}`, '{}', '+']);
  const archive =
    'find . -print0 | sort -z | cpio --null --create --format=newc --reproducible --quiet';
  await run('sh', ['-c', `set -e; ${archive} | zstd -q -T0 -6 -o "$1"`, 'sh', file], {
    cwd: root,
  });
}

/**
 * Makes an ISO that boots from a CD/DVD and, written to it as it is, from a USB stick; under BIOS and UEFI.
 * @param boot a folder with `vmlinuz`, `initrd.img` and `grub.cfg`
 * @param file that is made
 */
export async function makeIso(boot: string, file: string, { date }: ImageOptions): Promise<void> {
  const tools = await mkdtemp(join(tmpdir(), 'coatcheck-iso-'));
  try {
    await writeFile(join(tools, 'mformat'), MFORMAT, { mode: 0o755 });
    await mkrescue(boot, file, date, tools);
  } finally {
    await rm(tools, { recursive: true });
  }
}

/** GRUB has a filesystem for UEFI made with a random serial number: here it is always the same. */
const MFORMAT = '#!/bin/sh\nPATH=${PATH#*:} exec mformat -N 00000000 "$@"\n';

/** @param tools a folder of programs that are run instead of others of that name */
async function mkrescue(boot: string, file: string, date: number, tools: string): Promise<void> {
  const at = new Date(date * 1000).toISOString().replace(/\D/g, '').slice(0, 16);
  await run(
    'grub-mkrescue',
    [
      ...['-o', file, `/boot/vmlinuz=${join(boot, 'vmlinuz')}`],
      ...[
        `/boot/initrd.img=${join(boot, 'initrd.img')}`,
        `/boot/grub/grub.cfg=${join(boot, 'grub.cfg')}`,
      ],
      ...['--', '-volid', VOLUME, '-volume_date', 'all_file_dates', at, '-volume_date', 'uuid', at],
    ],
    { env: { SOURCE_DATE_EPOCH: String(date), PATH: `${tools}:${process.env['PATH']}` } },
  );
}

/** Not the label of a stick with a key. */
const VOLUME = 'COATCHECK_BOOT';
