import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../bundle/bytes.ts';
import { replayed } from '../../../protocol/measured-events.ts';
import { describeWith } from '../../../tests/support/components.ts';
import { parseEventLog, readEventLog } from './event-log.ts';

/** Of a signed image under OVMF 2022.11 with Secure Boot on, and systemd's stub 257, on a swtpm with four banks. */
const OVMF = join('tests', 'fixtures', 'event-log.bin');
const HELD = {
  7: '7dbe0c7bffee436d8723ca60c4e92c107d432cfdfb257ef1a0dc9d4936f03ee1',
  11: '7eadf8e7602917e017dc6258c4891e18bfd6b748d3f87bb9922c4a26663faada',
};
const EMPTY = '00'.repeat(32);

const u16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const sized = (data: Uint8Array): Buffer => Buffer.concat([u32(data.length), data]);
const SHA1 = { algorithm: 4, size: 20 };
const SHA256 = { algorithm: 11, size: 32 };

function header(...banks: { algorithm: number; size: number }[]): Buffer {
  const sizes = banks.flatMap(({ algorithm, size }) => [u16(algorithm), u16(size)]);
  const spec = [Buffer.from('Spec ID Event03\0'), Buffer.alloc(8), u32(banks.length), ...sizes];
  return Buffer.concat([u32(0), u32(3), Buffer.alloc(20), sized(Buffer.concat([...spec, u16(0)]))]);
}
interface Logged {
  readonly register?: number;
  readonly type?: number;
  readonly banks?: readonly { algorithm: number; size: number }[];
  readonly data?: Uint8Array;
}
const event = ({ register = 7, type = 4, banks = [SHA256], data = u32(0) }: Logged): Buffer =>
  Buffer.concat([
    u32(register),
    u32(type),
    u32(banks.length),
    ...banks.flatMap(({ algorithm, size }) => [u16(algorithm), Buffer.alloc(size, algorithm)]),
    sized(data),
  ]);
function variable(name: string, characters = name.length): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(characters));
  return Buffer.concat([
    Buffer.alloc(16),
    length,
    Buffer.alloc(8),
    Buffer.from(name, 'utf16le'),
    Buffer.from('its value'),
  ]);
}
const namesIn = (...events: Logged[]): string[] =>
  parseEventLog(Buffer.concat([header(SHA256), ...events.map(event)])).map(({ name }) => name);
const refused = (log: Buffer) => () => parseEventLog(log);

describe('an event log of firmware and stub', () => {
  it('gives what the registers hold, and what went into them by name', () => {
    const events = readEventLog(OVMF);
    expect(replayed(events).map(toHex)).toEqual([HELD[7], HELD[11], EMPTY, EMPTY]);
    const names = (of: number): string[] =>
      events.flatMap(({ register, name }) => (register === of ? [name] : []));
    const settings = ['SecureBoot', 'PK', 'KEK', 'db', 'dbx'];
    expect(names(7)).toEqual([...settings, 'separator', 'db authority']);
    const parts = ['.linux', '.osrel', '.cmdline', '.initrd', '.sbat', '.pcrpkey'];
    expect(names(11)).toEqual(parts.flatMap((part) => [part, part]));
  });

  it('is read whatever else is in it', () => {
    const log = Buffer.concat([
      header(SHA1, SHA256, { algorithm: 0x9999, size: 7 }),
      event({ register: 0, banks: [SHA1] }),
      event({ type: 3, register: 7, data: Buffer.from('StartupLocality\0\x03') }),
      event({ register: 12, banks: [{ algorithm: 0x9999, size: 7 }, SHA1, SHA256] }),
    ]);
    const [only, ...more] = parseEventLog(log);
    expect(more).toEqual([]);
    expect(only).toEqual({
      ...{ register: 12, name: 'separator' },
      digest: new Uint8Array(32).fill(SHA256.algorithm),
    });
  });

  it('names what it can, and the rest by its type', () => {
    const [setting, authority, ipl, action] = [0x80000001, 0x800000e0, 0xd, 0x80000007];
    const longest = 'x'.repeat(32);
    expect(
      namesIn(
        { type: setting, data: variable('dbr') },
        { type: setting, data: variable(longest) },
        { type: authority, data: variable('db') },
        { type: ipl, data: Buffer.from('.linux\0', 'utf16le') },
        { type: ipl, data: Buffer.from(longest, 'utf16le') },
        { type: ipl, data: Buffer.from('grub_cmd\0') },
        { type: action, data: Buffer.from('DMA Protection Disabled') },
        { type: 0x80000008, data: Buffer.from('a program') },
      ),
    ).toEqual([
      ...['dbr', longest, 'db authority', '.linux', longest, 'grub_cmd'],
      ...['DMA Protection Disabled', '0x80000008'],
    ]);
    const odd = ['x'.repeat(33), 'db\x1b[2J', ''].map((name) => variable(name));
    for (const data of [...odd, variable('db', 0xffff), Buffer.alloc(31)]) {
      expect(namesIn({ type: setting, data })).toEqual(['0x80000001']);
    }
    expect(namesIn({ type: authority, data: variable(longest) })).toEqual(['0x800000e0']);
    expect(namesIn({ type: authority, data: variable('') })).toEqual(['0x800000e0']);
    for (const data of [Buffer.alloc(0), Buffer.alloc(2), Buffer.from(`${longest}x`)]) {
      expect(namesIn({ type: ipl, data })).toEqual(['0xd']);
    }
    // A text of a MiB is no work.
    expect(namesIn({ type: ipl, data: Buffer.from(`ab${'\0'.repeat(2 ** 20)}x`) })).toEqual(['ab']);
  });

  it('is refused where it is cut off, has other numbers than its beginning says, or no SHA-256', () => {
    const good = Buffer.concat([header(SHA256), event({}), event({ register: 11 })]);
    const ends = [header(SHA256), event({}), event({ register: 11 })].map(({ length }) => length);
    const whole = new Set(ends.map((_, i) => ends.slice(0, i + 1).reduce((sum, n) => sum + n, 0)));
    for (let length = 0; length <= good.length; length++) {
      const cut = good.subarray(0, length);
      if (whole.has(length)) expect(refused(cut)).not.toThrow();
      else expect(refused(cut), `${length} bytes`).toThrow('its event log is cut off');
    }
    const endless = Buffer.from(good);
    endless.writeUInt32LE(0xffffffff, header(SHA256).length + 8);
    expect(refused(endless)).toThrow('its event log');
    expect(refused(Buffer.concat([header(SHA1), event({ banks: [SHA256] })]))).toThrow(
      'its event log has a digest that its beginning does not name',
    );
    expect(refused(Buffer.concat([header(SHA1), event({ banks: [SHA1] })]))).toThrow(
      'its event log has an event without SHA-256',
    );
    const short = { algorithm: 11, size: 20 };
    expect(refused(Buffer.concat([header(short), event({ banks: [short] })]))).toThrow(
      'its event log has an event without SHA-256',
    );
    const first = Buffer.concat([u32(0), u32(8), Buffer.alloc(20), sized(Buffer.alloc(32))]);
    expect(refused(first)).toThrow('its event log is of SHA-1 alone');
    expect(() => readEventLog('/nonexistent')).toThrow('/nonexistent');
  });
});

describeWith('swtpm', 'tpm2_eventlog', () => {
  it('reads the same of it', () => {
    const all = execFileSync('tpm2_eventlog', [OVMF], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const pcrs = all.slice(all.lastIndexOf('sha256:'));
    for (const [register, held] of Object.entries(HELD)) {
      expect(pcrs).toMatch(new RegExp(`^ +${register} *: 0x${held}$`, 'm'));
    }
  });
});
