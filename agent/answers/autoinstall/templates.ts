import type { AnswerName } from '../cmdline/answers.ts';
import { splitHostAndPort } from '../cmdline/addresses.ts';
import { defaultKeyboard, xorgKeyboard } from './keyboard.ts';

/** What more a file may say than its own answer. */
export interface Setting {
  /** The interface that has the address */
  readonly device: string;
  readonly hasGroup: (name: string) => boolean;
}

/** How one answer becomes files of one kind of image. The first row of an answer that fits counts. */
export interface Template {
  readonly answer: AnswerName;
  /** A unit or a path of the image, without which it is no use; else it is for any image */
  readonly needs?: string;
  /** Whether the row is for this value; else the next is tried */
  readonly fits?: (value: string) => boolean;
  /** By path; world-readable, unless it is one of {@link PRIVATE} */
  readonly files: Readonly<Record<string, (value: string, setting: Setting) => string>>;
  /** Units to restart when one of the files changes, those that the image has */
  readonly restart?: readonly string[];
  /** The answer asks for what those units do: they are enabled, too */
  readonly isWanted?: true;
  readonly disable?: readonly string[];
}

/** Of the files that are made, those that only root may read. */
export const PRIVATE = /^etc\/(NetworkManager\/system-connections\/|iscsi\/|shadow$)/;

const MADE = '# Made by coatcheck-agent from the answers in its bundle.\n';
const isOff = (value: string): boolean => value === 'off';
const isYes = (value: string): boolean => value === 'yes';
const isIpv4 = (value: string): boolean => /^[0-9.]+$/.test(splitHostAndPort(value).host);
const items = (value: string): string[] => value.split(',');
const section = (name: string, lines: readonly string[]): string =>
  `${MADE}[${name}]\n${lines.map((line) => `${line}\n`).join('')}`;

const hostOf = (value: string): string => splitHostAndPort(value).host;
const portOf = (value: string, otherwise: number): string =>
  splitHostAndPort(value).port ?? String(otherwise);

/** chrony.conf(5). Only these servers, and a clock that is far off is set at once. */
const chrony = (value: string): string =>
  [
    MADE.trimEnd(),
    ...items(value).map((server) => `server ${server} iburst`),
    'driftfile /var/lib/chrony/drift',
    'makestep 1.0 3',
    'rtcsync',
    '',
  ].join('\n');

/** collectd.conf(5), plugin network. */
const collectd = (value: string): string =>
  `${MADE}LoadPlugin network\n<Plugin network>\n  Server "${hostOf(value)}" "${portOf(value, 25826)}"\n</Plugin>\n`;

/** kdump.conf(5). Into the export itself: else it has to have a folder `var/crash` already. */
const kdumpNfs = (value: string): string =>
  `${MADE}nfs ${value}\npath /\ncore_collector makedumpfile -l --message-level 1 -d 31\n`;

/** kdump.conf(5): what goes through a pipe is flattened. */
const kdumpSsh = (value: string): string =>
  `${MADE}ssh ${value}\ncore_collector makedumpfile -F -l --message-level 1 -d 31\n`;

/**
 * kdump-tools(5) of Debian, with the kernel and the small initrd that its own file names.
 *
 * @param target `NFS` or `SSH`
 */
const kdumpTools =
  (target: string) =>
  (value: string): string =>
    `${MADE}USE_KDUMP=1\nKDUMP_KERNEL=/var/lib/kdump/vmlinuz\nKDUMP_INITRD=/var/lib/kdump/initrd.img\n${target}="${value}"\n`;

const KDUMPS = [
  ['kdump_nfs', 'kdump.service', 'etc/kdump.conf', kdumpNfs],
  ['kdump_ssh', 'kdump.service', 'etc/kdump.conf', kdumpSsh],
  ['kdump_nfs', 'kdump-tools.service', 'etc/default/kdump-tools', kdumpTools('NFS')],
  ['kdump_ssh', 'kdump-tools.service', 'etc/default/kdump-tools', kdumpTools('SSH')],
] as const;

const vconsole = (value: string): string => `${MADE}KEYMAP=${value}\n`;

/** sshd_config(5): where a password is not enough, it is not enough by way of PAM either. */
const sshd = (value: string): string =>
  `${MADE}PasswordAuthentication ${value}\n${isYes(value) ? '' : 'KbdInteractiveAuthentication no\n'}`;

/** idmapd.conf(5). A family of distributions has no group `nobody`. */
const idmapd = (value: string, { hasGroup }: Setting): string =>
  `${section('General', [`Domain = ${value}`])}[Mapping]\nNobody-User = nobody\nNobody-Group = ${hasGroup('nogroup') ? 'nogroup' : 'nobody'}\n`;

/** The rows: everything that becomes a file of its own without a look at other answers. */
export const TEMPLATES: readonly Template[] = [
  {
    answer: 'hostname',
    files: { 'etc/hostname': (value) => `${value}\n` },
  },
  ...['chronyd.service', 'chrony.service', 'systemd-timesyncd.service'].map((unit) => ({
    answer: 'ntp' as const,
    needs: unit,
    fits: isOff,
    files: {},
    disable: [unit],
  })),
  { answer: 'ntp', fits: isOff, files: {} },
  {
    answer: 'ntp',
    needs: 'etc/chrony/chrony.conf',
    files: { 'etc/chrony/chrony.conf': chrony },
    restart: ['chrony.service', 'chronyd.service'],
    isWanted: true,
  },
  {
    answer: 'ntp',
    needs: 'chronyd.service',
    files: { 'etc/chrony.conf': chrony },
    restart: ['chronyd.service'],
    isWanted: true,
  },
  {
    answer: 'ntp',
    needs: 'systemd-timesyncd.service',
    files: {
      'etc/systemd/timesyncd.conf.d/coatcheck.conf': (value) =>
        section('Time', [`NTP=${items(value).join(' ')}`, 'FallbackNTP=']),
    },
    restart: ['systemd-timesyncd.service'],
    isWanted: true,
  },
  {
    answer: 'ssh_pwauth',
    needs: 'etc/ssh/sshd_config.d',
    // The first value that sshd reads counts.
    files: { 'etc/ssh/sshd_config.d/00-coatcheck.conf': sshd },
    restart: ['ssh.service', 'sshd.service'],
  },
  {
    answer: 'syslog',
    needs: 'rsyslog.service',
    files: {
      'etc/rsyslog.d/coatcheck.conf': (value) =>
        `${MADE}*.* action(type="omfwd" target="${hostOf(value)}" port="${portOf(value, 514)}" protocol="udp")\n`,
    },
    restart: ['rsyslog.service'],
    isWanted: true,
  },
  {
    answer: 'keyboard',
    needs: 'etc/default/keyboard',
    files: {
      'etc/default/keyboard': (value) => MADE + defaultKeyboard(value),
      'etc/vconsole.conf': vconsole,
    },
    restart: ['keyboard-setup.service', 'console-setup.service'],
  },
  {
    answer: 'keyboard',
    needs: 'etc/X11/xorg.conf.d',
    files: {
      'etc/vconsole.conf': vconsole,
      'etc/X11/xorg.conf.d/00-keyboard.conf': (value) => MADE + xorgKeyboard(value),
    },
    restart: ['systemd-vconsole-setup.service'],
  },
  {
    answer: 'keyboard',
    needs: 'systemd-vconsole-setup.service',
    files: { 'etc/vconsole.conf': vconsole },
    restart: ['systemd-vconsole-setup.service'],
  },
  {
    answer: 'netconsole',
    needs: 'netconsole.service',
    files: {
      'etc/sysconfig/netconsole': (value) =>
        `${MADE}SYSLOGADDR=${hostOf(value)}\nSYSLOGPORT=${portOf(value, 6666)}\n`,
    },
    restart: ['netconsole.service'],
    isWanted: true,
  },
  {
    // Documentation/networking/netconsole.rst: the module itself takes an address only.
    answer: 'netconsole',
    needs: 'systemd-modules-load.service',
    fits: isIpv4,
    files: {
      'etc/modprobe.d/coatcheck-netconsole.conf': (value, { device }) =>
        `${MADE}options netconsole netconsole=@/${device},${portOf(value, 6666)}@${hostOf(value)}/\n`,
      'etc/modules-load.d/coatcheck-netconsole.conf': () => `${MADE}netconsole\n`,
    },
    restart: ['systemd-modules-load.service'],
  },
  ...[
    ['etc/collectd/collectd.conf.d', 'etc/collectd/collectd.conf.d/coatcheck.conf'] as const,
    ['etc/collectd.d', 'etc/collectd.d/coatcheck.conf'] as const,
  ].map(([needs, path]) => ({
    answer: 'collectd' as const,
    needs,
    files: { [path]: collectd },
    restart: ['collectd.service'],
    isWanted: true as const,
  })),
  ...KDUMPS.map(([answer, unit, path, text]) => ({
    answer,
    needs: unit,
    files: { [path]: text },
    restart: [unit],
    isWanted: true as const,
  })),
  ...['kdump.service', 'kdump-tools.service'].map((unit) => ({
    answer: 'disable_kdump' as const,
    needs: unit,
    fits: isYes,
    files: {},
    disable: [unit],
  })),
  { answer: 'disable_kdump', files: {} },
  {
    answer: 'iscsi_name',
    needs: 'iscsid.service',
    files: { 'etc/iscsi/initiatorname.iscsi': (value) => `${MADE}InitiatorName=${value}\n` },
    restart: ['iscsid.service'],
  },
  {
    answer: 'nfsv4_domain',
    needs: 'etc/idmapd.conf',
    files: { 'etc/idmapd.conf': idmapd },
    restart: ['nfs-idmapd.service'],
  },
  {
    answer: 'tuned',
    needs: 'tuned.service',
    files: {
      'etc/tuned/active_profile': (value) => `${value}\n`,
      'etc/tuned/profile_mode': () => 'manual\n',
    },
    restart: ['tuned.service'],
    isWanted: true,
  },
  {
    // logrotate(8): what a file says outside of any block holds for those that are read after it.
    answer: 'logrotate_interval',
    needs: 'etc/logrotate.d',
    files: { 'etc/logrotate.d/00-coatcheck-interval': (value) => `${MADE}${value}\n` },
  },
  {
    answer: 'logrotate_max_size',
    needs: 'etc/logrotate.d',
    files: { 'etc/logrotate.d/00-coatcheck-size': (value) => `${MADE}maxsize ${value}k\n` },
  },
];
