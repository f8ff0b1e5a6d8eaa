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
  /** Addresses of resolvers */
  readonly dns: readonly string[];
  /** What the network calls this machine (DHCP option 12) */
  readonly hostname?: string;
}

/** A lease as some program wrote it down: any text. */
export type RawLease = Partial<Record<'domain' | 'search' | 'dns' | 'hostname', string>>;

const MAX_SEARCH = 6;
const MAX_RESOLVERS = 3;

/** What of it is a name or an address; of lists as much as resolv.conf(5) keeps. The rest is dropped. */
export function cleanLease(raw: RawLease): Pick<Lease, 'domain' | 'search' | 'dns' | 'hostname'> {
  const names = (text = ''): string[] =>
    words(text)
      .map((name) => name.replace(/\.$/, '').toLowerCase())
      .filter(isHostName);
  const [domain] = names(raw.domain);
  const [hostname] = names(raw.hostname);
  const search = [...new Set(names(raw.search))].filter((name) => name !== domain);
  const dns = [...new Set(words(raw.dns ?? ''))].filter((address) => isIP(address) !== 0);
  return {
    ...(domain !== undefined && { domain }),
    ...(hostname !== undefined && { hostname }),
    search: search.slice(0, MAX_SEARCH),
    dns: dns.slice(0, MAX_RESOLVERS),
  };
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
