import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../../bundle/bytes.ts';
import { codeOf } from '../../../protocol/errors.ts';
import { formatKeyFile } from './key-file.ts';
import { readImageSeed } from './image.ts';
import { machineName } from './machine-name.ts';

let sys: string;
beforeEach(() => {
  sys = fs.mkdtempSync(join(tmpdir(), 'sys-'));
});
afterEach(() => {
  fs.rmSync(sys, { recursive: true });
});

const write = (path: string, text: string): void => {
  fs.mkdirSync(dirname(join(sys, path)), { recursive: true });
  fs.writeFileSync(join(sys, path), `${text}\n`);
};
const uuid = (text: string): void => write('class/dmi/id/product_uuid', text);

/** A network interface as sysfs shows it; by default wired hardware with its own address. */
function nic(name: string, address: string, files: Record<string, string | undefined> = {}): void {
  const all: typeof files = {
    address,
    addr_assign_type: '0',
    type: '1',
    'device/vendor': '0x8086',
    ...files,
  };
  for (const [file, text] of Object.entries(all)) {
    if (text !== undefined) write(`class/net/${name}/${file}`, text);
  }
}

const GOOD = '4c4c4544-0042-3510-8052-b3c04f4b4e32';
const [LOW, HIGH] = ['02:00:00:00:00:01', 'f2:00:00:00:00:01'];
const named = (): string => {
  try {
    return machineName(sys);
  } catch (error) {
    return codeOf(error);
  }
};

describe('the name of a machine', () => {
  it('is its SMBIOS UUID, however that is written', () => {
    nic('eth0', LOW);
    uuid(GOOD.toUpperCase());
    expect(named()).toBe(`uuid ${GOOD}`);
  });

  it.each([
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    'fefefefe-fefe-fefe-fefe-fefefefefefe',
    '03000200-0400-0500-0006-000700080009',
    '00020003-0004-0005-0006-000700080009',
    '12345678-1234-5678-90AB-CDDEEFAABBCC',
    'FFFFFF00-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '8a95d198-7f46-11e5-bf8b-08002704d48e',
    'Not Settable',
    '',
  ])('is not the UUID %j, which many have: with no interface it has none', (shared) => {
    uuid(shared);
    expect(named()).toBe('device_missing');
    nic('eth0', LOW);
    expect(named()).toBe(`mac ${LOW}`);
  });

  it('is the lowest address of its wired interfaces, in whatever order they come up', () => {
    nic('eth0', HIGH);
    nic('eth1', LOW);
    expect(named()).toBe(`mac ${LOW}`);
  });

  it.each([
    ['a bridge or a VLAN', { 'device/vendor': undefined }],
    ['wireless', { 'wireless/status': '0' }],
    ['no Ethernet', { type: '772' }],
    ['without an address of its own', { addr_assign_type: '1' }],
  ])('is never from an interface that is %s', (_, files) => {
    nic('eth0', HIGH);
    nic('other', LOW, files);
    expect(named()).toBe(`mac ${HIGH}`);
  });

  it('stays the same in a bond, whose address all its interfaces have', () => {
    nic('eth0', HIGH, { addr_assign_type: '3', 'bonding_slave/perm_hwaddr': HIGH });
    nic('eth1', HIGH, { addr_assign_type: '3', 'bonding_slave/perm_hwaddr': LOW });
    expect(named()).toBe(`mac ${LOW}`);
  });

  it('is not guessed where an address was set by hand', () => {
    nic('eth0', HIGH);
    nic('eth1', LOW, { addr_assign_type: '3' });
    expect(named()).toBe('device_failed');
  });
});

describe('the seed from the key of an image', () => {
  const key = (): string => join(sys, 'image-key');
  const seed = (): string => toHex(readImageSeed(key(), sys));

  it('is this one for this key and this machine, for ever', () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => i * i);
    fs.writeFileSync(key(), formatKeyFile(bytes, 'image-key'), { mode: 0o600 });
    uuid(GOOD);
    expect(seed()).toBe('85d38e67da6a3b02b767bb6f9cb426072b5102a63f5e498ca189268257d1a0b3');
    uuid('4c4c4544-0042-3510-8052-b3c04f4b4e33');
    expect(seed()).not.toBe('85d38e67da6a3b02b767bb6f9cb426072b5102a63f5e498ca189268257d1a0b3');
  });

  it('does not come from the key of one machine', () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => i * i);
    fs.writeFileSync(key(), formatKeyFile(bytes), { mode: 0o600 });
    uuid(GOOD);
    expect(() => seed()).toThrow(expect.objectContaining({ code: 'file_malformed' }) as Error);
  });
});
