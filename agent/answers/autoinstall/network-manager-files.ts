import { isIP } from 'node:net';
import { isIpv6Address } from './network-files.ts';
import type { NetworkPlan } from './network-files.ts';

type Section = readonly (string | undefined | false)[];

const FOLDER = 'etc/NetworkManager/system-connections';

/**
 * The profiles of NetworkManager, by path (nm-settings-keyfile(5)). They name one another by
 * interface, so that no made-up UUID is needed; NetworkManager makes one of the path.
 */
export function networkManagerFiles(plan: NetworkPlan): Record<string, string> {
  const { base, bond, vlan } = plan;
  const files: Record<string, string> = {};
  const profile = (
    name: string,
    type: string,
    connection: Section,
    more: Readonly<Record<string, Section>>,
  ): void => {
    const head = [`id=coatcheck-${name}`, `type=${type}`, ...connection];
    files[`${FOLDER}/coatcheck-${name}.nmconnection`] = Object.entries({
      connection: [...head, 'autoconnect-priority=100'],
      ...more,
    })
      .map(([section, lines]) => `[${section}]\n${lines.filter(Boolean).join('\n')}\n`)
      .join('\n');
  };
  const address = { ipv4: ipv4Of(plan), ipv6: ipv6Of(plan) };
  const none = { ipv4: ['method=disabled'], ipv6: ['method=disabled'] };
  const { mac, name } = base;
  const ethernet: Section = mac === undefined ? [] : [`mac-address=${mac}`];

  if (bond !== undefined) {
    for (const member of bond.members) {
      const slave = [`interface-name=${member}`, `master=${bond.name}`, 'slave-type=bond'];
      profile(`member-${member}`, 'ethernet', slave, {});
    }
    const options = Object.entries(bond.options).map(([option, value]) => `${option}=${value}`);
    profile('bond', 'bond', [`interface-name=${bond.name}`], {
      bond: options.length === 0 ? ['mode=balance-rr'] : options,
      ...(vlan === undefined ? address : none),
    });
  } else {
    profile('ethernet', 'ethernet', [mac === undefined && `interface-name=${name}`], {
      ...(ethernet.length > 0 && { ethernet }),
      ...(vlan === undefined ? address : none),
    });
  }
  if (vlan !== undefined) {
    profile('vlan', 'vlan', [`interface-name=${vlan.name}`], {
      vlan: [`id=${vlan.id}`, `parent=${bond?.name ?? name}`],
      ...address,
    });
  }
  for (const other of plan.also) {
    const one = { ...other, dns: [] };
    profile(`also-${other.name}`, 'ethernet', [`interface-name=${other.name}`], {
      ipv4: [...ipv4Of(one), ...(one.ipv4 === 'off' ? [] : BESIDES)],
      ipv6: [...ipv6Of(one), ...(one.ipv6 === 'off' ? [] : BESIDES)],
    });
  }
  return files;
}

/** Its routers and resolvers would compete with those of the machine's network. */
const BESIDES: Section = ['never-default=true', 'ignore-auto-dns=true'];

function ipv4Of({ ipv4, dns }: Pick<NetworkPlan, 'ipv4' | 'dns'>): Section {
  if (ipv4 === 'off') return ['method=disabled'];
  if (ipv4 === 'dhcp') return ['method=auto', ...dnsLines(dns, 4, true)];
  const { address, gateway } = ipv4;
  return [
    'method=manual',
    `address1=${address}${gateway === undefined ? '' : `,${gateway}`}`,
    ...dnsLines(dns, 4, false),
  ];
}

/** With an address of its own, too, the routers are those that advertise themselves. */
function ipv6Of({ ipv6, dns }: Pick<NetworkPlan, 'ipv6' | 'dns'>): Section {
  if (ipv6 === 'off') return ['method=disabled'];
  if (ipv6 === 'dhcp') return ['method=dhcp', ...dnsLines(dns, 6, true)];
  return ['method=auto', isIpv6Address(ipv6) && `address1=${ipv6}`, ...dnsLines(dns, 6, true)];
}

function dnsLines(dns: readonly string[], family: 4 | 6, isAutomatic: boolean): string[] {
  // One of the link is of the profile's own: nm-settings has no zone there.
  const own = dns
    .map((server) => server.replace(/%.*/, ''))
    .filter((server) => isIP(server) === family);
  return [
    ...(own.length > 0 ? [`dns=${own.map((server) => `${server};`).join('')}`] : []),
    ...(isAutomatic && dns.length > 0 ? ['ignore-auto-dns=true'] : []),
  ];
}
