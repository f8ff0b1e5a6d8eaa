import { MAX_LINE, range, TOKEN } from './text.ts';
import type { LineParser, Range } from './text.ts';

/** A format of sections, and settings with one `=`, each in a line of its own. */
export interface Settings {
  /** Whether a setting of a section (without its brackets) is a secret. */
  readonly isSecret: (section: string, key: string) => boolean;
  /** What a value must be to be hidden. */
  readonly value: RegExp;
  /** What begins a comment behind a value; absent where the format has none there. */
  readonly comment?: '#' | undefined;
  /** How a line goes on in the next one: neither of the two is hidden then. */
  readonly goesOn?: 'backslash' | 'indent' | undefined;
  /** Whether white space may stand before a key. */
  readonly indented?: boolean | undefined;
}

/** A key and its value, as far as the line goes: `key`, its `=`, and the rest. */
const SETTING = /^(\s*)([\w.-]+)(\s*=\s*)(.*)$/;

/**
 * @returns where the secrets of a text in this format are; none, where it has a NUL: behind one a reader in
 *   C takes the rest of a line for none, and may go on with the next
 */
export function settingsParser(format: Settings): LineParser {
  return (lines) => {
    if (lines.some((line) => line.includes('\0'))) return lines.map(() => undefined);
    let section = '';
    return lines.map((line, i) => {
      if (line.length > MAX_LINE) return undefined;
      // What only begins as a section does begins another one for some readers.
      if (/^\s*\[/.test(line)) section = /^\s*\[([^\]]*)\]\s*$/.exec(line)?.[1] ?? '';
      if (goesOn(format, lines[i - 1], line) || goesOn(format, line, lines[i + 1]))
        return undefined;
      return secretOf(format, section, line);
    });
  };
}

function goesOn({ goesOn: how }: Settings, line: string | undefined, next: string | undefined) {
  if (how === 'backslash') return line?.trimEnd().endsWith('\\') === true;
  return how === 'indent' && line !== undefined && /^\s+\S/.test(next ?? '');
}

function secretOf(format: Settings, section: string, line: string): Range | undefined {
  const [, indent = '', key = '', equals = '', rest = ''] = SETTING.exec(line) ?? [];
  if (indent !== '' && format.indented !== true) return undefined;
  if (key === '' || !format.isSecret(section, key)) return undefined;
  const value = (
    format.comment === undefined ? rest : beforeComment(rest, format.comment)
  ).trimEnd();
  if (!format.value.test(value)) return undefined;
  const start = indent.length + key.length + equals.length;
  return range(line, start, start + value.length);
}

const beforeComment = (rest: string, mark: string): string => rest.split(mark, 1)[0]!;

/** base64 of 32 bytes. */
const KEY_32 = /^[A-Za-z0-9+/]{43}=$/;
/** base64 of a key of any length. */
const KEY = /^[A-Za-z0-9+/]{16,}={0,2}$/;

const oneOf =
  (...keys: string[]) =>
  (_: string, key: string): boolean =>
    keys.includes(key);

/** wg-quick(8): it runs what `PostUp` and its like say, and takes a key for nothing else. */
export const wireguard = settingsParser({
  isSecret: (_, key) => /^(PrivateKey|PresharedKey)$/i.test(key),
  value: KEY_32,
  comment: '#',
  indented: true,
});

/** systemd.netdev(5); a file that has the key says `PrivateKeyFile`, which is shown. */
export const netdev = settingsParser({
  isSecret: (section, key) =>
    (/^WireGuard(Peer)?$/.test(section) && /^(PrivateKey|PresharedKey)$/.test(key)) ||
    (/^MACsec(Transmit|Receive)Association$/.test(section) && key === 'Key'),
  value: /^(?:[A-Za-z0-9+/]{43}=|[0-9a-fA-F]{32}|[0-9a-fA-F]{64})$/,
  goesOn: 'backslash',
});

/** nm-settings-keyfile(5): the properties that are secrets, by the section of their setting. */
const KEYFILE: Readonly<Record<string, readonly string[]>> = {
  'wifi-security': ['psk', 'wep-key0', 'wep-key1', 'wep-key2', 'wep-key3', 'leap-password'],
  '802-1x': [
    ...['password', 'private-key-password', 'phase2-private-key-password', 'pin'],
    ...['ca-cert-password', 'client-cert-password'],
    ...['phase2-ca-cert-password', 'phase2-client-cert-password'],
  ],
  gsm: ['password', 'pin'],
  cdma: ['password'],
  pppoe: ['password'],
  adsl: ['password'],
  macsec: ['mka-cak'],
  wireguard: ['private-key'],
};

/** Profiles of NetworkManager: only what the daemon uses itself, since a plugin may do anything with `vpn-secrets`. */
export const networkManager = settingsParser({
  isSecret: (section, key) =>
    (Object.hasOwn(KEYFILE, section) && KEYFILE[section]!.includes(key)) ||
    (section.startsWith('wireguard-peer.') && key === 'preshared-key'),
  value: TOKEN,
});

/** sssd.conf(5), in the syntax of libini: a line that begins with white space goes on with the one before. */
export const sssd = settingsParser({
  isSecret: (section, key) => section.startsWith('domain/') && key === 'ldap_default_authtok',
  value: TOKEN,
  goesOn: 'indent',
});

/** iscsid.conf(5) */
export const iscsid = settingsParser({
  isSecret: oneOf(
    ...['node.session.auth.password', 'node.session.auth.password_in'],
    ...['discovery.sendtargets.auth.password', 'discovery.sendtargets.auth.password_in'],
  ),
  value: TOKEN,
});

const slurmSettings = settingsParser({
  isSecret: (_, key) => /^StoragePass$/i.test(key),
  value: /^[^\s\p{C}"#\\]+$/u,
});

/**
 * slurmdbd.conf(5): the password of the database, which the daemon hands to the client of MySQL. A
 * backslash may join two lines, also before a comment: of a file that has one all is shown.
 */
export const slurmdbd: LineParser = (lines) =>
  lines.some((line) => line.includes('\\')) ? lines.map(() => undefined) : slurmSettings(lines);

/** A keyring of Ceph. */
export const cephKeyring = settingsParser({ isSecret: oneOf('key'), value: KEY, indented: true });

/**
 * wpa_supplicant.conf(5): settings of a block, quoted or in hex. A quoted value has no quotation mark
 * in it, and nothing behind it.
 */
export const wpaSupplicant = settingsParser({
  isSecret: (_, key) =>
    /^(psk|sae_password|password|wep_key[0-3]|private_key2?_passwd|pin)$/.test(key),
  value: /^(?:"[^"\p{C}]+"|(?:hash:)?[0-9a-fA-F]+)$/u,
  indented: true,
});
