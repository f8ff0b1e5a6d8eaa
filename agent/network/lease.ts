import { isIP } from 'node:net';
import { now } from '../../files/calls.ts';
import { reading } from '../../files/read.ts';
import { isHostName } from './names.ts';

/** What a machine knows of the network that it is in. Nobody vouches for it. */
export interface Lease {
  readonly interface: string;
  /** With the length of the prefix, `10.77.0.50/24`; none is of the link only */
  readonly addresses: readonly string[];
  readonly gateway?: string;
  readonly domain?: string;
  /** Without `domain` */
  readonly search: readonly string[];
  /** Addresses of resolvers; one of the link with its zone, `fe80::53%eth0` */
  readonly dns: readonly string[];
  /** All that there is is an address that a router advertised: no lease, and nobody named a resolver. */
  readonly isBare?: true;
  /** What the network calls this machine (DHCP option 12) */
  readonly hostname?: string;
}

/** A lease as some program wrote it down: any text. */
export type RawLease = Partial<Record<'domain' | 'search' | 'dns' | 'hostname', string>>;

const MAX_SEARCH = 6;
const MAX_RESOLVERS = 3;

/**
 * What of it is a name or an address; of lists as much as resolv.conf(5) keeps. The rest is dropped. A
 * domain of several words is one, and a search list behind it: so servers write it that know no other way.
 * @param link what a resolver of the link is on, where it does not say so
 */
export function cleanLease(
  raw: RawLease,
  link?: { readonly name: string; readonly index: number },
): Pick<Lease, 'domain' | 'search' | 'dns' | 'hostname'> {
  const names = (text = ''): string[] =>
    // A space inside of a name, as RFC 1035 has it written.
    words(text.replaceAll('\\032', ' '))
      .map((name) => name.replace(/\.$/, '').toLowerCase())
      .filter(isHostName);
  const [domain, ...more] = names(raw.domain);
  const [hostname] = names(raw.hostname);
  const search = [...new Set([...more, ...names(raw.search)])].filter((name) => name !== domain);
  const dns = words(raw.dns ?? '').flatMap((address) => resolverAddress(address, link) ?? []);
  return {
    ...(domain !== undefined && { domain }),
    ...(hostname !== undefined && { hostname }),
    search: search.slice(0, MAX_SEARCH),
    dns: [...new Set(dns)].slice(0, MAX_RESOLVERS),
  };
}

/** RFC 4007: an address of the link means nothing without its link. */
function resolverAddress(
  text: string,
  link?: { readonly name: string; readonly index: number },
): string | undefined {
  const [address = '', given = ''] = text.split(/%(.*)/s);
  if (isIP(address) === 0 || !/^[A-Za-z0-9_.-]{0,15}$/.test(given)) return undefined;
  if (!/^fe[89ab]/i.test(address)) return address;
  const zone = given === '' || given === String(link?.index) ? link?.name : given;
  return zone === undefined ? address : `${address}%${zone}`;
}

/** The lease of a resolv.conf(5); empty if there is none. */
export function leaseOfResolvConf(path = '/etc/resolv.conf'): RawLease {
  const lines = (readIfThere(path) ?? '').split('\n').map(words);
  const last = (keyword: string): string[] => lines.findLast(([word]) => word === keyword) ?? [];
  return {
    domain: last('domain').slice(1, 2).join(''),
    search: last('search').slice(1).join(' '),
    dns: lines
      .flatMap(([word, address = '']) => (word === 'nameserver' ? [address] : []))
      .join(' '),
  };
}

/** The lines `NAME=value` of a file: systemd's state, or what our hook of udhcpc wrote. */
export function readAssignments(path: string): Readonly<Record<string, string>> | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const pairs = text.split('\n').flatMap((line) => {
    const [, name, value] = /^([A-Za-z0-9_]+)=(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value!.replace(/^"(.*)"$/, '$1')] as const];
  });
  return Object.fromEntries(pairs);
}

const MAX_BYTES = 4 * 1024 * 1024;

/** The text of a small file of the system; undefined if there is none that can be read. */
export function readIfThere(path: string): string | undefined {
  try {
    const { content } = now(reading(path, { maxBytes: MAX_BYTES }));
    return Buffer.from(content).toString('utf8');
  } catch {
    return undefined;
  }
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== '');
