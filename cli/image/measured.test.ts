import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { toHex } from '../../bundle/index.ts';
import { describeWith } from '../../tests/support/components.ts';
import { withTemporaryFolder } from '../../tests/support/temporary-folder.ts';
import { codeFrom } from '../../tests/support/thrown.ts';
import { imageRegister as registerOf } from './measured.ts';

const STUB = '/usr/lib/systemd/boot/efi/linuxx64.efi.stub';
/** What systemd itself foresees, by files of its own (systemd-measure(1)). */
const MEASURE = '/usr/lib/systemd/systemd-measure';
const PARTS = ['linux', 'osrel', 'cmdline', 'initrd', 'pcrpkey'] as const;

const imageRegister = (image: Buffer): Uint8Array => registerOf(image, 'image.efi');

describeWith('secureboot', 'the register of an image', () => {
  let folder: string;
  withTemporaryFolder('measured', (made) => (folder = made));
  const at = (name: string): string => join(folder, name);

  /** A program with these parts, each of another length that ends nowhere in particular. */
  function image(parts: readonly string[], ...more: string[]): Buffer {
    const args = parts.flatMap((name, i) => {
      writeFileSync(at(name), randomBytes(1000 * i + 333));
      const address = `.${name}=0x${(0x100000 * (i + 1)).toString(16)}`;
      return ['--add-section', `.${name}=${at(name)}`, '--change-section-vma', address];
    });
    execFileSync('objcopy', [...more, ...args, STUB, at('image.efi')]);
    return readFileSync(at('image.efi'));
  }

  it.each([[PARTS], [PARTS.slice(0, 4)]])('is what systemd-measure foresees: %j', (parts) => {
    const register = toHex(imageRegister(image(parts)));
    const files = parts.map((name) => `--${name}=${at(name)}`);
    const foreseen = execFileSync(MEASURE, ['calculate', ...files, '--bank=sha256', '--phase=:'], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    expect(foreseen.trim()).toBe(`11:sha256=${register}`);
  });

  it('has the parts that systemd 257 measures besides, and of another version is not foreseen', () => {
    const magic = (version: number): string[] => {
      const path = at(`magic${version}`);
      writeFileSync(path, `#### LoaderInfo: systemd-stub ${version}.1 ####\0`);
      return ['--update-section', `.sdmagic=${path}`];
    };
    const changed = (version: number): boolean => {
      const whole = image(['linux', 'uname'], ...magic(version));
      const before = toHex(imageRegister(whole));
      whole[whole.indexOf(readFileSync(at('uname')))]! ^= 1;
      return toHex(imageRegister(whole)) !== before;
    };
    expect([changed(252), changed(257)]).toEqual([false, true]);
    expect(codeFrom(() => imageRegister(image(['linux'], ...magic(255))))).toBe('file_malformed');
  });

  it('is of no other program, whole or cut', () => {
    expect(codeFrom(() => imageRegister(readFileSync(STUB)))).toBe('file_malformed');
    expect(codeFrom(() => imageRegister(Buffer.from('no program\n')))).toBe('file_malformed');
    const whole = image(['linux']);
    for (const length of [0, 1, 64, 300, 0x200, 0x1000])
      expect(codeFrom(() => imageRegister(whole.subarray(0, length)))).toBe('file_malformed');
  });
});
