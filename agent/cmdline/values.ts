import { isIP } from 'node:net';

/** What a value of an argument may be. */
export interface Kind {
  /** Completes "it is ..." for a person. */
  readonly expected: string;
  /** The one form of it, printable ASCII without spaces and quotes; undefined if it is no such value. */
  readonly canonical: (text: string) => string | undefined;
}

const MAX_LISTED = 8;

/** What is one of these words. */
export function oneOf(...words: readonly string[]): Kind {
  return {
    expected: words.join(', ').replace(/, ([^,]*)$/, ' or $1'),
    canonical: (text) => (words.includes(text) ? text : undefined),
  };
}

/** What matches a pattern as a whole, and is kept as it is. */
export function matching(expected: string, pattern: RegExp): Kind {
  const whole = new RegExp(`^(?:${pattern.source})$`);
  return { expected, canonical: (text) => (whole.test(text) ? text : undefined) };
}

/** A number without sign or leading zeros, both ends included. */
export function numberFrom(least: number, most: number): Kind {
  return {
    expected: `a number from ${least} to ${most}`,
    canonical: (text) =>
      /^[0-9]{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most
        ? String(Number(text))
        : undefined,
  };
}

/** The first of several kinds that takes the value. */
export function either(expected: string, ...kinds: readonly Kind[]): Kind {
  return {
    expected,
    canonical: (text) => {
      for (const kind of kinds) {
        const canonical = kind.canonical(text);
        if (canonical !== undefined) return canonical;
      }
      return undefined;
    },
  };
}

/** Up to 8 of a kind, separated by commas, none twice. */
export function listOf(expected: string, kind: Kind): Kind {
  return {
    expected: `${expected}, separated by commas`,
    canonical: (text) => {
      const items = text.split(',').map(kind.canonical);
      const isList = items.length <= MAX_LISTED && !items.includes(undefined);
      return isList && new Set(items).size === items.length ? items.join(',') : undefined;
    },
  };
}

const YES = ['1', 'yes', 'true', 'on', 'y'];
const NO = ['0', 'no', 'false', 'off', 'n'];

/** Yes or no, in any of the usual words; canonically `yes` or `no`. */
export const yesOrNo: Kind = {
  expected: '1 or 0 (or yes, no, true, false, on, off)',
  canonical: (text) => (YES.includes(text) ? 'yes' : NO.includes(text) ? 'no' : undefined),
};

export const ipv4: Kind = {
  expected: 'an IPv4 address',
  canonical: (text) => (isIP(text) === 4 ? text : undefined),
};

/** As RFC 5952 writes it; no zone, no embedded IPv4. */
export const ipv6: Kind = {
  expected: 'an IPv6 address',
  canonical: (text) =>
    isIP(text) === 6 && /^[0-9A-Fa-f:]+$/.test(text)
      ? new URL(`http://[${text}]`).hostname.slice(1, -1)
      : undefined,
};

const address = either('an IP address', ipv4, ipv6);

/**
 * A host name (RFC 1123): up to 64 characters, which is what Linux has room for, and not all digits
 * at its end, which would be a mistyped address.
 */
export const hostName: Kind = {
  expected: 'a host name',
  canonical: (text) =>
    text.length <= 64 &&
    /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/.test(
      text,
    ) &&
    text.split('.').every((label) => label.length <= 63) &&
    !/(^|\.)[0-9]+$/.test(text)
      ? text.toLowerCase()
      : undefined,
};

export const host = either('a host name or an IP address', address, hostName);

export const ipAddresses = listOf('IP addresses', address);
export const hosts = listOf('host names or IP addresses', host);

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

/** The name of a network interface, as the kernel allows them, less what a file could trip over. */
const INTERFACE = /[A-Za-z][A-Za-z0-9_.-]{0,14}/;
export const interfaceName = matching(
  'the name of a network interface, up to 15 characters',
  INTERFACE,
);

/** pxelinux puts the hardware type before the address; canonically lower case with colons. */
const macAddress: Kind = {
  expected: 'a MAC address',
  canonical(text) {
    const [, mac] = /^(?:01-)?([0-9a-f]{2}(?:[-:][0-9a-f]{2}){5})$/i.exec(text) ?? [];
    return mac?.toLowerCase().replaceAll('-', ':');
  },
};

export const bootInterface = either(
  "link, an interface's name, or a MAC address as in 01-52-54-00-77-00-01",
  macAddress,
  interfaceName,
);

/** `<id>` or `<id>:<interface>`. */
export const vlan: Kind = {
  expected: 'an id from 1 to 4094, and perhaps the interface that it is on, as in 100:eth0',
  canonical(text) {
    const [id = '', on, ...rest] = text.split(':');
    const checked = numberFrom(1, 4094).canonical(id);
    if (checked === undefined || rest.length > 0) return undefined;
    if (on === undefined) return checked;
    return interfaceName.canonical(on) && `${checked}:${on}`;
  },
};

/** What hash a password has: those of crypt(5), and DES. Not what a file of accounts would part. */
export const cryptedPassword = matching(
  'a crypted password, as openssl passwd -6 prints it',
  /\$[0-9a-z]{1,8}\$[./0-9A-Za-z$=,_-]{8,360}|[./0-9A-Za-z]{13}/,
);

/** SHA-1 or SHA-256, as openssl prints it; colons may be left out. */
export const fingerprint: Kind = {
  expected: 'a SHA-1 or SHA-256 fingerprint in hexadecimal',
  canonical(text) {
    const hex = /^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(text) ? text.replaceAll(':', '') : text;
    if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(hex)) return undefined;
    return hex.toUpperCase().replace(/..(?=.)/g, '$&:');
  },
};

/** An absolute path that needs no quoting anywhere. */
export const path = matching(
  'an absolute path',
  /(?=.{2,255}$)(?:\/(?!\.\.?(?:\/|$))[A-Za-z0-9_.@:+-]+)+/,
);

/** An origin: `http://host[:port]` or `https://host[:port]`. */
export const origin: Kind = {
  expected: 'http://<host>[:<port>] or https://<host>[:<port>]',
  canonical(text) {
    const url = parseUrl(text);
    return url?.pathname === '/' && url.search === '' ? url.origin : undefined;
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

/** One word of these characters: a name that the image gives a meaning to. */
export const word = (expected: string): Kind =>
  matching(expected, /[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,63}/);

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
export const BOND_OPTIONS: Readonly<Record<string, Kind>> = {
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
  xmit_hash_policy: oneOf('layer2', 'layer2+3', 'layer3+4', 'encap2+3', 'encap3+4'),
  primary: interfaceName,
};

function isBondOption(option: string, slaves: readonly string[]): boolean {
  const [name = '', value = '', ...rest] = option.split('=');
  if (rest.length > 0 || !Object.hasOwn(BOND_OPTIONS, name)) return false;
  return (
    BOND_OPTIONS[name]!.canonical(value) === value && (name !== 'primary' || slaves.includes(value))
  );
}

/** `<host>:<absolute path>`. */
export const nfsExport: Kind = {
  expected: '<host>:<path>, as in nfs.example.com:/crash',
  canonical(text) {
    const colon = text.indexOf(':/');
    const server = either('', ipv4, hostName).canonical(text.slice(0, Math.max(0, colon)));
    const folder = path.canonical(text.slice(colon + 1));
    return server === undefined || folder === undefined ? undefined : `${server}:${folder}`;
  },
};

/** `<user>@<host>`. */
export const login: Kind = {
  expected: '<user>@<host>',
  canonical(text) {
    const [user = '', at = '', ...rest] = text.split('@');
    const server = either('', ipv4, hostName).canonical(at);
    const isUser = /^[a-z_][a-z0-9_-]{0,31}$/.test(user);
    return isUser && server !== undefined && rest.length === 0 ? `${user}@${server}` : undefined;
  },
};

/** RFC 3721, section 1.1. */
export const iscsiName = matching(
  'an iSCSI name, as in iqn.2026-11.com.example:node1',
  /(?=.{1,223}$)(?:iqn\.[0-9]{4}-(?:0[1-9]|1[0-2])\.[a-z0-9][a-z0-9.-]*(?::[a-z0-9.:-]+)?|eui\.[0-9A-Fa-f]{16}|naa\.(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}))/,
);

/** As the metadata of a bundle have it. */
export const swap = either(
  'none, zram, or disk:<device>, as in disk:/dev/sda2',
  oneOf('none', 'zram'),
  matching('', /disk:\/dev\/(?!.*\.\.)[A-Za-z0-9_.:/+-]{1,200}/),
);
