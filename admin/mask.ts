import { classifyPath } from '../protocol/paths.ts';

/** What stands where a secret was. */
export const MASK = '********';

/** One line of text with the secrets in it masked. */
export type Masker = (line: string) => string;

const WIREGUARD = /^etc\/wireguard\/[^/]+\.conf$/;
/** Settings with passwords among them, and with what names a program or a library to load. */
const MIXED = /^etc\/(iscsi\/[^/]+|wpa_supplicant\/[^/]+|sssd\/sssd|sssd\/conf\.d\/[^/]+)\.conf$/;
const ACCOUNTS = /^etc\/(passwd|group)$/;
const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----/;

/**
 * How the lines of a file are shown where nobody asked for secrets: `secret`, not at all, undefined,
 * as they are. Files that execute, or let somebody in, are shown: a command must not hide behind
 * something that looks like a password. Only what is nothing else than a key or a hash, in the one
 * place where such a file has it, is masked in them (docs/adr/0061).
 * @param texts the whole file, before and after
 */
export function maskerOf(path: string, texts: readonly string[]): Masker | 'secret' | undefined {
  if (ACCOUNTS.test(path)) return maskHash;
  // Secret and executing: wg-quick runs PostUp.
  if (WIREGUARD.test(path)) return maskWireguardKey;
  if (MIXED.test(path)) return maskNamedSecret;
  const kind = classifyPath(path);
  if (kind === 'secret') return 'secret';
  if (kind === 'exec') return undefined;
  // A whole file would be too good a hiding place, so only the lines of a key.
  return texts.some((text) => PRIVATE_KEY.test(text))
    ? (line) => maskLine(maskKeyLine(line))
    : maskLine;
}

const SECRET_VALUE =
  /((?:password|passphrase|secret|token|psk|preshared[_-]?key|api[_-]?key|private[_-]?key|credential)[\w.-]*["']?\s*[:=]\s*|passwd\s*=\s*|\bbindpw\s+)(\S.*)$/i;
const HASH = /(?<![\w$])\$(?:1|2[abxy]|5|6|7|y|gy|sha1|argon2id?)\$[\w./$=,+-]+/g;

/** One line of text with the value of a `password = ...` and its like, and crypt(5) hashes, masked. */
export function maskLine(line: string): string {
  return line.replace(SECRET_VALUE, `$1${MASK}`).replace(HASH, MASK);
}

/** The second field of `passwd` and `group`, where it is a hash: neither `x` nor `!`, `*` or empty. */
const maskHash: Masker = (line) => line.replace(/^([^:]*:)[^:]{2,}(?=:)/, `$1${MASK}`);

const maskWireguardKey: Masker = (line) =>
  line.replace(/^(\s*(?:PrivateKey|PresharedKey)\s*=\s*)[A-Za-z0-9+/]{43}=\s*$/i, `$1${MASK}`);

/** By the names that iscsid.conf(5), wpa_supplicant.conf(5) and sssd.conf(5) have for a secret. */
const maskNamedSecret: Masker = (line) =>
  line.replace(
    /^(\s*(?:[\w.]*(?:password|password_in|passwd|authtok)|psk|wep_key[0-3]|pin)\s*=\s*)\S.*$/i,
    `$1${MASK}`,
  );

/** A line of base64 as PEM and OpenPGP fill them. */
const maskKeyLine: Masker = (line) => line.replace(/^\s*[A-Za-z0-9+/=]{24,}\s*$/, MASK);
