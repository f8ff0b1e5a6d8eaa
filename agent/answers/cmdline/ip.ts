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
 * Reads an `ip=` as the kernel, dracut and NetworkManager's initrd document it, so that what boots a
 * machine says the same to the agent: a method, `<address>/<prefix>`,
 * `<interface>:<method>[:<mtu>[:<mac>]]`, and
 * `<client>:<server>:<gateway>:<netmask>:<host name>:<interface>:<method>` with, behind it, two
 * resolvers and a time server, or an MTU and a MAC address; fields at the end may be missing. IPv6
 * addresses stand in brackets. Sources: Documentation/admin-guide/nfs/nfsroot.rst, dracut.cmdline(7),
 * systemd-network-generator(8), nm-initrd-generator(8).
 *
 * @returns undefined where it has no such form: the caller says what is expected
 */
export function readIp(text: string): IpWord | undefined {
  const fields = fieldsOf(text);
  const [first = '', second, ...rest] = fields;
  if (second === undefined) return byMethodOrAddress(first);
  const method = first === '' || isIP(first) !== 0 ? undefined : byMethod(second);
  if (method !== undefined) {
    return { ...method, device: first, unused: [...method.unused, ...hardware(rest)] };
  }
  return first === '' || ipOf(first).family !== 0 ? byFields(fields) : undefined;
}

/** The fields between colons; an IPv6 address is in brackets, which go. */
function fieldsOf(text: string): string[] {
  const fields = `:${text}`.match(/:(?:\[[^\]]*\])?[^:]*/g) ?? [];
  return fields.map((field) => field.slice(1).replace(/^\[([^\]]*)\]/, '$1'));
}

/** An address, and perhaps its prefix. */
function ipOf(text: string): { address: string; prefix: string; family: number } {
  const [address = '', prefix = ''] = text.split(/\/(.*)/s);
  return { address, prefix, family: isIP(address) };
}

const METHODS: Readonly<Record<string, IpWord>> = {
  ...Object.fromEntries(
    ['dhcp', 'dhcp4', 'on', 'any', 'single-dhcp'].map((by) => [by, said({ ip: 'dhcp' })]),
  ),
  auto: said({ ip: 'dhcp', ipv6: 'auto' }),
  ...Object.fromEntries(
    ['bootp', 'rarp', 'both'].map((by) => [
      by,
      said({ ip: 'dhcp' }, `${by}, for which DHCP is asked`),
    ]),
  ),
  static: said({}, 'static, without an address'),
  frommedia: said({}, 'frommedia: what a medium says is not read'),
  off: said({ ip: 'off' }),
  none: said({ ip: 'off' }),
  dhcp6: said({ ip: 'off', ipv6: 'dhcp' }),
  auto6: said({ ip: 'off', ipv6: 'auto' }),
  either6: said({ ip: 'off', ipv6: 'auto' }),
  ...Object.fromEntries(
    ['link6', 'link-local', 'local6'].map((by) => [
      by,
      said({}, `${by}: an address of the link alone reaches no server`),
    ]),
  ),
  ...Object.fromEntries(
    ['ibft', 'fw'].map((by) => [by, said({}, `${by}: what the firmware knows is not read`)]),
  ),
};

function said(says: IpWord['says'], ...unused: string[]): IpWord {
  return { says, unused };
}

/** Several with commas between them hold together (NetworkManager); behind `dhcp` the kernel has a client id. */
function byMethod(text: string): IpWord | undefined {
  const [, id] = /^dhcp,(\d+,.*)$/.exec(text) ?? [];
  if (id !== undefined) return said({ ip: 'dhcp' }, `the client id ${id}`);
  const methods = text
    .split(',')
    .map((by) => (Object.hasOwn(METHODS, by) ? METHODS[by] : undefined));
  if (methods.includes(undefined)) return undefined;
  return (methods as IpWord[]).reduce((one, { says, unused }) => ({
    // `off` of a method of the other family switches nothing off.
    says: { ...one.says, ...says, ...(one.says.ip === 'dhcp' && { ip: 'dhcp' }) },
    unused: [...one.unused, ...unused],
  }));
}

/** Anything else is kept for whoever checks it. */
function byMethodOrAddress(text: string): IpWord {
  const { address, prefix, family } = ipOf(text);
  if (family === 6) return said({ ip: 'off', ipv6: `${address}/${prefix || '64'}` });
  return byMethod(text) ?? said({ ip: address, ...named({ netmask: prefix }) });
}

/** `[<mtu>[:<mac>]]`, the colons of the address parted too. */
function hardware([mtu = '', ...mac]: readonly string[]): string[] {
  return [
    ...(mtu === '' ? [] : [`the MTU ${mtu}`]),
    ...(mac.some((part) => part !== '') ? [`the hardware address ${mac.join(':')}`] : []),
  ];
}

function byFields(fields: readonly string[]): IpWord | undefined {
  const [first = '', server = '', gateway = '', mask = '', name, device, by = '', ...rest] = fields;
  const { address: client, prefix, family } = ipOf(first);
  const netmask = mask === '' ? prefix : mask;
  const isHardware = /^[0-9]+$/.test(rest[0] ?? '') || (rest[0] === '' && rest.length > 3);
  const [dns0 = '', dns1 = '', ntp, ...more] = isHardware ? [] : rest;
  const dns = [dns0, dns1].filter((field) => field !== '');
  const common = named({ hostname: name, dns: dns.join(','), ntp });
  const unused = [
    ...(server === '' ? [] : [`the server ${server}, which is of a root over NFS`]),
    ...(isHardware ? hardware(rest) : []),
    ...(more.some((field) => field !== '') ? [`what is behind it, ${more.join(':')}`] : []),
  ];
  const where = named({ device });
  if (client === '' || !['', 'off', 'none', 'static'].includes(by)) {
    const method = byMethod(by === '' ? 'dhcp' : by);
    if (method === undefined) return undefined;
    const given = client === '' ? [] : [`the address ${client}, since ${by} gives one`];
    const says = { ...common, ...method.says };
    return { ...where, says, unused: [...method.unused, ...given, ...unused] };
  }
  if (family === 6) {
    const says = { ...common, ip: 'off', ipv6: `${client}/${netmask === '' ? '64' : netmask}` };
    const router = `the gateway ${gateway}, since IPv6 routers advertise themselves`;
    return { ...where, says, unused: [...(gateway === '' ? [] : [router]), ...unused] };
  }
  const router = gateway === '0.0.0.0' ? '' : gateway;
  const says = { ...common, ip: client, ...named({ gateway: router, netmask }) };
  return { ...where, says, unused };
}

/** Without those that are empty or not there. */
const named = <T extends Readonly<Record<string, string | undefined>>>(
  parts: T,
): { [name in keyof T]?: string } =>
  Object.fromEntries(Object.entries(parts).filter(([, text]) => text)) as {
    [name in keyof T]?: string;
  };
