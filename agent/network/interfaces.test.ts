import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeOf } from '../../protocol/errors.ts';
import type { Orders } from '../answers/cmdline/orders.ts';
import { chooseInterface, listInterfaces } from './interfaces.ts';
import type { Interface } from './interfaces.ts';

const mac = (n: number): string => `52:54:00:77:00:0${n}`;
const nic = (n: number, more: Partial<Interface> = {}): Interface => ({
  ...{ name: `eth${n}`, index: n + 2, mac: mac(n), hasLink: false, isPort: true },
  ...more,
});
type Wanted = Partial<Pick<Orders, 'bootInterface' | 'bootInterfaceRequired'>>;

/** Each turn is what a look shows; the last stays. */
async function choose(
  wanted: Wanted,
  turns: readonly (readonly Interface[])[],
): Promise<{ said: string; raised: string[]; slept: number }> {
  const left = [...turns];
  const raised: string[] = [];
  let slept = 0;
  const orders = { bootInterfaceRequired: false, ...wanted };
  const said = await chooseInterface(orders, {
    list: () => (left.length > 1 ? left.shift()! : left[0]!),
    raise: async (name) => void raised.push(name),
    sleep: async (milliseconds) => void (slept += milliseconds),
    permanent: async (mac) => (mac === BEFORE ? 'eth2' : undefined),
    isUp: (name) => name === 'br-up',
  }).then(
    ({ name }) => name,
    (error: unknown) => `${codeOf(error)}: ${(error as Error).message}`,
  );
  return { said, raised, slept };
}

/** What eth2 had before somebody gave it another */
const BEFORE = '52:54:00:99:00:02';
const LINK = { hasLink: true };
const three = [nic(0), nic(1, LINK), nic(2, LINK)];

describe('the interface to boot over', () => {
  it('is the one that BOOTIF names, by address or by name, and no other', async () => {
    const byMac = { bootInterface: { by: 'mac', mac: mac(2) } } as const;
    expect(await choose(byMac, [three])).toEqual({ said: 'eth2', raised: [], slept: 0 });
    const byName = { bootInterface: { by: 'name', name: 'eth1' } } as const;
    expect(await choose(byName, [three])).toEqual({ said: 'eth1', raised: [], slept: 0 });
  });

  it.each([{}, { bootInterface: { by: 'link' } }] as Wanted[])(
    'is the first with link where BOOTIF is %j: an earlier one gets 5 s to find its own',
    async (wanted) => {
      const late = [nic(0, LINK), nic(1, LINK)];
      const waits = await choose(wanted, [three, three, three, late]);
      expect(waits).toEqual({ said: 'eth0', raised: ['eth0'], slept: 750 });
      expect(await choose(wanted, [three])).toMatchObject({ said: 'eth1', slept: 5000 });
    },
  );

  it('is waited for, its driver and its link; what is there is set up meanwhile', async () => {
    const wanted = { bootInterface: { by: 'mac', mac: mac(1) } } as const;
    const turns = [[], [nic(0)], [nic(0), nic(1)], [nic(0), nic(1)], [nic(0), nic(1, LINK)]];
    expect(await choose(wanted, turns)).toEqual({ said: 'eth1', raised: ['eth1'], slept: 1000 });
    const any = await choose({}, [[nic(0)], [nic(0)], [nic(0, LINK)]]);
    expect(any).toEqual({ said: 'eth0', raised: ['eth0'], slept: 500 });
  });

  it('is not there after a minute: the error says what is', async () => {
    const absent = { bootInterface: { by: 'mac', mac: mac(9) } } as const;
    const { said, slept } = await choose(absent, [three]);
    expect(slept).toBe(60_000);
    expect(said).toBe(
      `network_down: the boot interface (BOOTIF), the one with address ${mac(9)}, is missing or has no link after 60 s; ` +
        `there is eth0 ${mac(0)} without link, eth1 ${mac(1)} with link, eth2 ${mac(2)} with link`,
    );
    const dark = { bootInterface: { by: 'name', name: 'eth0' } } as const;
    expect((await choose(dark, [three])).said).toContain('eth0, is missing or has no link');
    expect((await choose({}, [[]])).said).toContain('none at all: is its driver in the image?');
  });

  it('must be named where that is required', async () => {
    const { said } = await choose({ bootInterfaceRequired: true }, [three]);
    expect(said).toMatch(/^bad_argument: .*IPAPPEND 2/);
    const named = { bootInterfaceRequired: true, bootInterface: { by: 'link' } } as const;
    expect((await choose(named, [[nic(0, LINK)]])).said).toBe('eth0');
  });

  it('is never built upon others, unless it is named', async () => {
    const bond = nic(0, { ...LINK, isPort: false, name: 'bond0', mac: mac(1) });
    const machine = [bond, nic(1, LINK)];
    expect((await choose({}, [machine])).said).toBe('eth1');
    const byMac = { bootInterface: { by: 'mac', mac: mac(1) } } as const;
    expect((await choose(byMac, [machine])).said).toBe('eth1');
    const byName = { bootInterface: { by: 'name', name: 'bond0' } } as const;
    expect((await choose(byName, [machine])).said).toBe('bond0');
  });

  it('is known by the address that it had before it got another', async () => {
    const before = { bootInterface: { by: 'mac', mac: BEFORE } } as const;
    expect((await choose(before, [three])).said).toBe('eth2');
    const members = [
      nic(0, { ...LINK, mac: mac(0), permanent: mac(0), master: 'bond0' }),
      nic(1, { ...LINK, mac: mac(0), permanent: mac(1), master: 'bond0' }),
    ];
    const byMac = { bootInterface: { by: 'mac', mac: mac(1) } } as const;
    expect((await choose(byMac, [members])).said).toBe('eth1');
  });

  it('is a member of a bond or a bridge last, unless that one has the network', async () => {
    const member = nic(0, { ...LINK, master: 'bond0' });
    expect((await choose({}, [[member, nic(1, LINK)]])).said).toBe('eth1');
    expect((await choose({}, [[member]])).said).toBe('eth0');
    const up = nic(2, { ...LINK, master: 'br-up' });
    expect((await choose({}, [[member, nic(1, LINK), up]])).said).toBe('eth2');
    // A card of its own, and what the hypervisor pairs it with, have one address.
    const pair = [nic(0, { ...LINK, master: 'eth1' }), nic(1, { ...LINK, mac: mac(0) })];
    const byMac = { bootInterface: { by: 'mac', mac: mac(0) } } as const;
    expect((await choose(byMac, [pair])).said).toBe('eth1');
  });

  it('is of InfiniBand by its name only, and is said to be that', async () => {
    const address = Array(20).fill('0a').join(':');
    const ib = nic(0, { ...LINK, name: 'ib0', mac: address, isPort: false });
    expect((await choose({}, [[ib]])).said).toContain(
      'there is ib0 InfiniBand (taken by its name only, BOOTIF=ib0) with link',
    );
    const byName = { bootInterface: { by: 'name', name: 'ib0' } } as const;
    expect((await choose(byName, [[ib]])).said).toBe('ib0');
  });
});

describe('the list of interfaces', () => {
  let sys: string;
  beforeEach(() => (sys = fs.mkdtempSync(join(tmpdir(), 'coatcheck-sys-'))));
  afterEach(() => fs.rmSync(sys, { recursive: true }));
  /** A name with a slash at its end is a folder. */
  const add = (name: string, files: Record<string, string>): void => {
    fs.mkdirSync(join(sys, name));
    for (const [file, text] of Object.entries(files)) {
      fs.mkdirSync(join(sys, name, file, '..'), { recursive: true });
      if (file.endsWith('/')) fs.mkdirSync(join(sys, name, file), { recursive: true });
      else if (file === 'master') fs.symlinkSync(`../${text}`, join(sys, name, file));
      else fs.writeFileSync(join(sys, name, file), `${text}\n`);
    }
  };
  const ether = (n: number, more: Record<string, string> = {}) => ({
    ...{ type: '1', ifindex: `${n}`, address: mac(n), flags: '0x1003' },
    ...{ uevent: `INTERFACE=x\nIFINDEX=${n}`, ...more },
  });
  const ports = (): string[] =>
    listInterfaces(sys).flatMap(({ name, isPort }) => (isPort ? [name] : []));

  it('has those that speak Ethernet or InfiniBand, in the order of their numbers', () => {
    const address = Array(20).fill('0a').join(':');
    add('eth10', ether(4, { carrier: '0' }));
    add('eth2', ether(3, { carrier: '1', master: 'br0', 'bonding_slave/perm_hwaddr': mac(9) }));
    add('br0', ether(5, { carrier: '1', uevent: 'DEVTYPE=bridge\nINTERFACE=br0' }));
    add('ib0', { ...ether(6, { carrier: '1', 'device/': '' }), type: '32', address });
    add('lo', { type: '772', ifindex: '1' });
    add('tun0', { type: '65534', ifindex: '8' });
    add('$(reboot)', ether(9));
    expect(listInterfaces(sys)).toEqual([
      { name: 'br0', index: 5, mac: mac(5), hasLink: true, isPort: false },
      {
        ...{ name: 'eth2', index: 3, mac: mac(3), permanent: mac(9), hasLink: true, isPort: true },
        master: 'br0',
      },
      { name: 'eth10', index: 4, mac: mac(4), hasLink: false, isPort: true },
      { name: 'ib0', index: 6, mac: address, hasLink: true, isPort: false },
    ]);
  });

  it('knows the ports of a switch on the board from the port that they are reached through', () => {
    add('eth0', ether(2, { 'dsa/tagging': 'mtk', 'device/': '' }));
    add('lan1', ether(3, { uevent: 'DEVTYPE=dsa\nINTERFACE=lan1', 'lower_eth0/': '' }));
    add('lan2', ether(4, { uevent: 'DEVTYPE=dsa\nINTERFACE=lan2', 'lower_eth0/': '' }));
    add('eth1', ether(5, { 'device/': '' }));
    expect(ports()).toEqual(['eth1', 'lan1', 'lan2']);
  });

  it('takes a card for a port, a veth too, and nothing that is made of others or of nothing', () => {
    add('dummy0', ether(2, { flags: '0xc3' }));
    add('eth0', ether(3, { 'device/': '', flags: '0x1083' }));
    add('eth1', ether(4, { 'device/': '', 'lower_eth2/': '' }));
    add('mv0', ether(5, { 'lower_eth0/': '' }));
    add('tap0', ether(6, { tun_flags: '0x2' }));
    add('veth0', ether(7));
    add('wlan0', ether(8, { 'device/': '', uevent: 'DEVTYPE=wlan' }));
    expect(ports()).toEqual(['eth0', 'eth1', 'veth0']);
  });
});
