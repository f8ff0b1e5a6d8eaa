import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { buildImage } from '../../image/build.ts';
import { readOptions } from '../../image/options.ts';
import { keptImage, testImage } from './image.ts';
import type { TestImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';

/** Of the machine that no DHCP server of IPv4 answers */
const SIX = '52:54:00:77:00:66';
/** Of the folder's objects, of the server by its name in DNS, and by that of site.json, which the administrator asks */
const URLS = ['http://[fd77::1]:8420', 'http://boot.lab.test:8420', 'http://10.77.0.1:8420'];
/** Tells by itself what the network is, once the configuration is at work; names are those of the kernel. */
const TELLS = {
  'etc/coatcheck/ready.d/tell': {
    text: `#!/bin/sh
exec > /dev/ttyS0 2>&1
echo
ip -d -o link show
ip -o addr show
ip route show
ip -6 route show
echo 'all of it is told'
`,
    mode: 0o755,
  },
};

const managed = async (): Promise<TestImage> =>
  await keptImage('network-manager', async ({ home, key, files, date }, out) => {
    const args = ['--site', join(home, 'site.json'), '--image-key', key, '--files', files];
    const more = ['--package', 'network-manager', '--no-iso', '--out', out];
    await buildImage(readOptions([...args, ...more], {}, date)!, () => undefined);
  });

describe.each([
  ['systemd-networkd', async () => await testImage(() => undefined)],
  ['NetworkManager', managed],
])('13: the network of a machine with %s', (program, imageOf) => {
  let rack: Rack | undefined;
  afterEach(() => rack?.close());

  /** A second card, which is plugged into the same switch. */
  const second = async (): Promise<string[]> => [
    ...['-netdev', `tap,id=n1,ifname=${await rack!.network.tap()},script=no,downscript=no`],
    ...['-device', 'virtio-net-pci,netdev=n1,mac=52:54:00:77:01:01,romfile='],
  ];

  it('is a VLAN on a bond of two cards, of which one asks for an address until then', async () => {
    rack = await openRack(`bond-${program}`, { image: imageOf, store: 'folder' });
    await rack.network.vlan(77, '10.78.0.1/24');
    const append = [
      ...['net.ifnames=0 bond=bond0:eth0,eth1:mode=active-backup,miimon=100 vlan=bond0.77:bond0'],
      ...['ip=10.78.0.40::10.78.0.1:255.255.255.0::bond0.77:none nameserver=10.77.0.1'],
      ...['coatcheck.key=image coatcheck.server=http://10.77.0.1:8420'],
    ].join(' ');
    const machine = await rack.boot(13, {
      ...{ append, args: await second(), files: TELLS, loaded: true },
    });
    await machine.line(/^network: eth0 has link, asking there for an address for this boot/);
    const { node } = await rack.proposal();
    await rack.coatcheck('approve', node, '--yes');
    await machine.line(/^all of it is told/);
    const told = machine.said();
    expect(told).toMatch(/ eth0: .* master bond0 /);
    expect(told).toMatch(/ eth1: .* master bond0 /);
    expect(told).toMatch(/ bond0: .* bond mode active-backup .* miimon 100 /);
    expect(told).toMatch(/ bond0\.77@bond0: .* vlan protocol 802\.1Q id 77 /);
    expect(told).toMatch(/^\d+: bond0\.77 +inet 10\.78\.0\.40\/24 /m);
    expect(told).toMatch(/^default via 10\.78\.0\.1 dev bond0\.77 /m);
    expect(told).not.toMatch(/^\d+: (eth0|eth1|bond0) +inet /m);
    expect((await rack.report(node)).report!.result).toMatch(/^applied: /);
    await machine.stop();
  });

  it('is of IPv6 alone on one card, and has an address besides on another', async () => {
    rack = await openRack(`ipv6-${program}`, {
      ...{ image: imageOf, store: 'folder' },
      serve: ['--host', '::', ...URLS.flatMap((url) => ['--public-url', url])],
      dnsmasq: [
        ...['--conf-file=image/boot-server/dnsmasq.conf', `--dhcp-host=${SIX},ignore`],
        ...['--enable-ra', '--ra-param=br0,10,600', '--dhcp-range=fd77::,ra-only,64,10m'],
        ...['--dhcp-option=option6:dns-server,[fd77::1]'],
        ...['--dhcp-option=option6:domain-search,lab.test', '--host-record=boot.lab.test,fd77::1'],
      ],
    });
    const append =
      'net.ifnames=0 ip=eth0:auto6 ip=10.79.0.7:::255.255.255.0::eth1:none coatcheck.key=image';
    const machine = await rack.boot(66, {
      ...{ append, args: await second(), files: TELLS, loaded: true },
    });
    await machine.line(/^network: fd77::/);
    await machine.line(/^asking http:\/\/boot\.lab\.test:8420/);
    const { node } = await rack.proposal();
    await rack.coatcheck('approve', node, '--yes');
    await machine.line(/^all of it is told/);
    const told = machine.said();
    expect(told).toMatch(/^\d+: eth0 +inet6 fd77::/m);
    expect(told).not.toMatch(/^\d+: eth0 +inet /m);
    expect(told).toMatch(/^default (nhid \d+ )?via fe80::\S+ dev eth0 /m);
    expect(told).toMatch(/^\d+: eth1 +inet 10\.79\.0\.7\/24 /m);
    expect(told).not.toMatch(/^default .*dev eth1/m);
    expect((await rack.report(node)).report!.result).toMatch(/^applied: /);
    await machine.stop();
  });
});
