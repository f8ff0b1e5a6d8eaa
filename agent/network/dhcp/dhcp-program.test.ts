import { describe, expect, it } from 'vitest';
import { cleanLease } from '../lease.ts';
import { parseLeases } from './dhclient.ts';
import { parseDevice } from './network-manager.ts';

describe('the lease of NetworkManager, from nmcli device show', () => {
  it('is its addresses and options', () => {
    const raw = parseDevice(`IP4.ADDRESS[1]:10.77.0.50/24
IP4.GATEWAY:10.77.0.1
IP4.ROUTE[1]:dst = 0.0.0.0/0, nh = 10.77.0.1, mt = 100
IP4.DNS[1]:10.77.0.1
IP4.DNS[2]:10.77.0.2
IP4.DOMAIN[1]:lab.test
IP4.SEARCHES[1]:b.test
DHCP4.OPTION[1]:dhcp_lease_time = 600
DHCP4.OPTION[2]:domain_name = lab.test
DHCP4.OPTION[3]:domain_search = b.test c.test
DHCP4.OPTION[4]:host_name = node7
IP6.ADDRESS[1]:fe80::1/64
IP6.DNS[1]:fd77::1
`);
    expect(cleanLease(raw!)).toEqual({
      domain: 'lab.test',
      search: ['b.test', 'c.test'],
      dns: ['10.77.0.1', '10.77.0.2', 'fd77::1'],
      hostname: 'node7',
    });
  });

  it('may be of IPv6 alone', () => {
    const raw = parseDevice(`IP6.ADDRESS[1]:fd77::50/64
IP6.DNS[1]:fe80::53
IP6.SEARCHES[1]:lab.test
DHCP6.OPTION[1]:dhcp6_domain_search = lab.test b.test
DHCP6.OPTION[2]:dhcp6_name_servers = fe80::53
`);
    expect(cleanLease(raw!, { name: 'eth0', index: 2 })).toEqual({
      search: ['lab.test', 'b.test'],
      dns: ['fe80::53%eth0'],
    });
  });

  it('is none where it manages nothing', () => {
    expect(
      parseDevice('IP4.ADDRESS[1]:10.77.0.50/24\nIP4.GATEWAY:\nIP6.GATEWAY:\n'),
    ).toBeUndefined();
    expect(parseDevice('')).toBeUndefined();
  });
});

describe('the lease of dhclient', () => {
  const lease = (domain: string): string => `lease {
  interface "eth0";
  fixed-address 10.77.0.50;
  option subnet-mask 255.255.255.0;
  option domain-name "${domain}";
  option domain-name-servers 10.77.0.1,10.77.0.2;
  option domain-search "b.test.", "c.test.";
  option host-name "node7";
  renew 2 2026/11/24 15:00:00;
}
`;
  it('is the last one', () => {
    expect(cleanLease(parseLeases(lease('old.test') + lease('lab.test'))!)).toEqual({
      domain: 'lab.test',
      search: ['b.test', 'c.test'],
      dns: ['10.77.0.1', '10.77.0.2'],
      hostname: 'node7',
    });
    expect(parseLeases('default-duid "x";\n')).toBeUndefined();
  });

  it('may be of DHCPv6', () => {
    const text = `default-duid "x";
lease6 {
  interface "eth0";
  option dhcp6.client-id 0:1;
  option dhcp6.name-servers fd77::1,fd77::2;
  option dhcp6.domain-search "lab.test.", "b.test.";
}
`;
    expect(cleanLease(parseLeases(text)!)).toEqual({
      search: ['lab.test', 'b.test'],
      dns: ['fd77::1', 'fd77::2'],
    });
  });
});
