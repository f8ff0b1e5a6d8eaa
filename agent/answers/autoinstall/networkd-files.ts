import { addressed, isIpv6Address } from './network-files.ts';
import type { Bond, NetworkBesides, NetworkPlan } from './network-files.ts';

type Lines = readonly (string | undefined | false)[];

const FOLDER = 'etc/systemd/network';

/**
 * The files of systemd-networkd, by path (systemd.network(5), systemd.netdev(5)). The first file
 * whose `[Match]` fits an interface counts, so their names sort before an image's own.
 */
export function networkdFiles(plan: NetworkPlan): Record<string, string> {
  const { bond, vlan } = plan;
  const files: Record<string, string> = {};
  const network = (name: string, match: string, ...sections: readonly string[]): void => {
    files[`${FOLDER}/05-coatcheck-${name}.network`] = [section('Match', [match]), ...sections].join(
      '\n',
    );
  };
  const netdev = (name: string, kind: string, more: string): void => {
    const head = section('NetDev', [`Name=${name}`, `Kind=${kind}`]);
    files[`${FOLDER}/05-coatcheck-${kind}.netdev`] = [head, more].join('\n');
  };
  if (bond !== undefined) {
    netdev(bond.name, 'bond', section('Bond', bondLines(bond)));
    for (const member of bond.members) {
      const isPrimary = bond.options['primary'] === member;
      const lines = [`Bond=${bond.name}`, isPrimary && 'PrimarySlave=yes'];
      network(`member-${member}`, `Name=${member}`, section('Network', lines));
    }
  }
  if (vlan !== undefined) {
    netdev(vlan.name, 'vlan', section('VLAN', [`Id=${vlan.id}`]));
    const below = section('Network', [`VLAN=${vlan.name}`, 'LinkLocalAddressing=no']);
    network('below', bond === undefined ? matchOf(plan) : `Name=${bond.name}`, below);
  }
  const match =
    bond === undefined && vlan === undefined ? matchOf(plan) : `Name=${addressed(plan)}`;
  network('address', match, ...addressSections(plan));
  for (const other of plan.also) {
    network(`also-${other.name}`, `Name=${other.name}`, ...sectionsBesides(other));
  }
  return files;

  /** By its own address, which a VLAN on top of it has not. */
  function matchOf({ base: { name, mac } }: NetworkPlan): string {
    return mac === undefined ? `Name=${name}` : `PermanentMACAddress=${mac}`;
  }
}

function section(name: string, lines: Lines): string {
  const given = lines.filter((line) => typeof line === 'string');
  return `[${name}]\n${given.map((line) => `${line}\n`).join('')}`;
}

/** Its routers, resolvers and names would compete with those of the machine's network. */
function sectionsBesides({ ipv4, ipv6 }: NetworkBesides): string[] {
  const less = ['UseGateway=no', 'UseDNS=no'];
  return [
    ...addressSections({ ipv4, ipv6, dns: [] }),
    ...(ipv4 === 'dhcp' ? [section('DHCPv4', less)] : []),
    ...(ipv6 === 'dhcp' ? [section('DHCPv6', ['UseDNS=no'])] : []),
    ...(ipv6 === 'off' ? [] : [section('IPv6AcceptRA', less)]),
  ];
}

function addressSections({
  ipv4,
  ipv6,
  dns,
}: Pick<NetworkPlan, 'ipv4' | 'ipv6' | 'dns'>): string[] {
  const isStatic6 = isIpv6Address(ipv6);
  const dhcp = [ipv4 === 'dhcp' && 'ipv4', ipv6 === 'dhcp' && 'ipv6'].filter(Boolean);
  const { address = '', gateway } = typeof ipv4 === 'object' ? ipv4 : {};
  // Without a network of its own, the router is on the link all the same.
  const isAlone = address.endsWith('/32');
  const network = section('Network', [
    `DHCP=${dhcp.length === 2 ? 'yes' : dhcp[0] || 'no'}`,
    typeof ipv4 === 'object' && `Address=${ipv4.address}`,
    gateway !== undefined && !isAlone && `Gateway=${gateway}`,
    isStatic6 && `Address=${ipv6}`,
    `IPv6AcceptRA=${ipv6 === 'off' ? 'no' : 'yes'}`,
    `LinkLocalAddressing=${ipv6 === 'off' ? 'no' : 'ipv6'}`,
    ...dns.map((server) => `DNS=${server}`),
  ]);
  const isOwn = dns.length > 0 && 'UseDNS=no';
  return [
    network,
    gateway !== undefined &&
      isAlone &&
      section('Route', [`Gateway=${gateway}`, 'GatewayOnLink=yes']),
    ipv4 === 'dhcp' && isOwn && section('DHCPv4', [isOwn]),
    ipv6 === 'dhcp' && isOwn && section('DHCPv6', [isOwn]),
    ipv6 !== 'off' &&
      (isOwn || ipv6 === 'dhcp') &&
      section('IPv6AcceptRA', [isOwn, ipv6 === 'dhcp' && 'DHCPv6Client=always']),
  ].filter((text) => typeof text === 'string');
}

/** systemd.netdev(5), "[Bond] section options", by what the kernel calls them. */
function bondLines({ options }: Bond): string[] {
  const names: Readonly<Record<string, readonly [name: string, unit: string]>> = {
    mode: ['Mode', ''],
    miimon: ['MIIMonitorSec', 'ms'],
    updelay: ['UpDelaySec', 'ms'],
    downdelay: ['DownDelaySec', 'ms'],
    lacp_rate: ['LACPTransmitRate', ''],
    xmit_hash_policy: ['TransmitHashPolicy', ''],
  };
  return Object.entries(options).flatMap(([option, value]) => {
    const [name, unit] = names[option] ?? [];
    return name === undefined ? [] : [`${name}=${value}${unit}`];
  });
}
