import { sha256 } from '#platform';
import { toHex, utf8 } from '../bundle/bytes.ts';
import { isPath } from '../bundle/path.ts';
import { folderMatcher, isPattern, pathMatcher } from './path-pattern.ts';

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
  // Its scripts run every day, as those of the folder do.
  'etc/logrotate.conf',
  'etc/logrotate.d/*',
  // Makes any file, with any content, at every boot: a job too.
  'etc/tmpfiles.d/*.conf',
  // A map that is executable is run at every mount below it.
  'etc/auto.*',
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
  'etc/default/**',
  'etc/sysconfig/**',
  'etc/rsyslog.conf',
  'etc/rsyslog.d/*.conf',
  'etc/crypttab',
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

/**
 * What no pattern of a site opens, below the folders that it may: what is coatcheck's own, whom a machine
 * is by other keys than its configuration, and what programs of the image make of the image.
 */
const CLOSED = [
  'etc/coatcheck',
  'etc/coatcheck/**',
  'var/lib/coatcheck',
  'var/lib/coatcheck/**',
  // A seed may be a credential: where systemd has them, and what it opens them with.
  'etc/credstore/**',
  'etc/credstore.encrypted/**',
  'var/lib/systemd/credential.secret',
  'var/lib/systemd/random-seed',
  'etc/machine-id',
  // A setting.
  'etc/localtime',
  'var/lib/dbus/machine-id',
  'var/lib/dpkg/**',
  'var/lib/rpm/**',
];

/**
 * Below a site's own patterns: what runs, or lets somebody in, wherever it is. A hidden file is a
 * shell's or a login's, as is one that ends in `rc`; a spool is what daemons work off, and a folder is one of
 * programs by its name (docs/adr/0191).
 */
const RUNS =
  /^var\/spool\/|^etc\/(?:acpi|alternatives|apcupsd|avahi|console-setup|needrestart|openvpn|periodic|ppp|runit|s6|security|service|sv|udev|udhcpc|X11)\/|^etc\/apt\/apt\.conf|(?:^|\/)(?:\.|s?bin\/|libexec\/|init|rc|profile|sudoers|doas|system-(?:shutdown|sleep)\/)|preset|hook|script|cron|generator|plugin|dispatch|authorized_keys|autostart|(?:rc|zshenv|init|log(?:in|out)|equiv)$|\.(?:so|ko)(?:$|\.)|\.(?:bash|csh|el|fish|jar|js|ksh|lua|php|pl|py|rb|sh|tcl|vim|zsh)$|\.(?:service|socket|timer|path|mount|automount|swap|target)(?:$|\.d\/)|(?<!conf)\.d\//;

/**
 * Whether a path is passed over where a bundle has it, and never captured: the id of a machine is made
 * at its boot, and is no configuration.
 */
export const isPassedOver = (path: string): boolean => path === 'etc/machine-id';

/** How the names begin under which an agent stages files: no bundle may hold one of them. */
export const STAGED_PREFIX = '.coatcheck-';

/** Whether a file of this name was left by an apply that was killed. */
export const isStagedName = (name: string): boolean => name.startsWith(STAGED_PREFIX);

/** One of a site's own: where its machines have configuration besides what every machine has. */
export interface SitePath {
  /** As {@link pathMatcher} takes it, and {@link faultOfSitePath} lets it. */
  readonly pattern: string;
  /** Keys or passwords are in these files. */
  readonly secret?: boolean;
}

/** Limit on the patterns of a site. */
export const MAX_SITE_PATHS = 64;
const MAX_PATTERN_BYTES = 128;
/** Where a machine has configuration; all else comes with the image. */
const OPEN = ['etc', 'root', 'home', 'opt', 'srv', 'var/lib', 'var/spool'];

/** Why a site may not have this pattern; undefined for one that it may. */
export function faultOfSitePath(pattern: string): string | undefined {
  if (utf8(pattern).length > MAX_PATTERN_BYTES) {
    return `a pattern has at most ${MAX_PATTERN_BYTES} bytes`;
  }
  if (!isPath(pattern)) {
    return 'a pattern is a path relative to the root, such as etc/vdsm/vdsm.conf, of the names that a bundle may hold';
  }
  if (/[?[\]{}\\]/.test(pattern) || !isPattern(pattern)) {
    return 'the only wildcards are *, within a part of a path, and **, once and as its last part';
  }
  if (!OPEN.some((folder) => pattern.startsWith(`${folder}/`))) {
    return `configuration is below ${OPEN.join(', ')}: programs, libraries and the kernel (usr, lib, boot) come with the image, which is signed and upgraded as a whole, and what is in run, tmp, proc or sys is gone with a boot`;
  }
  if (closed(pattern)) {
    return "this is coatcheck's own (its keys, its site, what it remembers), or what makes a machine this one (machine-id, credentials, the random seed), or the packages' records, or a setting of a bundle (localtime): a bundle that replaced it would choose whom the machine obeys, or who it is";
  }
  return undefined;
}

/** What a bundle may place on the machines of a site. */
export interface PathList {
  /**
   * The traits of a path, relative to the root and without a leading slash. Undefined for a path that
   * no bundle may name. Total: also for text that is no path at all.
   */
  readonly traitsOf: (path: string) => PathTraits | undefined;
  /** Whether a pattern names this path, which may still have a name that no bundle may hold. */
  readonly isPlace: (path: string) => boolean;
  /** Whether a folder may hold, in it or below, what a bundle may name. */
  readonly mayHold: (folder: string) => boolean;
  /** Of each pattern. */
  readonly patterns: readonly string[];
  /** Of the site's own patterns, 64 hex digits: what a bundle names. Absent where there are none. */
  readonly digest?: string;
}

const byPlace = pathMatcher(BY_PLACE);
const mayName = pathMatcher(MAY_NAME);
const secret = pathMatcher(SECRET);
const closed = pathMatcher(CLOSED);

/** Where systemd takes links only: a file there would take the place of one, and mean nothing. */
const LINKS_ONLY = /^etc\/systemd\/(?:system|user)\/[^/]+\.(?:wants|requires|upholds)\//;

function builtIn(path: string): PathTraits | undefined {
  if (byPlace(path)) return { executes: 'by place', secret: secret(path) };
  if (mayName(path)) return { executes: 'may name', secret: secret(path) };
  return Object.hasOwn(DATA, path) ? { executes: 'no', secret: false } : undefined;
}

/** The built-in list, and what a site adds to it. */
export function pathList(own: readonly SitePath[] = []): PathList {
  const ofSite = pathMatcher(own.map(({ pattern }) => pattern));
  const secretOfSite = pathMatcher(
    own.filter((one) => one.secret === true).map(({ pattern }) => pattern),
  );
  function find(path: string): PathTraits | undefined {
    if (LINKS_ONLY.test(path)) return undefined;
    const known = builtIn(path);
    if (known !== undefined || closed(path) || !ofSite(path)) return known;
    return { executes: RUNS.test(path) ? 'by place' : 'may name', secret: secretOfSite(path) };
  }
  const patterns = [
    ...[...BY_PLACE, ...MAY_NAME, ...Object.keys(DATA)],
    ...own.map(({ pattern }) => pattern),
  ];
  return {
    traitsOf: (path) =>
      isPath(path) && !path.split('/').some(isStagedName) ? find(path) : undefined,
    isPlace: (path) => find(path) !== undefined,
    mayHold: folderMatcher(patterns),
    patterns,
    ...(own.length > 0 && { digest: digestOf(own) }),
  };
}

/** What every machine may be given, whatever its site adds. */
export const BUILT_IN_PATHS: PathList = pathList();

function digestOf(own: readonly SitePath[]): string {
  const lines = own.map((one) => `${one.secret === true ? 'secret' : 'open'} ${one.pattern}\n`);
  return toHex(sha256(utf8(lines.join(''))));
}

/**
 * The list of a machine, by the digest that its bundle names: the site's, or as much of it as the site
 * had when the machine's image was made, since a list grows at its end.
 * @returns undefined for a list that is neither
 */
export function pathListOf(
  own: readonly SitePath[],
  digest: string | undefined,
): PathList | undefined {
  if (digest === undefined) return BUILT_IN_PATHS;
  for (let length = own.length; length > 0; length--) {
    if (digestOf(own.slice(0, length)) === digest) return pathList(own.slice(0, length));
  }
  return undefined;
}
