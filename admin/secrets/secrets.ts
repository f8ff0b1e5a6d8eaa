import { pathMatcher } from '../../protocol/path-pattern.ts';
import { accountHashes } from './accounts.ts';
import { chronyKeys, ipsecSecrets, jsonPassword, onlyToken, pppSecrets } from './lines.ts';
import * as settings from './settings.ts';
import type { LineParser } from './text.ts';
import { isKeytab, isMungeKey, isPrivateKey } from './whole.ts';

/** How the secrets of a file can be hidden while all the rest of it is shown. */
export type Hiding =
  /** Where each line has its secret */
  | { readonly lines: LineParser }
  /** The whole content, if it is nothing but what this recognises */
  | { readonly whole: (content: Uint8Array) => boolean };

/** By path: exact names, or folders in which every file has one format. */
const HIDINGS: readonly (readonly [patterns: readonly string[], hiding: Hiding])[] = [
  [['etc/passwd', 'etc/group', 'etc/shadow', 'etc/gshadow'], { lines: accountHashes }],
  [['etc/wireguard/*.conf'], { lines: settings.wireguard }],
  [['etc/systemd/network/*.netdev'], { lines: settings.netdev }],
  [['etc/NetworkManager/system-connections/*'], { lines: settings.networkManager }],
  [['etc/sssd/sssd.conf', 'etc/sssd/conf.d/*.conf'], { lines: settings.sssd }],
  [['etc/iscsi/*.conf'], { lines: settings.iscsid }],
  // Of a site's own, as docs/site-paths.md lists it.
  [['etc/slurm/slurmdbd.conf'], { lines: settings.slurmdbd }],
  [['etc/ceph/*.keyring'], { lines: settings.cephKeyring }],
  [['etc/wpa_supplicant/*.conf'], { lines: settings.wpaSupplicant }],
  [['etc/chrony/*.keys'], { lines: chronyKeys }],
  [['etc/ppp/*-secrets'], { lines: pppSecrets }],
  [['etc/ipsec.secrets'], { lines: ipsecSecrets }],
  // Of packaging/ready.d, too: before all else there, which are keys.
  [['etc/ldap.secret', 'etc/ssl/private/coatcheck-*.secret'], { lines: onlyToken }],
  [['etc/coatcheck/engine-credentials.json'], { lines: jsonPassword }],
  [
    [
      ...['rsa', 'ecdsa', 'ed25519', 'dsa'].map((kind) => `etc/ssh/ssh_host_${kind}_key`),
      ...['etc/ssl/private/**', 'etc/pki/tls/private/**'],
      // Of a site's own: those that docs/site-paths.md lists, which VDSM, libvirt and QEMU read as keys.
      'etc/pki/vdsm/keys/vdsmkey.pem',
      ...['spice', 'vnc', 'migrate'].map((of) => `etc/pki/vdsm/libvirt-${of}/server-key.pem`),
      ...['clientkey', 'serverkey'].map((key) => `etc/pki/libvirt/private/${key}.pem`),
    ],
    { whole: isPrivateKey },
  ],
  [['etc/krb5.keytab'], { whole: isKeytab }],
  [['etc/munge/munge.key'], { whole: isMungeKey }],
];

const BY_PATTERN = HIDINGS.map(([patterns, hiding]) => [pathMatcher(patterns), hiding] as const);

/**
 * How a file's secrets are hidden.
 * @param isSecret whether a list of paths says that it has some
 * @returns undefined where nothing is: the file has no secret; `withheld` for one that is secret and
 *   in no format that is known, so that nobody can tell its secrets from what it runs
 */
export function hidingOf(path: string, isSecret: boolean): Hiding | 'withheld' | undefined {
  const hiding = BY_PATTERN.find(([isOf]) => isOf(path))?.[1];
  return hiding ?? (isSecret ? 'withheld' : undefined);
}
