import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith } from '../tests/support/components.ts';
import { withTemporaryFolder } from '../tests/support/temporary-folder.ts';
import { makeUki } from './uki.ts';

/** Of this machine's Debian. */
const STUB = '/usr/lib/systemd/boot/efi/linuxx64.efi.stub';
/** Long ago: whatever says when it was made in truth is another. */
const DATE = 86_400;

describeWith('secureboot', 'one file with all of an image', () => {
  let folder: string;
  withTemporaryFolder('uki', (made) => (folder = made));
  const at = (name: string): string => join(folder, name);

  function parts(): Parameters<typeof makeUki>[0] {
    writeFileSync(at('linux'), randomBytes(70_001));
    writeFileSync(at('initrd'), randomBytes(9_000));
    writeFileSync(at('release'), 'ID=debian\n');
    const [kernel, initrd, release] = [at('linux'), at('initrd'), at('release')];
    return { stub: STUB, kernel, initrd, release, commandLine: 'stateless ip=dhcp', date: DATE };
  }

  const section = (file: string, name: string): Buffer => {
    execFileSync('objcopy', ['--dump-section', `${name}=${at('dumped')}`, file, at('copy')]);
    return readFileSync(at('dumped'));
  };

  it('has each part in a section, whole', async () => {
    const given = parts();
    await makeUki(given, at('image.efi'));
    const has = (name: string): Buffer => section(at('image.efi'), name);
    expect(has('.linux').subarray(0, 70_001).equals(readFileSync(given.kernel))).toBe(true);
    expect(has('.initrd').subarray(0, 9_000).equals(readFileSync(given.initrd))).toBe(true);
    expect(has('.cmdline').toString().replace(/\0+$/, '')).toBe('stateless ip=dhcp');
    expect(has('.osrel').toString().replace(/\0+$/, '')).toBe('ID=debian\n');
  });

  it('has sections that lie apart, so that no part is loaded over another', async () => {
    await makeUki(parts(), at('image.efi'));
    const listed = execFileSync('objdump', ['-h', at('image.efi')], { encoding: 'utf8' });
    const sections = [...listed.matchAll(/^ *\d+ \.\w+ +(\w{8}) +(\w{16})/gm)]
      .map(([, size, address]) => ({ at: parseInt(address!, 16), size: parseInt(size!, 16) }))
      .sort((a, b) => a.at - b.at);
    expect(sections.length).toBeGreaterThan(4);
    for (const [i, { at: start }] of sections.entries()) {
      const before = sections[i - 1];
      if (before !== undefined) expect(start).toBeGreaterThanOrEqual(before.at + before.size);
    }
  });

  it('is the same for the same parts, and dated as the image is', async () => {
    const given = parts();
    for (const name of ['one.efi', 'two.efi']) await makeUki(given, at(name));
    const [one, two] = [readFileSync(at('one.efi')), readFileSync(at('two.efi'))];
    expect(one.equals(two)).toBe(true);
    expect(one.readUInt32LE(one.readUInt32LE(0x3c) + 8)).toBe(DATE);
  });
});
