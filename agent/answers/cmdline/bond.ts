import { interfaceName } from './interface-arguments.ts';

/** A `bond=` as `bond=` of ours has it. */
export interface SpelledBond {
  readonly name: string;
  readonly members: readonly string[];
  /** Unchecked; undefined where it has no interfaces */
  readonly text?: string;
  /** What is left out of it */
  readonly unused: readonly string[];
}

/** The kernel's numbers for the options of a bond (bonding.rst). */
const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  mode: [
    ...['balance-rr', 'active-backup', 'balance-xor', 'broadcast', '802.3ad'],
    ...['balance-tlb', 'balance-alb'],
  ],
  lacp_rate: ['slow', 'fast'],
  xmit_hash_policy: [...['layer2', 'layer3+4', 'layer2+3', 'encap2+3', 'encap3+4', 'vlan+srcmac']],
};

/** What all of the image's network programs can be told. */
const USED = [...Object.keys(NUMBERS), 'miimon', 'updelay', 'downdelay', 'primary'];

/**
 * Spells dracut's `<name>:<interfaces>[:<options>[:<mtu>]]` as ours: the options that we use, by name
 * where the kernel has a number for a value. Others are left out: the kernel has more of them than any
 * list, and what none knows does no harm.
 */
export function readBond(value: string): SpelledBond {
  const [name = '', members = '', options = '', mtu, ...rest] = value.split(':');
  const on = members.split(',');
  if (members === '' && interfaceName.canonical(name) !== undefined) {
    return { name, members: [], unused: [`the bond ${name}, which has no interfaces`] };
  }
  if (rest.length > 0) return { name, members: on, text: value, unused: [] };
  const all = options.split(',').filter((option) => option !== '');
  const isUsed = (option: string): boolean => USED.includes(option.split('=')[0]!);
  const used = all.filter(isUsed).map(byName);
  return {
    ...{ name, members: on },
    text: [name, members, ...(used.length > 0 ? [used.join(',')] : [])].join(':'),
    unused: [...all.filter((option) => !isUsed(option)), ...(mtu ? [`the MTU ${mtu}`] : [])],
  };
}

function byName(option: string): string {
  const [name = '', value = ''] = option.split('=');
  const named = /^\d$/.test(value) ? NUMBERS[name]?.[Number(value)] : undefined;
  return named === undefined ? option : `${name}=${named}`;
}
