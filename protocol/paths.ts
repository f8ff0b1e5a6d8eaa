/**
 * What a bundle may place on a machine, and how an administrator is shown it. Deny by default: a
 * path that no pattern names is neither captured nor applied.
 *
 * - `plain`: settings that are only read
 * - `secret`: keys and passwords, masked unless asked for
 * - `exec`: what runs, or names, a program, a library or a module, lets somebody in, or says where a
 *   secret is sent; highlighted and never masked
 */
export type PathClass = 'plain' | 'secret' | 'exec';

/** Merged by entry with the image's own file instead of replacing it. */
export const MERGED = ['etc/passwd', 'etc/shadow', 'etc/group'] as const;

/** `*` is any run of characters within a part of a path; `**` is one part or more. */
const PATTERNS: Readonly<Record<PathClass, readonly string[]>> = {
  secret: [
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
  ],
  exec: [
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
    'etc/modprobe.d/*.conf',
    'etc/sysctl.conf',
    'etc/sysctl.d/*.conf',
    'etc/tmpfiles.d/*.conf',
    'etc/sysusers.d/*.conf',
    'etc/binfmt.d/*.conf',
    'etc/environment',
    'etc/environment.d/*.conf',
    'etc/profile',
    'etc/profile.d/*',
    'etc/bash.bashrc',
    'etc/default/**',
    'etc/sysconfig/**',
    'etc/logrotate.conf',
    'etc/logrotate.d/*',
    'etc/rsyslog.conf',
    'etc/rsyslog.d/*.conf',
    'etc/network/**',
    'etc/networkd-dispatcher/**',
    'etc/NetworkManager/dispatcher.d/**',
    'etc/crypttab',
    'etc/auto.*',
    'etc/autofs.conf',
    'etc/ssh/sshd_config',
    'etc/ssh/sshd_config.d/*.conf',
    'root/.ssh/authorized_keys',
    'etc/passwd',
    'etc/group',
    'etc/security/*.conf',
    'etc/hosts.allow',
    'etc/hosts.deny',
    'etc/nsswitch.conf',
    'etc/fstab',
    'etc/systemd/system.conf',
    'etc/systemd/system.conf.d/*.conf',
    'etc/systemd/user.conf',
    'etc/systemd/user.conf.d/*.conf',
    'etc/exports',
    'etc/exports.d/*.exports',
    'etc/modules',
    'etc/modules-load.d/*.conf',
    'etc/krb5.conf',
    'etc/krb5.conf.d/*',
    'etc/ssh/ssh_config',
    'etc/ssh/ssh_config.d/*.conf',
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
    'etc/idmapd.conf',
    'etc/nfs.conf',
    'etc/nfs.conf.d/*.conf',
    'etc/ceph/ceph.conf',
    'etc/coatcheck/ready.json',
    'etc/coatcheck/engine.json',
    'etc/apt/sources.list',
    'etc/apt/sources.list.d/*.list',
    'etc/apt/sources.list.d/*.sources',
  ],
  plain: [
    'etc/subuid',
    'etc/subgid',
    'etc/shells',
    'etc/adduser.conf',
    'etc/deluser.conf',
    'etc/securetty',
    'etc/security/limits.d/*.conf',
    'etc/hostname',
    'etc/hosts',
    'etc/host.conf',
    'etc/resolv.conf',
    'etc/gai.conf',
    'etc/networks',
    'etc/protocols',
    'etc/services',
    'etc/rpc',
    'etc/machine-id',
    'etc/machine-info',
    'etc/timezone',
    'etc/adjtime',
    'etc/locale.conf',
    'etc/locale.gen',
    'etc/vconsole.conf',
    'etc/issue',
    'etc/issue.net',
    'etc/motd',
    'etc/systemd/*.conf',
    'etc/systemd/*.conf.d/*.conf',
    'etc/systemd/network/**',
    'etc/NetworkManager/NetworkManager.conf',
    'etc/NetworkManager/conf.d/*.conf',
    'etc/nftables.conf',
    'etc/iptables/*',
    'etc/chrony.conf',
    'etc/chrony/*.conf',
    'etc/chrony/conf.d/*.conf',
    'etc/chrony/sources.d/*.sources',
    'etc/ntp.conf',
    'etc/ntpsec/*.conf',
    'etc/ldap/ldap.conf',
    'etc/openldap/ldap.conf',
    'etc/ipa/*',
    'etc/ssh/ssh_host_*_key.pub',
    'etc/ssh/ssh_known_hosts',
    'etc/ssh/moduli',
    'etc/initiatorname.iscsi',
    'etc/iscsi/initiatorname.iscsi',
    'etc/apt/preferences.d/*',
  ],
};

/** The first class that names a path decides: a secret stays one, whatever else it is. */
const CLASSES = (Object.keys(PATTERNS) as PathClass[]).map(
  (pathClass) => [pathClass, pathPattern(PATTERNS[pathClass])] as const,
);

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

/** How the names begin under which an agent stages files: no bundle may hold one of them. */
export const STAGED_PREFIX = '.coatcheck-';

/**
 * The class of a path, relative to the root and without a leading slash. Undefined for a path that
 * no bundle may name. Total: also for text that is no path at all.
 */
export function classifyPath(path: string): PathClass | undefined {
  if (!/^[!-~]+$/.test(path)) return undefined;
  if (path.split('/').some(isRefusedPart)) return undefined;
  return CLASSES.find(([, pattern]) => pattern.test(path))?.[0];
}

function isRefusedPart(part: string): boolean {
  return part === '' || part === '.' || part === '..' || part.startsWith(STAGED_PREFIX);
}
