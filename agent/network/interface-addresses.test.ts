import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressesOf, builtUpon, defaultRouteOf } from './interface-addresses.ts';

let folder: string;
beforeEach(() => (folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-net-'))));
afterEach(() => fs.rmSync(folder, { recursive: true }));
const write = (name: string, text: string): void => {
  fs.mkdirSync(join(folder, name, '..'), { recursive: true });
  fs.writeFileSync(join(folder, name), text);
};

const V4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	01004D0A	0003	0	0	1024	00000000	0	0	0
eth0	00004D0A	00000000	0001	0	0	1024	00FFFFFF	0	0	0
eth1	00004E0A	00000000	0001	0	0	0	00FFFFFF	0	0	0
ppp0	00000000	00000000	0001	0	0	0	00000000	0	0	0
`;
const zeros = '0'.repeat(32);
const V6 = `${zeros} 00 ${zeros} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth6
fe800000000000000000000000000000 40 ${zeros} 00 ${zeros} 00000100 00000001 00000000 00000001     eth1
${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200       lo
`;

describe('the default route', () => {
  it('is that of the interface, with its gateway', () => {
    write('route', V4);
    write('ipv6_route', V6);
    const routes = ['eth0', 'eth1', 'ppp0', 'eth6', 'lo', 'eth9'].map((name) =>
      defaultRouteOf(name, folder),
    );
    expect(routes).toEqual([{ gateway: '10.77.0.1' }, undefined, {}, {}, undefined, undefined]);
    expect(defaultRouteOf('eth0', '/nowhere')).toBeUndefined();
  });
});

describe('what is built upon an interface', () => {
  it('is all that is above it, the nearest first', () => {
    write('eth0/upper_bond0/x', '');
    write('bond0/upper_br0/x', '');
    write('bond0/ifindex', '7\n');
    write('br0/ifindex', '9\n');
    expect(builtUpon('eth0', folder)).toEqual([
      { name: 'bond0', index: 7 },
      { name: 'br0', index: 9 },
    ]);
    expect(builtUpon('br0', folder)).toEqual([]);
    expect(builtUpon('eth9', folder)).toEqual([]);
  });
});

describe('the addresses of an interface', () => {
  it('have their prefix, and none are of one that is not there', () => {
    expect(addressesOf('lo')).toContain('127.0.0.1/8');
    expect(addressesOf('eth99')).toEqual([]);
  });
});
