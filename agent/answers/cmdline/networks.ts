import { isIP } from 'node:net';
import type { AnswerName } from './answers.ts';
import { readBond } from './bond.ts';
import { anyInterface, interfaceName, readVlan } from './interface-arguments.ts';
import { readIp } from './ip.ts';
import type { IpWord } from './ip.ts';
import { lastOf, place, valued } from './split.ts';
import type { Word, Words } from './split.ts';
import { MAX_LISTED } from './value-kind.ts';

/** Text for one answer, still unchecked, and the word that it comes from. */
export interface GivenArgument {
  readonly answer: AnswerName;
  readonly text: string;
  readonly word: Word;
}

/** What words of the command line that others read, too, come to. */
export interface Shared {
  readonly given: readonly GivenArgument[];
  /** What is left out, and why: one sentence each, for the console */
  readonly notes: readonly string[];
}

/** An `ip=` with the word that it is from. */
interface Placed extends IpWord {
  readonly word: Word;
}

/** A bond or a VLAN that the command line has; ours may have no name. */
interface Layer {
  readonly argument: 'bond' | 'vlan';
  readonly name?: string | undefined;
  /** What it is built upon */
  readonly on: readonly string[];
  readonly text: string;
  readonly word: Word;
}

/**
 * Which networks the machine gets, of all `ip=`, `bootdev=`, `bond=` and `vlan=` of a command line.
 * Of several `ip=` for one interface the last counts. The machine's own is the one of `bootdev=`, of
 * what is built upon others, of no interface by name, of BOOTIF, or else the first that gives an
 * address; what other interfaces get is a network besides.
 */
export function readNetworks(words: Words): Shared {
  const notes: string[] = [];
  const leaveOut = (name: string, word: Word, what: string): void => {
    notes.push(`${name}=${place(word)}: left out is ${what}`);
  };
  const vlans = valued(words, 'vlan').flatMap((word): Layer[] => {
    // A name that others give; ours begins with the id.
    if (!/^\D+:/.test(word.value!) || readVlan(word.value!) !== undefined) return [vlanLayer(word)];
    leaveOut('vlan', word, `${word.value!}, in which there is no id from 1 to 4094`);
    return [];
  });
  const bonds = (words.get('bond') ?? []).flatMap((word): Layer[] => {
    const { name, members, text, unused } = readBond(word.value || 'bond0');
    if (unused.length > 0) leaveOut('bond', word, unused.join(', '));
    return text === undefined ? [] : [{ argument: 'bond', name, on: members, text, word }];
  });
  // What nobody here makes; the address is for the first interface that it is built upon.
  const unmade = ['bridge', 'team'].flatMap((argument) =>
    valued(words, argument).map(({ value }) => value!.split(':')),
  );

  // What others call an interface of this address, and the kernel does not.
  const renamed = new Map(
    valued(words, 'ifname').map((word) => {
      const [name = '', mac = ''] = word.value!.split(/:(.*)/s);
      return [name, { mac, word }];
    }),
  );

  const networks = new Map<string, Placed>();
  const bootdev = insteadOf(lastOf(words, 'bootdev'));
  for (const word of valued(words, 'ip')) {
    const read = readIp(word.value!) ?? { says: { ip: word.value! }, unused: [] };
    const device = insteadOf(read.device) ?? '';
    const before = networks.get(device);
    // A second address of an interface has nobody here; without the router nobody is reached.
    if (before?.says.gateway !== undefined && isAddressAlone(read)) {
      leaveOut('ip', word, `the ip ${read.says.ip!}, since the one with a gateway counts`);
      continue;
    }
    const both = before === undefined ? read : together(before, read);
    for (const [answer, text] of pairs(before?.says ?? {})) {
      const isKept = both.says[answer] === text || text === 'off';
      if (!isKept) leaveOut('ip', before!.word, `the ${answer} ${text}, since a later ip= counts`);
    }
    networks.delete(device);
    networks.set(device, { ...both, word });
  }
  const nameless = networks.get('');
  if (bootdev !== undefined && nameless !== undefined && !networks.has(bootdev)) {
    networks.delete('');
    networks.set(bootdev, nameless);
  }

  const bootif = oneForm(lastOf(words, 'BOOTIF'));
  const layers = [...vlans, ...bonds];
  const candidates = [
    ...[bootdev, ...layers.map(({ name }) => name).reverse(), '', bootif, ...networks.keys()],
  ].filter((name) => name !== undefined && networks.has(name));
  const device = candidates.find((name) => givesAddress(networks.get(name!)!)) ?? candidates[0];
  const isAny = device === undefined || device === '';

  const vlan = vlans.findLast(({ name }) => isAny || name === undefined || name === device);
  const base = vlan?.on[0] ?? (device === vlan?.name ? undefined : device || undefined);
  const bond = bonds.findLast(({ name }) => base === undefined || name === base);
  const built = [vlan, bond].filter((layer) => layer !== undefined);
  const given: GivenArgument[] = built.map(({ argument, text, word }) => ({
    ...{ answer: argument, text, word },
  }));
  for (const { argument, word } of layers.filter((layer) => !built.includes(layer))) {
    leaveOut(
      argument,
      word,
      `${word.value!}, since the machine's address is for another interface`,
    );
  }
  const named = built.length === 0 ? renamed.get(device ?? '') : undefined;
  for (const one of renamed.values()) {
    if (one !== named)
      leaveOut('ifname', one.word, `${one.word.value!}, since nobody here renames any`);
  }
  if (device === undefined) return { given, notes };

  const main = networks.get(device)!;
  networks.delete(device);
  for (const what of main.unused) leaveOut('ip', main.word, what);
  for (const [answer, text] of pairs(main.says)) given.push({ answer, text, word: main.word });
  if (device !== '' && device !== bootif && !built.some(({ name }) => name === device)) {
    const answer = bootif === undefined ? 'BOOTIF' : 'coatcheck.interface';
    const text = named?.mac ?? device;
    const why = obstacleToNaming(text);
    if (why === undefined) given.push({ answer, text, word: main.word });
    else leaveOut('ip', main.word, `the interface ${device}, ${why}`);
  }

  const also: string[] = [];
  for (const [name, network] of networks) {
    const why = obstacleTo(name);
    const { how, unused } = networkBesides(network);
    if (why !== undefined)
      leaveOut('ip', network.word, `what is for ${name || 'none by name'}, ${why}`);
    else {
      if (how !== undefined) also.push(`${name}:${how}`);
      for (const what of [...unused, ...network.unused]) {
        leaveOut('ip', network.word, `${what}, of ${name}`);
      }
    }
  }
  if (also.length > 0) {
    given.push({ answer: 'coatcheck.also', text: also.join(','), word: main.word });
  }
  return { given, notes };

  function insteadOf(name: string | undefined): string | undefined {
    const [, members] = unmade.find(([built]) => built === name) ?? [];
    return oneForm(members?.split(',')[0] ?? name);
  }

  /** Why the interface of the machine's own network cannot be called so. */
  function obstacleToNaming(text: string): string | undefined {
    if (bootif !== undefined && vlan !== undefined && text.includes(':')) {
      return 'whose name a VLAN needs';
    }
    return anyInterface.canonical(text) === undefined ? 'which is no name of one' : undefined;
  }

  /** Why what an `ip=` says cannot be a network besides the machine's. */
  function obstacleTo(name: string): string | undefined {
    const above =
      built.find(({ on }) => on.includes(name)) ?? built.find((one) => one.name === name);
    if (above !== undefined) return `since ${built[0]!.name ?? 'the VLAN'} is built upon it`;
    if (layers.some((layer) => layer.name === name)) return 'which is left out itself';
    if (interfaceName.canonical(name) === undefined) return 'which is no name of an interface';
    return also.length === MAX_LISTED ? `since there are ${MAX_LISTED} others` : undefined;
  }
}

/** @param word what is none is kept for whoever checks it */
function vlanLayer(word: Word): Layer {
  const text = word.value!;
  const { id, on, name = on === undefined ? undefined : `${on}.${id}` } = readVlan(text) ?? {};
  const isOurs = /^\d/.test(text);
  const below = on === undefined ? [] : [on];
  return { argument: 'vlan', on: below, text, word, ...(!isOurs && { name }) };
}

/** The name of an interface, or a MAC address in its one form. */
const oneForm = (name: string | undefined): string | undefined =>
  name === undefined ? undefined : (anyInterface.canonical(name) ?? name);

/** An address of IPv4 with nobody to route it. */
const isAddressAlone = ({ says: { ip = '', gateway } }: IpWord): boolean =>
  isIP(ip) === 4 && gateway === undefined;

const pairs = (says: IpWord['says']) => Object.entries(says) as [AnswerName, string][];

/** Where the one says how to get IPv4, and the other IPv6, both hold: in either order. */
function together(before: IpWord, now: IpWord): IpWord {
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
const givesAddress = (word: IpWord): boolean => givesIpv4(word) || isOnlyIpv6(word);

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
