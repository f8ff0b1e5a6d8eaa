import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildImage } from '../../image/build.ts';
import { readOptions } from '../../image/options.ts';
import { testImage } from './image.ts';

it('the same packages, files and date make the same bytes: kernel, initramfs, ISO', async () => {
  const image = await testImage(() => undefined);
  const folder = mkdtempSync(join(tmpdir(), 'reproducible-'));
  try {
    const again = join(folder, 'image');
    const env = { SOURCE_DATE_EPOCH: String(image.date) };
    const options = readOptions([...image.args, '--out', again], env, 0)!;
    await buildImage(options, () => undefined);
    const sums = (at: string): string => readFileSync(join(at, 'SHA256SUMS'), 'utf8');
    expect(sums(again)).toBe(sums(image.folder));
    expect(sums(again)).toMatch(/ initrd\.img\n[^]* coatcheck\.iso\n/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
