import { ipv4, ipv6Network, netmask, prefixLength } from './addresses.ts';
import { either, listOf, matching, numberFrom, oneOf } from './value-kind.ts';
import type { Kind } from './value-kind.ts';

/** The name of a network interface, as the kernel allows them, less what a file could trip over. */
const INTERFACE = /[A-Za-z][A-Za-z0-9_.-]{0,14}/;
/** The name of an interface: up to 15 characters, a letter first, then `A-Z a-z 0-9 _ . -`. */
export const interfaceName = matching(
  'the name of a network interface, up to 15 characters',
  INTERFACE,
);

/**
 * pxelinux puts the hardware type before the address, iPXE may write it without what parts it (`hexraw`);
 * canonically lower case with colons.
 */
const macAddress: Kind = {
  expected: 'a MAC address',
  canonical(text) {
    const form = /^(?:[0-9a-f]{2}[-:])?([0-9a-f]{2}(?:[-:][0-9a-f]{2}){5}|[0-9a-f]{12})$/i;
    const [, mac] = form.exec(text) ?? [];
    // Names go before: 12 letters may be one.
    if (mac === undefined || interfaceName.canonical(text) !== undefined) return undefined;
    return mac
      .toLowerCase()
      .replace(/[-:]/g, '')
      .replace(/..(?=.)/g, '$&:');
  },
};

/** What `BOOTIF=` may say: `link`, a name, or a MAC address. */
export const bootInterface = either(
  "link, an interface's name, or a MAC address as in 01-52-54-00-77-00-01",
  macAddress,
  interfaceName,
);

/** An interface by its name or its MAC address. */
export const anyInterface = either(
  'the name of a network interface, up to 15 characters, or a MAC address',
  macAddress,
  interfaceName,
);

/** `<interface>:<how>`, several with commas between them. */
export const networksBesides = listOf('<interface>:<how>, as in eth1:dhcp,eth2:192.0.2.7/24', {
  expected: '',
  canonical(text) {
    const [name = '', how = ''] = text.split(/:(.*)/s);
    const canonical = addressing.canonical(how);
    return interfaceName.canonical(name) && canonical && `${name}:${canonical}`;
  },
});

const addressing = either('', oneOf('dhcp', 'dhcp6', 'auto6'), {
  expected: '',
  canonical(text) {
    const [address = '', prefix = '', ...rest] = text.split('/');
    if (rest.length > 0) return undefined;
    const mask = netmask.canonical(prefix);
    if (ipv4.canonical(address) === undefined) return ipv6Network.canonical(text);
    return mask === undefined ? undefined : `${address}/${prefixLength(mask)}`;
  },
});

/** A VLAN, as `vlan=` has it. */
export interface Vlan {
  readonly id: string;
  /** Of the interface; undefined where it is `<interface>.<id>`, or for us to choose */
  readonly name?: string;
  /** The interface that carries it */
  readonly on?: string;
}

/**
 * `<id>`, `<id>:<interface>`, or dracut's `<name>:<interface>`, whose name has the id: `vlan0005`,
 * `vlan5`, `eth0.0005` or `eth0.5`.
 */
export function readVlan(text: string): Vlan | undefined {
  const [name = '', on, ...rest] = text.split(':');
  const [, prefix, digits = ''] = /^(vlan|.+\.)?(\d{1,10})$/.exec(name) ?? [];
  const id = numberFrom(1, 4094).canonical(digits);
  const isNamed = prefix !== undefined;
  const names = [...(isNamed ? [name] : []), ...(on === undefined ? [] : [on])];
  const isWhole = rest.length === 0 && (on !== undefined || !isNamed);
  if (id === undefined || !isWhole || names.some((one) => !interfaceName.canonical(one)))
    return undefined;
  return {
    id,
    ...(isNamed && name !== `${on}.${id}` && { name }),
    ...(on !== undefined && { on }),
  };
}

/** What `vlan=` may say, by {@link readVlan}. */
export const vlan: Kind = {
  expected: 'an id from 1 to 4094, and perhaps the interface that it is on, as in 100:eth0',
  canonical(text) {
    const read = readVlan(text);
    if (read === undefined) return undefined;
    const { id, name = id, on } = read;
    return on === undefined ? name : `${name}:${on}`;
  },
};

/** `<name>:<interface>,<interface>` and perhaps `:<option>=<value>,...`, as dracut has it. */
export const bond: Kind = {
  expected:
    '<name>:<interface>,<interface> and perhaps :<options>, as in bond0:eth0,eth1:mode=active-backup,miimon=100',
  canonical(text) {
    const [name = '', slaves = '', options, ...rest] = text.split(':');
    const names = listOf('interfaces', interfaceName).canonical(slaves);
    if (interfaceName.canonical(name) === undefined || names === undefined) return undefined;
    if (rest.length > 0 || names.split(',').includes(name)) return undefined;
    if (options === undefined || options === '') return `${name}:${names}`;
    const isGood = options.split(',').every((option) => isBondOption(option, names.split(',')));
    return isGood ? `${name}:${names}:${options}` : undefined;
  },
};

/** The options of a bond that all of the image's network programs can be told, and their values. */
const BOND_OPTIONS: Readonly<Record<string, Kind>> = {
  mode: oneOf(
    'balance-rr',
    'active-backup',
    'balance-xor',
    'broadcast',
    '802.3ad',
    'balance-tlb',
    'balance-alb',
  ),
  miimon: numberFrom(0, 60_000),
  updelay: numberFrom(0, 600_000),
  downdelay: numberFrom(0, 600_000),
  lacp_rate: oneOf('slow', 'fast'),
  xmit_hash_policy: oneOf('layer2', 'layer2+3', 'layer3+4', 'encap2+3', 'encap3+4', 'vlan+srcmac'),
  primary: interfaceName,
};

function isBondOption(option: string, slaves: readonly string[]): boolean {
  const [name = '', value = '', ...rest] = option.split('=');
  if (rest.length > 0 || !Object.hasOwn(BOND_OPTIONS, name)) return false;
  return (
    BOND_OPTIONS[name]!.canonical(value) === value && (name !== 'primary' || slaves.includes(value))
  );
}
