import { isIP } from 'node:net';
import type { AnswerName } from './answers.ts';
import { interfaceName } from './interface-arguments.ts';
import { readIp } from './ip.ts';
import type { IpWord } from './ip.ts';
import type { Word } from './split.ts';

/*
 * Arguments whose names are not ours alone: the kernel, dracut and boot loaders have them too. A form
 * that those document is taken, or what it has that nobody here can use is named; it stops no boot.
 */

/** Text for one answer, still unchecked, and the word that it comes from. */
export interface GivenArgument {
  readonly answer: AnswerName;
  readonly text: string;
  readonly word: Word;
}

/** What a word of the command line that others read, too, comes to. */
export interface Shared {
  readonly given: readonly GivenArgument[];
  /** What is left out, and why: one sentence each, for the console */
  readonly notes: readonly string[];
}

/** One spelling of a value, or undefined where it is none of ours; and what of it is left out. */
interface Spelled {
  readonly text?: string;
  readonly note?: string;
}

/** By name: how others spell what we take too. */
const SPELLINGS: Readonly<Record<string, (text: string) => Spelled>> = {
  BOOTIF: bootif,
  bond,
  netconsole,
  vlan: (text) => ({ text: vlanOf(text)?.canonical ?? text }),
};

/** Whether others read an argument of this name as well: the kernel, dracut. */
export const isShared = (name: string): boolean => Object.hasOwn(SPELLINGS, name);

/** @param word the one that counts, with a value */
export function readShared(name: AnswerName, word: Word): Shared {
  const { text, note } = SPELLINGS[name]!(word.value!);
  return {
    given: text === undefined ? [] : [{ answer: name, text, word }],
    notes: note === undefined ? [] : [`${name}=${place(word)}: ${note}`],
  };
}

const place = ({ position }: Word): string =>
  ` at character ${position} of the kernel's command line`;

/** pxelinux puts the hardware type (ARP's) before the address; InfiniBand has an address of 20 bytes. */
function bootif(text: string): Spelled {
  if (!/^[0-9a-f]{2}([-:][0-9a-f]{2}){7,}$/i.test(text)) return { text };
  return {
    note: 'an address that is not of Ethernet is left out: the first interface with link is taken',
  };
}

/** The kernel's own, `[+][port]@[address]/[device],[port]@<address>/[mac]` (netconsole.rst). */
function netconsole(text: string): Spelled {
  return text.includes('@') ? { note: 'it is for the kernel itself, and is left to it' } : { text };
}

/**
 * `<id>[:<interface>]`, or dracut's `<name>:<interface>`, whose name has the id: `vlan0005`, `vlan5`,
 * `eth0.0005` or `eth0.5`.
 */
function vlanOf(text: string): { name: string; canonical: string } | undefined {
  const [, name = '', id, on] = /^((?:vlan|[^:]+\.)0*([1-9]\d{0,3})):([^:]+)$/.exec(text) ?? [];
  return id === undefined || on === undefined ? undefined : { name, canonical: `${id}:${on}` };
}

/** The kernel's numbers for the options of a bond (bonding.rst). */
const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  mode: [
    ...['balance-rr', 'active-backup', 'balance-xor', 'broadcast', '802.3ad'],
    ...['balance-tlb', 'balance-alb'],
  ],
  lacp_rate: ['slow', 'fast'],
  xmit_hash_policy: ['layer2', 'layer3+4', 'layer2+3', 'encap2+3', 'encap3+4'],
};

/** Options of a bond that the kernel has, and the image's network programs are not told. */
const UNUSED_OPTIONS = new Set([
  ...['active_slave', 'ad_actor_sys_prio', 'ad_actor_system', 'ad_select', 'ad_user_port_key'],
  ...['all_slaves_active', 'arp_all_targets', 'arp_interval', 'arp_ip_target', 'arp_validate'],
  ...['fail_over_mac', 'lp_interval', 'min_links', 'num_grat_arp', 'num_unsol_na'],
  ...['packets_per_slave', 'peer_notif_delay', 'primary_reselect', 'resend_igmp'],
  ...['tlb_dynamic_lb', 'use_carrier'],
]);

/** `<name>:<interfaces>[:<options>[:<mtu>]]`; `<name>` alone is for dracut, which guesses the rest. */
function bond(text: string): Spelled {
  const [name = '', members, options = '', mtu, ...rest] = text.split(':');
  if (rest.length > 0 || name === '') return { text };
  if (members === undefined && interfaceName.canonical(name) !== undefined)
    return { note: 'a bond without its interfaces is left out' };
  const all = options.split(',').filter((option) => option !== '');
  const isUsed = (option: string): boolean => !UNUSED_OPTIONS.has(option.split('=')[0]!);
  const used = all.filter(isUsed).map(byName);
  const unused = [...all.filter((option) => !isUsed(option)), ...(mtu ? [`the MTU ${mtu}`] : [])];
  return {
    text: [name, members, ...(used.length > 0 ? [used.join(',')] : [])].join(':'),
    ...(unused.length > 0 && { note: `left out: ${unused.join(', ')}` }),
  };
}

function byName(option: string): string {
  const [name = '', value = ''] = option.split('=');
  return /^\d$/.test(value) && NUMBERS[name]?.[Number(value)] !== undefined
    ? `${name}=${NUMBERS[name][Number(value)]!}`
    : option;
}

/** What all words of a command line say, by their names. */
type Words = ReadonlyMap<string, readonly Word[]>;

/** An `ip=` with the word that it is from. */
interface Placed extends IpWord {
  readonly word: Word;
}

/**
 * All `ip=` of a command line. Of several for one interface the last counts; the first interface, or
 * the one that `bootdev=` or `BOOTIF=` names, is the machine's, and what the others get is a network
 * besides.
 */
export function readAllIp(words: Words): Shared {
  const built = builtUpon(words);
  const networks = new Map<string, Placed>();
  const notes: string[] = [];
  for (const word of (words.get('ip') ?? []).filter(({ value }) => value)) {
    const read = readIp(word.value!) ?? { says: { ip: word.value! }, unused: [] };
    const device = read.device === built.top ? '' : (read.device ?? '');
    if (built.below.includes(device)) {
      notes.push(unusedNote(word, `what is for ${device}, since ${built.top} is built upon it`));
      continue;
    }
    networks.set(device, { ...together(networks.get(device), read), word });
  }
  const bootif = last(words, 'BOOTIF');
  const candidates = ['', last(words, 'bootdev'), bootif, ...networks.keys()];
  const device = candidates.find((name) => name !== undefined && networks.has(name)) ?? '';
  const main = networks.get(device);
  if (main === undefined) return { given: [], notes };
  networks.delete(device);

  const given: GivenArgument[] = pairs(main.says).map(([answer, text]) => ({
    ...{ answer, text },
    word: main.word,
  }));
  notes.push(...main.unused.map((what) => unusedNote(main.word, what)));
  if (device !== '' && device !== bootif) {
    const answer = bootif === undefined ? 'BOOTIF' : 'coatcheck.interface';
    given.push({ answer, text: device, word: main.word });
  }
  const also: string[] = [];
  for (const [name, network] of networks) {
    const { how, unused } = networkBesides(network);
    if (how !== undefined) also.push(`${name}:${how}`);
    for (const what of [...unused, ...network.unused]) {
      notes.push(unusedNote(network.word, `${what}, of ${name}`));
    }
  }
  const [first] = networks.values();
  if (also.length > 0) {
    given.push({ answer: 'coatcheck.also', text: also.join(','), word: first!.word });
  }
  return { given, notes };
}

const unusedNote = (word: Word, what: string): string => `ip=${place(word)}: left out is ${what}`;

const last = (words: Words, name: string): string | undefined =>
  words.get(name)?.at(-1)?.value || undefined;

const pairs = (says: IpWord['says']) => Object.entries(says) as [AnswerName, string][];

/** What `bond=` and `vlan=` build: the address is that of the top, and what is below it has none. */
function builtUpon(words: Words): { top: string | undefined; below: readonly string[] } {
  const [bond, members] = last(words, 'bond')?.split(':') ?? [];
  const vlan = vlanOf(last(words, 'vlan') ?? '');
  const on = vlan?.canonical.split(':')[1];
  const layers = [vlan?.name, on, bond].filter((name) => name !== undefined);
  const [top, ...below] = new Set(layers);
  return { top, below: [...below, ...(members?.split(',') ?? [])] };
}

/** Where the one says how to get IPv4, and the other IPv6, both hold: in either order. */
function together(before: IpWord | undefined, now: IpWord): IpWord {
  if (before === undefined) return now;
  const { ip = 'off', ipv6 } = before.says;
  const both = {
    ...{ ...now, says: { ...before.says, ...now.says } },
    unused: [...before.unused, ...now.unused],
  };
  if (isOnlyIpv6(now)) return ip === 'off' ? now : { ...both, says: { ...both.says, ip } };
  if (!givesIpv4(now) || ipv6 === undefined) return now;
  return isOnlyIpv6(before) ? both : { ...now, says: { ...now.says, ipv6 } };
}

const givesIpv4 = ({ says: { ip = 'off' } }: IpWord): boolean => ip !== 'off';
const isOnlyIpv6 = (word: IpWord): boolean => !givesIpv4(word) && word.says.ipv6 !== undefined;

/** A network besides the machine's has an address, and nothing that the other one gives already. */
function networkBesides({ says }: IpWord): { how?: string; unused: string[] } {
  const { ip, ipv6, netmask, ...others } = says;
  const isStatic = ip !== undefined && isIP(ip) !== 0;
  const six = ipv6 === undefined || ipv6.includes('/') ? ipv6 : `${ipv6}6`;
  const fixed = isStatic && netmask !== undefined ? `${ip}/${netmask}` : undefined;
  const four = isStatic ? fixed : ip === 'off' ? undefined : ip;
  const how = four ?? six;
  return {
    ...(how !== undefined && { how }),
    unused: [
      ...(four !== undefined && six !== undefined ? [`ipv6 ${six}`] : []),
      ...(isStatic && four === undefined ? [`the address ${ip}, which has no netmask`] : []),
      ...(how === undefined ? ['the interface'] : []),
      ...pairs(others).map(([name, text]) => `the ${name} ${text}`),
    ],
  };
}

/** dracut's `nameserver=`, which may be there several times: `dns=` goes before it. */
export function readNameservers(words: Words): Shared {
  const given = (words.get('nameserver') ?? []).filter(({ value }) => value);
  const word = given.at(-1);
  if (word === undefined) return { given: [], notes: [] };
  if (last(words, 'dns') !== undefined) {
    return { given: [], notes: [`nameserver=${place(word)}: left out, since dns= says which`] };
  }
  const servers = given.map(({ value }) => value!.replace(/^\[(.*)\]$/, '$1'));
  return { given: [{ answer: 'dns', text: [...new Set(servers)].join(','), word }], notes: [] };
}

/** Of the host names that a command line has, the one of `hostname=` and there the last counts. */
export function notesOfNames(words: Words, fromIp: readonly GivenArgument[]): string[] {
  const said = (words.get('hostname') ?? []).filter(({ value }) => value);
  const word = said.at(-1);
  if (word === undefined) return [];
  const others = [
    ...said.map(({ value }) => value!),
    ...fromIp.filter(({ answer }) => answer === 'hostname').map(({ text }) => text),
  ].filter((name) => name.toLowerCase() !== word.value!.toLowerCase());
  if (others.length === 0) return [];
  return [
    `hostname=${place(word)} counts, and not ${[...new Set(others)].map((name) => JSON.stringify(name)).join(', ')}`,
  ];
}
