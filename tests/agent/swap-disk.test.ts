import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { diskSwap, unitForDisk } from '../../agent/systemd/disk-swap.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { describeWith } from '../support/components.ts';
import { plugIn } from '../support/disks.ts';
import type { Disk } from '../support/disks.ts';

/** Which disks are written over, and that of all others not one byte is. */

const MIB = 1024 * 1024;
const clean: (() => void)[] = [];
afterEach(() =>
  clean
    .splice(0)
    .reverse()
    .forEach((act) => act()),
);

function disk(names: readonly string[], bytes = 32 * MIB): Disk {
  const made = plugIn(names, bytes);
  clean.push(() => made.remove());
  return made;
}
const run = (program: string, ...args: string[]): void =>
  void execFileSync(program, args, { stdio: 'pipe' });
const partition = (name: string, bytes?: number): string => disk([name], bytes).partitions[0]!;

/** What is decided, in words where it is refused. */
function decided(policy: string, byAdministrator = true): unknown {
  try {
    return diskSwap(policy, { byAdministrator });
  } catch (error) {
    if (error instanceof CoatcheckError) return `${error.code}: ${error.message}`;
    throw error;
  }
}
/** A name below /dev/disk/by-id, as udev gives one. */
function byId(device: string): string {
  const link = `/dev/disk/by-id/coatcheck-test-${device.replaceAll('/', '-')}`;
  fs.mkdirSync('/dev/disk/by-id', { recursive: true });
  fs.symlinkSync(device, link);
  clean.push(() => fs.rmSync(link));
  return link;
}

describeWith('disks', 'a disk to swap on', () => {
  it('is a partition that is marked for it, empty or swap before', () => {
    const marked = partition('COATCHECK-SWAP');
    const sectors = Number(fs.readFileSync(`/sys/class/block/${marked.slice(5)}/size`, 'utf8'));
    expect(decided(`disk:${marked}`)).toEqual({ device: marked, sectors, isForced: false });
    run('mkswap', marked);
    expect(decided(`disk:${marked}`)).toEqual({ device: marked, sectors, isForced: false });
    // By a lasting name too, and without an administrator, since it is marked.
    expect(decided(`disk:${byId(marked)}`, false)).toMatchObject({ device: marked });
  });

  it('is a partition whose type is swap, whatever its name', () => {
    const typed = partition('data');
    const whole = typed.replace(/p1$/, '');
    run(
      'sfdisk',
      '--quiet',
      '--no-reread',
      '--no-tell-kernel',
      '--part-type',
      whole,
      '1',
      '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',
    );
    expect(decided(`disk:${typed}`)).toMatchObject({ device: typed });
  });

  it('is no other, by whatever name: not a byte of it changes', () => {
    const other = partition('data');
    const before = fs.readFileSync(other);
    expect(decided(`disk:${other}`)).toMatch(/^file_unsafe: .* is no GPT partition of type swap/);
    expect(decided(`disk:${byId(other)}`)).toMatch(
      /^file_unsafe: .*by-id.*\(\/dev\/loop.* is no GPT/,
    );
    expect(fs.readFileSync(other).equals(before)).toBe(true);
    expect(decided('disk:/dev/null')).toMatch(/^file_unsafe: .*no disk/);
    expect(decided('disk:/dev/nothing')).toMatch(/^device_missing: there is no \/dev\/nothing/);
    expect(decided(`disk:${partition('COATCHECK-SWAP', 6 * MIB)}`)).toMatch(/smaller than 8 MiB/);
  });

  it.each([
    ['ext4', (to: string) => run('mkfs.ext4', '-q', '-F', to)],
    [
      'a GPT',
      (to: string) =>
        execFileSync('sfdisk', ['-q', '--no-reread', '--no-tell-kernel', to], {
          input: 'label: gpt\nsize=1MiB\n',
        }),
    ],
    [
      'DOS',
      (to: string) =>
        execFileSync('sfdisk', ['-q', '--no-reread', '--no-tell-kernel', to], {
          input: 'label: dos\nsize=1MiB\n',
        }),
    ],
    ['LUKS', (to: string) => put(to, 0, 'LUKS\xba\xbe\0\x02')],
    ['LVM2_member', (to: string) => put(to, 512, lvmLabel())],
    [
      'hibernation',
      (to: string) => {
        run('mkswap', to);
        put(to, 4086, 'S1SUSPEND\0');
      },
    ],
    [
      'two at once',
      (to: string) => {
        run('mkfs.ext4', '-q', '-F', to);
        put(to, 65_600, '_BHRfS_M');
      },
    ],
  ] as const)('carries nothing, although it is marked: not %s', (_, make) => {
    const marked = partition('COATCHECK-SWAP');
    make(marked);
    const said = decided(`disk:${marked}`);
    expect(said).toMatch(/^file_unsafe: .* carries .*: nothing was written; .*\+force$/);
    expect(decided(`disk:${byId(marked)}+force`)).toMatchObject({ device: marked, isForced: true });
  });

  it('is another where it is named for good and forced, by an administrator only', () => {
    const other = partition('data');
    run('mkfs.ext4', '-q', '-F', other);
    const id = byId(other);
    expect(decided(`disk:${other}+force`)).toMatch(/may be another disk at the next boot/);
    expect(decided(`disk:${id}+force`, false)).toMatch(/only what an administrator approved/);
    expect(decided(`disk:${id}+force`)).toMatchObject({ device: other, isForced: true });
    // A whole disk, too.
    expect(decided(`disk:${byId(other.replace(/p1$/, ''))}+force`)).toMatchObject({
      isForced: true,
    });
  });

  it('is never in use: mounted, or with a partition that is', () => {
    const used = partition('data');
    run('mkfs.ext4', '-q', '-F', used);
    const folder = fs.mkdtempSync('/tmp/used-');
    run('mount', used, folder);
    clean.push(() => {
      run('umount', folder);
      fs.rmdirSync(folder);
    });
    expect(decided(`disk:${byId(used)}+force`)).toMatch(/^file_unsafe: .* is in use/);
    expect(decided(`disk:${byId(used.replace(/p1$/, ''))}+force`)).toMatch(/ is in use/);
  });

  it('is left alone at both ends, and what was forced loses its signatures first', () => {
    const unit = unitForDisk('disk:/dev/x', {
      device: '/dev/sdz1',
      sectors: 100_000,
      isForced: false,
    });
    expect(unit).toContain('--key-file /dev/urandom --offset 2048 --size 95904 /dev/sdz1 ');
    expect(unit).not.toContain('wipefs');
    const forced = unitForDisk('disk:/dev/x', {
      device: '/dev/sdz1',
      sectors: 100_000,
      isForced: true,
    });
    expect(forced.indexOf('wipefs --all /dev/sdz1')).toBeLessThan(
      forced.indexOf('cryptsetup open'),
    );
    expect(forced).toContain('wipefs');
  });
});

function put(device: string, at: number, bytes: string): void {
  const fd = fs.openSync(device, 'r+');
  fs.writeSync(fd, Buffer.from(bytes, 'latin1'), 0, bytes.length, at);
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}

/** A label of LVM2 in sector 1, with its CRC-32 from byte 20 on (lib/format_text/layout.h of LVM2). */
function lvmLabel(): string {
  const label = Buffer.alloc(512);
  label.write('LABELONE', 0);
  label.writeUInt32LE(1, 8);
  label.writeUInt32LE(32, 20);
  label.write('LVM2 001', 24);
  label.write('a'.repeat(32), 32);
  let crc = 0xf597a6cf;
  for (const byte of label.subarray(20)) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  label.writeUInt32LE(crc >>> 0, 16);
  return label.toString('latin1');
}
