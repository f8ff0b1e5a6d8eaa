import { isPath } from '../bundle/path.ts';

/**
 * What a bundle may place on a machine, and how an administrator is shown it. Deny by default: a
 * path that no pattern names is neither captured nor applied.
 */
export interface PathTraits {
  readonly executes: Execution;
  /** Keys and passwords are in it: a reviewer sees it by its structure, each secret masked. */
  readonly secret: boolean;
}

/**
 * What a file can set off where it is.
 *
 * - `by place`: it runs, or lets somebody in, because it is there: units, jobs, hooks, accounts
 * - `may name`: it is a shell's or a daemon's settings, which may name a program or a library, or
 *   nobody has shown that they cannot
 * - `no`: every reader that is known takes it as data
 */
export type Execution = 'by place' | 'may name' | 'no';

/** What runs, or lets somebody in. `*` is any run of characters within a part of a path; `**` is one part or more. */
const BY_PLACE = [
  'etc/coatcheck/ready.d/*',
  'etc/ld.so.preload',
  'etc/ld.so.conf',
  'etc/ld.so.conf.d/*.conf',
  'etc/systemd/system/**',
  'etc/systemd/user/**',
  'etc/init.d/*',
  'etc/rc.local',
  'etc/crontab',
  'etc/anacrontab',
  'etc/cron.*/*',
  'etc/udev/**',
  'etc/sudoers',
  'etc/sudoers.d/*',
  'etc/polkit-1/**',
  'etc/pam.conf',
  'etc/pam.d/*',
  'etc/security/*.conf',
  'etc/modprobe.d/*.conf',
  'etc/sysusers.d/*.conf',
  'etc/binfmt.d/*.conf',
  'etc/environment',
  'etc/environment.d/*.conf',
  'etc/profile',
  'etc/profile.d/*',
  'etc/bash.bashrc',
  'etc/logrotate.d/*',
  'etc/network/**',
  'etc/sysconfig/network-scripts/**',
  'etc/networkd-dispatcher/**',
  'etc/NetworkManager/dispatcher.d/**',
  'etc/ssh/sshd_config',
  'etc/ssh/sshd_config.d/*.conf',
  'root/.ssh/authorized_keys',
  'etc/passwd',
  'etc/shadow',
  'etc/group',
  'etc/gshadow',
  // Which numbers of users an account may take: a range with root in it makes it root.
  'etc/subuid',
  'etc/subgid',
  'etc/securetty',
  'etc/hosts.allow',
  'etc/hosts.deny',
  'etc/exports',
  'etc/exports.d/*.exports',
];

/** Settings that may name what runs, or say where a secret is sent. */
const MAY_NAME = [
  'etc/sysctl.conf',
  'etc/sysctl.d/*.conf',
  'etc/tmpfiles.d/*.conf',
  'etc/default/**',
  'etc/sysconfig/**',
  'etc/logrotate.conf',
  'etc/rsyslog.conf',
  'etc/rsyslog.d/*.conf',
  'etc/crypttab',
  'etc/auto.*',
  'etc/autofs.conf',
  'etc/nsswitch.conf',
  'etc/fstab',
  'etc/systemd/*.conf',
  'etc/systemd/*.conf.d/*.conf',
  'etc/systemd/network/**',
  'etc/modules',
  'etc/modules-load.d/*.conf',
  'etc/krb5.conf',
  'etc/krb5.conf.d/*',
  'etc/krb5.keytab',
  'etc/ssh/ssh_config',
  'etc/ssh/ssh_config.d/*.conf',
  'etc/ssh/ssh_host_*_key',
  'etc/ssh/ssh_host_*_key.pub',
  'etc/ssl/private/**',
  'etc/pki/tls/private/**',
  'etc/multipath.conf',
  'etc/mdadm/mdadm.conf',
  'etc/kdump.conf',
  'etc/collectd.conf',
  'etc/collectd.d/*.conf',
  'etc/collectd/collectd.conf',
  'etc/collectd/collectd.conf.d/*.conf',
  'etc/tuned/active_profile',
  'etc/tuned/profile_mode',
  'etc/X11/xorg.conf.d/00-keyboard.conf',
  'etc/lvm/*.conf',
  'etc/login.defs',
  'etc/security/limits.d/*.conf',
  'etc/adduser.conf',
  'etc/deluser.conf',
  'etc/idmapd.conf',
  'etc/nfs.conf',
  'etc/nfs.conf.d/*.conf',
  'etc/ceph/ceph.conf',
  'etc/ceph/*.keyring',
  'etc/coatcheck/ready.json',
  'etc/coatcheck/engine.json',
  'etc/coatcheck/engine-credentials.json',
  'etc/apt/sources.list',
  'etc/apt/sources.list.d/*.list',
  'etc/apt/sources.list.d/*.sources',
  'etc/apt/preferences.d/*',
  'etc/sssd/**',
  'etc/ldap.secret',
  'etc/ldap/ldap.conf',
  'etc/openldap/ldap.conf',
  'etc/ipa/*',
  'etc/wireguard/**',
  'etc/NetworkManager/NetworkManager.conf',
  'etc/NetworkManager/conf.d/*.conf',
  'etc/NetworkManager/system-connections/*',
  'etc/wpa_supplicant/*.conf',
  'etc/ipsec.secrets',
  'etc/ppp/*-secrets',
  'etc/iscsi/*.conf',
  // Read by `.` of a shell in dracut and in open-iscsi's scripts.
  'etc/initiatorname.iscsi',
  'etc/iscsi/initiatorname.iscsi',
  'etc/munge/munge.key',
  'etc/chrony.conf',
  'etc/chrony/*.conf',
  'etc/chrony/*.keys',
  'etc/chrony/conf.d/*.conf',
  'etc/chrony/sources.d/*.sources',
  'etc/ntp.conf',
  'etc/ntpsec/*.conf',
  'etc/nftables.conf',
  'etc/iptables/*',
  // Read by `.` of a shell: lang.sh and dracut's i18n of Fedora, kernel-install.
  'etc/locale.conf',
  'etc/vconsole.conf',
  'etc/machine-info',
  'etc/locale.gen',
];

/** What is known to be data, and why. Whole paths only: of a pattern nobody knows every reader. */
const DATA: Readonly<Record<string, string>> = {
  'etc/hostname': 'one word, for systemd and hostname(1)',
  'etc/hosts': 'addresses and names, for the C library',
  'etc/host.conf': 'switches of the resolver of the C library',
  'etc/resolv.conf': 'addresses and switches, for the resolver of the C library',
  'etc/gai.conf': 'numbers that sort addresses, for the C library',
  'etc/networks': 'names and numbers, for the C library',
  'etc/protocols': 'names and numbers, for the C library',
  'etc/services': 'names and numbers, for the C library',
  'etc/rpc': 'names and numbers, for the C library',
  'etc/shells': 'paths that a login shell is compared with',
  'etc/machine-id': 'hexadecimal digits',
  'etc/timezone': "a zone's name, which Debian's scripts copy",
  'etc/adjtime': 'numbers, for hwclock(8)',
  'etc/issue': 'text, which agetty(8) prints',
  'etc/issue.net': 'text, which a server sends',
  'etc/motd': 'text, which pam_motd(8) prints',
  'etc/ssh/moduli': 'numbers, for sshd(8)',
  'etc/ssh/ssh_known_hosts': 'keys of other machines, for ssh(1)',
};

/** Keys and passwords, besides what the files may set off. */
const SECRET = [
  'etc/shadow',
  'etc/gshadow',
  'etc/ssh/ssh_host_*_key',
  'etc/ssl/private/**',
  'etc/pki/tls/private/**',
  'etc/krb5.keytab',
  'etc/sssd/**',
  'etc/ldap.secret',
  'etc/wireguard/**',
  'etc/systemd/network/*.netdev',
  'etc/NetworkManager/system-connections/*',
  'etc/wpa_supplicant/*.conf',
  'etc/ipsec.secrets',
  'etc/ppp/*-secrets',
  'etc/iscsi/*.conf',
  'etc/munge/munge.key',
  'etc/chrony/*.keys',
  'etc/ceph/*.keyring',
  'etc/coatcheck/engine-credentials.json',
];

/** The folders on the way to what the patterns name. */
const onTheWay = pathPattern(
  [...BY_PLACE, ...MAY_NAME, ...Object.keys(DATA)].flatMap((pattern) => {
    const parts = pattern.split('/');
    const ends = parts.at(-1) === '**' ? parts : parts.slice(0, -1);
    return ends.map((_, i) => parts.slice(0, i + 1).join('/'));
  }),
);

const byPlace = pathPattern(BY_PLACE);
const mayName = pathPattern(MAY_NAME);
const secret = pathPattern(SECRET);

/** What matches a whole path that one of the patterns names: `*` and `**` as above. */
export function pathPattern(patterns: readonly string[]): RegExp {
  return new RegExp(`^(?:${patterns.map(source).join('|')})$`);
}

function source(pattern: string): string {
  return pattern
    .split('/')
    .map((part) =>
      part === '**' ? '[^/]+(?:/[^/]+)*' : part.replaceAll('.', '\\.').replaceAll('*', '[^/]+'),
    )
    .join('/');
}

/**
 * Whether a path is passed over where a bundle has it, and never captured: the id of a machine is made
 * at its boot, and is no configuration.
 */
export const isPassedOver = (path: string): boolean => path === 'etc/machine-id';

/** How the names begin under which an agent stages files: no bundle may hold one of them. */
export const STAGED_PREFIX = '.coatcheck-';

/**
 * The traits of a path, relative to the root and without a leading slash. Undefined for a path that
 * no bundle may name. Total: also for text that is no path at all.
 */
export function traitsOf(path: string): PathTraits | undefined {
  if (!isPath(path) || path.split('/').some(isStagedName)) return undefined;
  const executes = executionOf(path);
  return executes && { executes, secret: secret.test(path) };
}

/** Where systemd takes links only: a file there would take the place of one, and mean nothing. */
const LINKS_ONLY = /^etc\/systemd\/(?:system|user)\/[^/]+\.(?:wants|requires|upholds)\//;

/** Whether a folder may hold, in it or below, what a bundle may name. */
export const mayHold = (folder: string): boolean => onTheWay.test(folder);

function executionOf(path: string): Execution | undefined {
  if (LINKS_ONLY.test(path)) return undefined;
  if (byPlace.test(path)) return 'by place';
  if (mayName.test(path)) return 'may name';
  return Object.hasOwn(DATA, path) ? 'no' : undefined;
}

/** Whether a file of this name was left by an apply that was killed. */
export const isStagedName = (name: string): boolean => name.startsWith(STAGED_PREFIX);

/** Whether a pattern names this path, which may still have a name that no bundle may hold. */
export const isPlace = (path: string): boolean => executionOf(path) !== undefined;
