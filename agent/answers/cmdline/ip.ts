import { isIP } from 'node:net';
import type { AnswerName } from './answers.ts';

/** What one `ip=` says, by the names of the answers; unchecked. */
export interface IpWord {
  /** The interface that it is for; that of the boot where it names none */
  readonly device?: string;
  readonly says: Readonly<Partial<Record<AnswerName, string>>>;
  /** What it says that nobody here has a use for, each as a person reads it */
  readonly unused: readonly string[];
}

/**
 * Reads an `ip=` as the kernel and dracut document it, so that what boots a machine says the same to
 * the agent: a method, `<address>/<prefix>`, `<interface>:<method>[:<mtu>[:<mac>]]`, and
 * `<client>:<server>:<gateway>:<netmask>[:<host name>[:<interface>[:<method>]]]` with, behind it, two
 * resolvers and a time server, or an MTU and a MAC address. IPv6 addresses stand in brackets.
 * Sources: Documentation/admin-guide/nfs/nfsroot.rst, dracut.cmdline(7).
 *
 * @returns undefined where it has no such form: the caller says what is expected
 */
export function readIp(text: string): IpWord | undefined {
  const fields = fieldsOf(text);
  const [first = '', second] = fields;
  if (fields.length === 1) return { ...byMethodOrAddress(first), ...NOWHERE };
  if (second !== undefined && isMethod(second) && isIP(first) === 0 && first !== '') {
    const [, , ...rest] = fields;
    const { says, unused } = byMethod(second);
    return { device: first, says, unused: [...unused, ...hardware(rest)] };
  }
  return fields.length < 4 ? undefined : byFields(fields);
}

const NOWHERE = {};

/** The fields between colons; an IPv6 address is in brackets, which go. */
function fieldsOf(text: string): string[] {
  const fields = `:${text}`.match(/:(?:\[[^\]]*\])?[^:]*/g) ?? [];
  return fields.map((field) => field.slice(1).replace(/^\[([^\]]*)\]/, '$1'));
}

type Said = Pick<IpWord, 'says' | 'unused'>;

const METHODS: Readonly<Record<string, Said>> = {
  ...Object.fromEntries(
    ['dhcp', 'on', 'any', 'both', 'single-dhcp'].map((by) => [by, said({ ip: 'dhcp' })]),
  ),
  bootp: said({ ip: 'dhcp' }, 'bootp, for which DHCP is asked'),
  rarp: said({ ip: 'dhcp' }, 'rarp, for which DHCP is asked'),
  off: said({ ip: 'off' }),
  none: said({ ip: 'off' }),
  dhcp6: said({ ip: 'off', ipv6: 'dhcp' }),
  auto6: said({ ip: 'off', ipv6: 'auto' }),
  either6: said({ ip: 'off', ipv6: 'auto' }),
  link6: said({}, 'link6: an address of the link alone reaches no server'),
  'link-local': said({}, 'link-local: an address of the link alone reaches no server'),
  ibft: said({}, "ibft: the firmware's iSCSI table is not read"),
};

function said(says: IpWord['says'], ...unused: string[]): Said {
  return { says, unused };
}

const isMethod = (text: string): boolean => Object.hasOwn(METHODS, text);

/** Anything else is kept for whoever checks it. */
const byMethod = (by: string): Said => (isMethod(by) ? METHODS[by]! : said({ ip: by }));

function byMethodOrAddress(text: string): Said {
  const [address = '', prefix] = text.split(/\/(.*)/s);
  if (isIP(address) === 6) return said({ ip: 'off', ipv6: `${address}/${prefix ?? '64'}` });
  const { says, unused } = byMethod(address);
  return { says: { ...says, ...named({ netmask: prefix }) }, unused };
}

/** `[<mtu>[:<mac>]]`, the colons of the address parted too. */
function hardware([mtu = '', ...mac]: readonly string[]): string[] {
  return [
    ...(mtu === '' ? [] : [`the MTU ${mtu}`]),
    ...(mac.length === 0 ? [] : [`the hardware address ${mac.join(':')}`]),
  ];
}

function byFields(fields: readonly string[]): IpWord | undefined {
  const [client = '', , gateway = '', netmask = '', hostname, device, by = '', ...rest] = fields;
  const isResolvers = rest.every((field) => field === '' || isIP(field) !== 0);
  if (isResolvers && rest.length > 3) return undefined;
  const [dns0, dns1, ntp] = isResolvers ? rest : [];
  const unused = isResolvers ? [] : hardware(rest);
  const common = named({
    hostname,
    dns: [dns0, dns1].filter(Boolean).join(','),
    ntp,
  });
  const where = device === undefined || device === '' ? NOWHERE : { device };
  if (client === '' || (by !== '' && !['off', 'none', 'static'].includes(by))) {
    const { says, unused: more } = byMethod(by === '' ? 'dhcp' : by);
    const given = client === '' ? [] : [`the address ${client}, since ${by} gives one`];
    return { ...where, says: { ...common, ...says }, unused: [...more, ...given, ...unused] };
  }
  if (isIP(client) === 6) {
    const says = { ...common, ip: 'off', ipv6: `${client}/${netmask === '' ? '64' : netmask}` };
    const router = `the gateway ${gateway}, since IPv6 routers advertise themselves`;
    return { ...where, says, unused: [...(gateway === '' ? [] : [router]), ...unused] };
  }
  const router = gateway === '0.0.0.0' ? '' : gateway;
  return {
    ...where,
    says: { ...common, ip: client, ...named({ gateway: router, netmask }) },
    unused,
  };
}

/** Without those that are empty or not there. */
const named = (parts: Readonly<Partial<Record<AnswerName, string | undefined>>>): IpWord['says'] =>
  Object.fromEntries(Object.entries(parts).filter(([, text]) => text));
