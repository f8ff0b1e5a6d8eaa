import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { fail } from '../protocol/errors.ts';

/**
 * Where a server's word leads nobody: what only this machine or its link reaches, and where clouds keep
 * the credentials of a machine. Most of the latter are of the link: AWS, Azure, Google and OpenStack
 * answer at 169.254.169.254. Those that are not: 100.100.100.200 (Alibaba), 168.63.129.16 (Azure),
 * 192.0.0.192 (Oracle), fd00:ec2::254 (AWS), fd20:ce::254 (Google), fd00:42::42 (Scaleway).
 */
const NOBODYS = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8], // Linux takes it for 127.0.0.1
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['192.0.0.192', 32],
] as const) {
  NOBODYS.addSubnet(net, bits, 'ipv4');
}
for (const [net, bits] of [
  ['::', 127],
  ['fe80::', 10],
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
  ['fd00:42::42', 128],
] as const) {
  NOBODYS.addSubnet(net, bits, 'ipv6');
}

/**
 * Resolves names as `lookup` does, to those addresses alone that a server's answer may lead to. Node
 * connects to what it is given here: a name that resolves to another address each time gains nothing.
 * An address in the URL itself is judged at once, since nothing is looked up then.
 * @param unlessAt addresses that may be all the same
 * @throws answer_refused for the address in the URL; so does the lookup, where there is no other
 */
export function reachOnly(
  { hostname }: URL,
  unlessAt: ReadonlySet<string>,
  lookup: LookupFunction = systemLookup,
): LookupFunction {
  const isFine = (address: string): boolean =>
    unlessAt.has(plainAddress(address)) || !isNobodys(address);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isFine(host)) throw refused(host, host);
  return (name, options, answer) => {
    lookup(name, { ...options, all: true }, (error, found) => {
      const all = error === null && typeof found !== 'string' ? found : [];
      const fine = all.filter(({ address }) => isFine(address));
      const [first] = fine;
      if (error !== null) answer(error, []);
      else if (first === undefined) answer(refused(name, all[0]?.address ?? 'nothing'), []);
      else if (options.all === true) answer(null, fine);
      else answer(null, first.address, first.family);
    });
  };
}

const systemLookup: LookupFunction = (name, options, answer) => {
  process.getBuiltinModule('node:dns').lookup(name, options, answer);
};

function refused(host: string, address: string): Error {
  const leads = host === address ? address : `${host}, which is ${address}`;
  return fail(
    'answer_refused',
    `a server's answer leads to ${leads}: that is asked only where site.json names this address among its stores`,
  );
}

/** One way to write an address: that of `URL`, of IPv4 in IPv6 (`::ffff:`) the IPv4 one; without a zone. */
export function plainAddress(address: string): string {
  const [bare = ''] = address.split('%');
  if (isIP(bare) !== 6) return bare;
  const groups = groupsOf(bare);
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  return isMapped ? v4sIn(groups)[0]! : hostOf(bare);
}

const hostOf = (v6: string): string => new URL(`http://[${v6}]`).hostname.slice(1, -1);

function isNobodys(address: string): boolean {
  const plain = plainAddress(address);
  if (isIP(plain) === 4) return NOBODYS.check(plain, 'ipv4');
  return (
    NOBODYS.check(plain, 'ipv6') || v4sIn(groupsOf(plain)).some((v4) => NOBODYS.check(v4, 'ipv4'))
  );
}

/** The eight numbers of an IPv6 address. */
function groupsOf(v6: string): number[] {
  const [before = '', after] = hostOf(v6).split('::');
  const numbers = (text = ''): number[] =>
    text === '' ? [] : text.split(':').map((group) => parseInt(group, 16));
  const [head, tail] = [numbers(before), numbers(after)];
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/** The IPv4 addresses that a translation or a tunnel reads in an IPv6 address. */
function v4sIn(groups: number[]): string[] {
  const bytes = groups.flatMap((group) => [group >> 8, group & 255]);
  const at = (...places: number[]): string => places.map((place) => bytes[place]!).join('.');
  const starts = (...prefix: number[]): boolean => prefix.every((group, i) => groups[i] === group);
  const last = at(12, 13, 14, 15);
  // ::a.b.c.d, ::ffff:a.b.c.d and ::ffff:0:a.b.c.d (RFC 4291, RFC 2765)
  if (starts(0, 0, 0, 0)) return [last];
  if (starts(0x64, 0xff9b, 0, 0, 0, 0)) return [last]; // NAT64 (RFC 6052)
  // NAT64 of a network's own (RFC 8215): its prefix may have 48, 56, 64 or 96 bits.
  if (starts(0x64, 0xff9b, 1)) {
    const read = [at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12), last];
    return read.filter((v4) => !v4.startsWith('0.')); // as three of the four are
  }
  if (starts(0x2002)) return [at(2, 3, 4, 5)]; // 6to4 (RFC 3056)
  // Teredo (RFC 4380): the server, and the client with every bit turned round
  if (starts(0x2001, 0)) {
    return [at(4, 5, 6, 7), [12, 13, 14, 15].map((i) => bytes[i]! ^ 255).join('.')];
  }
  // ISATAP (RFC 5214)
  return (groups[4]! & 0xfdff) === 0 && groups[5] === 0x5efe ? [last] : [];
}
