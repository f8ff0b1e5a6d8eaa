import type { Answers } from '../cmdline/answers.ts';
import { prefixLength } from '../cmdline/addresses.ts';
import { readVlan } from '../cmdline/interface-arguments.ts';

/** An interface of the machine that carries the network. */
export interface BootDevice {
  readonly name: string;
  /** Lower case, with colons: where it is given, the profile goes by it, and not by the name */
  readonly mac?: string;
}

/** Several interfaces as one. */
export interface Bond {
  readonly name: string;
  readonly members: readonly string[];
  /** As the kernel names them */
  readonly options: Readonly<Record<string, string>>;
}

/** What the interfaces are to be, before it is written for one program or another. */
export interface NetworkPlan {
  /** Below the VLAN: the boot interface, unless there is a bond or the VLAN names another */
  readonly base: BootDevice;
  readonly bond?: Bond;
  readonly vlan?: { readonly name: string; readonly id: string };
  readonly ipv4: 'dhcp' | 'off' | StaticIpv4;
  /** An address has its prefix: `fd77::5/64` */
  readonly ipv6: string;
  readonly dns: readonly string[];
  /** Networks on other interfaces, which give no default route */
  readonly also: readonly NetworkBesides[];
}

/** An interface that gets an address besides the machine's. */
export type NetworkBesides = Pick<NetworkPlan, 'ipv4' | 'ipv6'> & { readonly name: string };

/** A fixed IPv4 address, as an interface has it. */
export interface StaticIpv4 {
  /** With its prefix: `192.0.2.7/24` */
  readonly address: string;
  readonly gateway?: string;
}

/** The interface that gets the address. */
export const addressed = (plan: NetworkPlan): string =>
  plan.vlan?.name ?? plan.bond?.name ?? plan.base.name;

/** Whether an answer to `ipv6=` is an address, and not a word such as `auto`. */
export const isIpv6Address = (ipv6: string): boolean => ipv6.includes(':');

const deviceOf = (given: string, name: string): BootDevice =>
  given.includes(':') ? { name, mac: given } : { name: given };

/**
 * @param answers in which nothing is missing or contradicts another
 * @param nameOf the interface with a MAC address
 */
export function planNetwork(
  answers: Answers,
  bootDevice: BootDevice,
  nameOf: (mac: string) => string | undefined = () => undefined,
): NetworkPlan {
  const vlan = readVlan(answers.vlan ?? '');
  const on = vlan?.on;
  const bond = answers.bond === undefined ? undefined : parseBond(answers.bond);
  const isOnOther = on !== undefined && on !== bootDevice.name && on !== bond?.name;
  const named = isOnOther ? on : answers['coatcheck.interface'];
  const isBoot = named === undefined || [bootDevice.name, bootDevice.mac].includes(named);
  const base = isBoot ? bootDevice : deviceOf(named, nameOf(named) ?? bootDevice.name);
  return {
    base,
    ...(bond !== undefined && { bond }),
    ...(vlan !== undefined && {
      vlan: { id: vlan.id, name: vlan.name ?? vlanName(bond?.name ?? base.name, vlan.id) },
    }),
    ipv4: ipv4Of(answers),
    ipv6: answers.ipv6 ?? 'off',
    dns: answers.dns?.split(',') ?? [],
    also: answers['coatcheck.also']?.split(',').map(networkBesides) ?? [],
  };
}

/** A name has room for 15 characters. */
const vlanName = (below: string, id: string): string =>
  `${below}.${id}`.length <= 15 ? `${below}.${id}` : `vlan${id}`;

function ipv4Of({ ip = 'dhcp', netmask, gateway }: Answers): NetworkPlan['ipv4'] {
  if (ip === 'dhcp' || ip === 'off') return ip;
  const address = `${ip}/${prefixLength(netmask!)}`;
  return { address, ...(gateway !== undefined && { gateway }) };
}

/** @param text one item of `coatcheck.also=`, canonical */
function networkBesides(text: string): NetworkBesides {
  const [name = '', how = ''] = text.split(/:(.*)/s);
  if (how === 'dhcp') return { name, ipv4: 'dhcp', ipv6: 'off' };
  if (how === 'auto6' || how === 'dhcp6') return { name, ipv4: 'off', ipv6: how.slice(0, -1) };
  return isIpv6Address(how)
    ? { name, ipv4: 'off', ipv6: how }
    : { name, ipv4: { address: how }, ipv6: 'off' };
}

/** @param text of `bond=`, canonical */
function parseBond(text: string): Bond {
  const [name = '', members = '', options = ''] = text.split(':');
  const pairs = options.split(',').flatMap((option) => {
    const [key = '', value = ''] = option.split('=');
    return key === '' ? [] : [[key, value] as const];
  });
  return { name, members: members.split(','), options: Object.fromEntries(pairs) };
}
