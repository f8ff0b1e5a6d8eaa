import { checkValue, FLAG } from './argument.ts';
import type { Argument } from './argument.ts';
import {
  host,
  hostAndPort,
  hostName,
  hosts,
  ipv4,
  ipv6Network,
  netmask,
  port,
  resolvers,
} from './addresses.ts';
import { bond, anyInterface, bootInterface, networksBesides, vlan } from './interface-arguments.ts';
import { either, numberFrom, oneOf, yesOrNo } from './value-kind.ts';
import { cryptedPassword, fingerprint, iscsiName, login, nfsExport, swap, word } from './values.ts';

const TABLE = [
  {
    name: 'BOOTIF',
    meaning: 'the interface that the machine boots over; pxelinux appends it (`ipappend 2`)',
    otherwise: 'the first with link',
    example: 'BOOTIF=01-52-54-00-77-00-01',
    kind: bootInterface,
  },
  {
    name: 'hostname',
    meaning: 'host name',
    otherwise: 'what DHCP says',
    example: 'hostname=node1.example.com',
    kind: hostName,
  },
  {
    name: 'ip',
    alias: 'nfsaddrs',
    meaning:
      '`dhcp`, `off`, an address (also `<address>/<prefix>`), or as pxelinux appends it (`ipappend 1`): `<client>:<server>:<gateway>:<netmask>`; every other form of the kernel and of dracut too, several times for several interfaces',
    otherwise: 'asked for',
    example: 'ip=192.0.2.7',
    kind: either(
      'dhcp, off, an IPv4 address, or <client>:<server>:<gateway>:<netmask>',
      oneOf('dhcp', 'off'),
      ipv4,
    ),
  },
  {
    name: 'netmask',
    meaning: 'its netmask, or the length of its prefix',
    otherwise: 'asked for, where `ip=` is an address',
    example: 'netmask=255.255.255.0',
    kind: netmask,
  },
  {
    name: 'gateway',
    meaning: 'its router',
    otherwise: 'none',
    example: 'gateway=192.0.2.1',
    kind: ipv4,
  },
  {
    name: 'ipv6',
    meaning:
      '`auto` (router advertisements), `dhcp`, `off`, or an address and its prefix, with the routers that advertise themselves',
    otherwise: '`off`',
    example: 'ipv6=auto',
    kind: either(
      'auto, dhcp, off, or an IPv6 address with its prefix length',
      oneOf('auto', 'dhcp', 'off'),
      ipv6Network,
    ),
  },
  {
    name: 'dns',
    meaning: 'name servers, instead of those that DHCP names',
    otherwise: "DHCP's",
    example: 'dns=192.0.2.53,198.51.100.53',
    kind: resolvers,
  },
  {
    name: 'ntp',
    meaning: 'time servers, or `off`',
    otherwise: "the image's",
    example: 'ntp=ntp1.example.com,ntp2.example.com',
    kind: either('off, or host names or IP addresses', oneOf('off'), hosts),
  },
  {
    name: 'coatcheck.interface',
    meaning: 'the interface that gets the address, where it is not the one that is booted over',
    otherwise: 'the boot interface',
    example: 'coatcheck.interface=eno2',
    kind: anyInterface,
  },
  {
    name: 'coatcheck.also',
    meaning:
      'interfaces that get an address besides, and no default route: `dhcp`, `auto6`, `dhcp6`, or an address and its prefix',
    otherwise: 'none',
    example: 'coatcheck.also=eth1:dhcp,eth2:192.0.2.7/24',
    kind: networksBesides,
  },
  {
    name: 'vlan',
    meaning: 'the VLAN of the address, and the interface that carries it',
    otherwise: 'none; on the boot interface or the bond',
    example: 'vlan=100',
    kind: vlan,
  },
  {
    name: 'bond',
    alias: 'bond_setup',
    meaning: 'several interfaces as one, which gets the address',
    otherwise: 'none',
    example: 'bond=bond0:eth0,eth1:mode=active-backup,miimon=100',
    kind: bond,
  },
  {
    name: 'rootpw',
    meaning: 'password of `root`, crypted',
    otherwise: "the image's",
    example: 'rootpw=$6$5salt5salt$...',
    kind: cryptedPassword,
    isSecret: true,
  },
  {
    name: 'adminpw',
    meaning: 'password of `admin`, crypted; the account is made where there is none',
    otherwise: 'as `rootpw=`',
    example: 'adminpw=$6$5salt5salt$...',
    kind: cryptedPassword,
    isSecret: true,
  },
  {
    name: 'ssh_pwauth',
    meaning: 'whether a password is enough for SSH',
    otherwise: "the image's",
    example: 'ssh_pwauth=1',
    kind: yesOrNo,
  },
  {
    name: 'syslog',
    meaning: 'send the log there, over UDP',
    otherwise: 'nowhere; port 514',
    example: 'syslog=log.example.com:514',
    kind: hostAndPort,
  },
  {
    name: 'keyboard',
    meaning: 'keyboard layout',
    otherwise: "the image's",
    example: 'keyboard=de-latin1',
    kind: word('the name of a keyboard layout'),
  },
  {
    name: 'swap',
    meaning:
      '`none`, `zram` (compressed memory), or `disk:` and a device that is marked for it, encrypted with a throw-away key ([Swap](#swap))',
    otherwise: '`none`',
    example: 'swap=zram',
    kind: swap,
  },
  {
    name: 'management_server',
    meaning: 'the oVirt engine, and perhaps its port: `<host>` or `<host>:<port>`',
    otherwise: 'none',
    example: 'management_server=engine.example.com',
    kind: host,
  },
  {
    name: 'management_port',
    meaning: "the engine's HTTPS port",
    otherwise: '`443`',
    example: 'management_port=443',
    kind: port,
  },
  {
    name: 'management_server_fingerprint',
    meaning: "fingerprint of the engine's CA, SHA-1 or SHA-256",
    otherwise: 'none',
    example:
      'management_server_fingerprint=33:2B:79:D0:32:26:2A:08:5F:AF:F9:E9:FA:06:07:A6:6B:63:C4:8A',
    kind: fingerprint,
  },
  {
    name: 'netconsole',
    meaning: 'send what the kernel says there, over UDP',
    otherwise: 'nowhere; port 6666',
    example: 'netconsole=192.0.2.9:6666',
    kind: hostAndPort,
  },
  {
    name: 'collectd',
    meaning: 'send measurements there',
    otherwise: 'nowhere; port 25826',
    example: 'collectd=metrics.example.com',
    kind: hostAndPort,
  },
  {
    name: 'kdump_nfs',
    meaning: 'dump a crashed kernel there, over NFS',
    otherwise: "the image's",
    example: 'kdump_nfs=nfs.example.com:/crash',
    kind: nfsExport,
  },
  {
    name: 'kdump_ssh',
    meaning: 'dump a crashed kernel there, over SSH',
    otherwise: "the image's",
    example: 'kdump_ssh=kdump@crash.example.com',
    kind: login,
  },
  {
    name: 'disable_kdump',
    meaning: 'do not dump',
    otherwise: 'no',
    example: 'disable_kdump',
    ...FLAG,
  },
  {
    name: 'iscsi_name',
    meaning: 'name of the iSCSI initiator',
    otherwise: "the image's",
    example: 'iscsi_name=iqn.2026-11.com.example:node1',
    kind: iscsiName,
  },
  {
    name: 'nfsv4_domain',
    meaning: 'domain of the names of NFSv4',
    otherwise: "the image's",
    example: 'nfsv4_domain=example.com',
    kind: hostName,
  },
  {
    name: 'tuned',
    meaning: 'profile of tuned',
    otherwise: "the image's",
    example: 'tuned=virtual-host',
    kind: word('the name of a profile of tuned'),
  },
  {
    name: 'logrotate_interval',
    meaning: 'how often logs are rotated: `daily`, `weekly` or `monthly`',
    otherwise: "the image's",
    example: 'logrotate_interval=daily',
    kind: oneOf('daily', 'weekly', 'monthly'),
  },
  {
    name: 'logrotate_max_size',
    meaning: 'and earlier above this size, in KiB',
    otherwise: "the image's",
    example: 'logrotate_max_size=1024',
    kind: numberFrom(1, 4_194_304),
  },
] as const satisfies readonly Argument[];

/** The name of an argument that makes a configuration. */
export type AnswerName = (typeof TABLE)[number]['name'];

/** The arguments that make a configuration, as oVirt Node had them. */
export const ANSWERS: readonly (Argument & { readonly name: AnswerName })[] = TABLE;

/**
 * What a machine is to be, by the names of the kernel's arguments: from its command line, or from
 * whoever sat at the dialogue. Autoinstall makes files of it, and the bundle carries it (without
 * the secrets), so that a later dialogue can start from it. Every value is in the one form that
 * {@link checkAnswer} gives it.
 */
export type Answers = Readonly<Partial<Record<AnswerName, string>>>;

/** Crypted, but never written to where a later dialogue would show them. */
export const SECRET_ANSWERS: readonly AnswerName[] = ANSWERS.filter(({ isSecret }) => isSecret).map(
  ({ name }) => name,
);

/** The row of the table that has this name. */
export const answerOf = (name: AnswerName): Argument =>
  ANSWERS.find((argument) => argument.name === name)!;

/** The one form of an answer, wherever it comes from. @throws as {@link checkValue} */
export const checkAnswer = (name: AnswerName, text: string | undefined, where?: string): string =>
  checkValue(answerOf(name), text, where);
