import { isIP } from 'node:net';
import { basePathOf, isServerAddress } from '../../../protocol/address.ts';
import { either, listOf, numberFrom } from './value-kind.ts';
import type { Kind } from './value-kind.ts';

/** Four decimal numbers, as `node:net` takes them. */
export const ipv4: Kind = {
  expected: 'an IPv4 address',
  canonical: (text) => (isIP(text) === 4 ? text : undefined),
};

/** As RFC 5952 writes it; no zone, no embedded IPv4. */
const ipv6: Kind = {
  expected: 'an IPv6 address',
  canonical: (text) =>
    isIP(text) === 6 && /^[0-9A-Fa-f:]+$/.test(text)
      ? new URL(`http://[${text}]`).hostname.slice(1, -1)
      : undefined,
};

const address = either('an IP address', ipv4, ipv6);

/** Of a resolver: one of the link alone may have its zone, `fe80::53%eth0` (RFC 4007). */
export const resolver = either('an IP address', address, {
  expected: '',
  canonical(text) {
    const [given = '', zone = '', ...rest] = text.split('%');
    const isOfLink = /^fe[89ab][0-9a-f]:/i.test(given) && /^[A-Za-z0-9_.-]{1,15}$/.test(zone);
    const at = ipv6.canonical(given);
    return isOfLink && at !== undefined && rest.length === 0 ? `${at}%${zone}` : undefined;
  },
});

/**
 * A host name (RFC 1123): up to 64 characters, which is what Linux has room for, and not all digits
 * at its end, which would be a mistyped address.
 */
export const hostName: Kind = {
  expected: 'a host name (64 characters at most: letters, digits, hyphens and dots, no underscore)',
  canonical(given) {
    // As DNS has it, which ends a whole name with a dot.
    const text = given.replace(/\.$/, '');
    return text.length <= 64 &&
      /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/.test(
        text,
      ) &&
      text.split('.').every((label) => label.length <= 63) &&
      !/(^|\.)[0-9]+$/.test(text)
      ? text.toLowerCase()
      : undefined;
  },
};

/** A host name, or an address of IPv4 or IPv6. */
export const host = either('a host name or an IP address', address, hostName);

/** Addresses of resolvers, in a list. */
export const resolvers = listOf('IP addresses', resolver);
/** Host names and addresses, in a list. */
export const hosts = listOf('host names or IP addresses', host);

/** A port of TCP or UDP, 1 to 65535. */
export const port = numberFrom(1, 65535);

/** `<host>`, `<host>:<port>`, `[<IPv6 address>]:<port>`; the port stays out where it is not given. */
export const hostAndPort: Kind = {
  expected: '<host> or <host>:<port>',
  canonical(text) {
    const { host: name, port: number } = splitHostAndPort(text);
    const at = host.canonical(name);
    if (at === undefined || number === undefined) return at;
    const checked = port.canonical(number);
    if (checked === undefined) return undefined;
    return at.includes(':') ? `[${at}]:${checked}` : `${at}:${checked}`;
  },
};

/** Only a single colon, or one behind brackets, comes before a port. */
export function splitHostAndPort(text: string): { host: string; port?: string } {
  const [, bracketed, plain, number] = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(text) ?? [];
  return number === undefined ? { host: text } : { host: bracketed ?? plain!, port: number };
}

/** `255.255.255.0` or `24`; canonically the dotted form. */
export const netmask: Kind = {
  expected: 'a netmask, as in 255.255.255.0, or a prefix length',
  canonical(text) {
    const length = numberFrom(1, 32).canonical(text);
    const bits = length === undefined ? bitsOf(text) : -1 << (32 - Number(length));
    // Ones, then zeros: the complement plus one is a power of two.
    if (bits === undefined || bits === 0 || (~bits & (~bits + 1)) !== 0) return undefined;
    return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
  },
};

function bitsOf(text: string): number | undefined {
  if (isIP(text) !== 4) return undefined;
  return text.split('.').reduce((bits, part) => (bits << 8) | Number(part), 0);
}

/** 1 to 32, of a netmask in its canonical form. */
export function prefixLength(mask: string): number {
  return Math.clz32(~bitsOf(mask)!);
}

/** `<address>/<prefix length>`; 64 where none is given. */
export const ipv6Network: Kind = {
  expected: 'an IPv6 address and its prefix length, as in fd77::5/64',
  canonical(text) {
    const [given = '', length = '64', ...rest] = text.split('/');
    const at = ipv6.canonical(given);
    const checked = numberFrom(1, 128).canonical(length);
    const isWhole = at !== undefined && checked !== undefined && rest.length === 0;
    return isWhole ? `${at}/${checked}` : undefined;
  },
};

/** The address of a server: `http://host[:port]` or `https://host[:port]`, and perhaps a path. */
export const server: Kind = {
  expected: 'http://<host>[:<port>][/<path>] or https://<host>[:<port>][/<path>]',
  canonical(text) {
    const url = parseUrl(text);
    const address = url?.search === '' ? `${url.origin}${basePathOf(url)}` : '';
    return isServerAddress(address) ? address : undefined;
  },
};

/** An address of the web without a password. */
export const webAddress: Kind = {
  expected: 'an http:// or https:// address without ? and #',
  canonical: (text) => {
    const url = parseUrl(text);
    return url?.search === '' ? url.href : undefined;
  },
};

function parseUrl(text: string): URL | undefined {
  if (!/^https?:\/\/[!-~]{1,1000}$/.test(text) || /["'`<>\\^{|}]/.test(text)) return undefined;
  try {
    const url = new URL(text);
    return url.username === '' && url.password === '' && url.hash === '' ? url : undefined;
  } catch {
    return undefined;
  }
}
