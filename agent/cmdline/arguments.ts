import { quote } from '../../bundle/errors.ts';
import { fail } from '../../protocol/errors.ts';
import { MEMORY_KINDS } from '../memory/kind.ts';
import type { AnswerName } from './answers.ts';
import { UNREACHABLE_POLICIES } from './orders.ts';
import * as value from './values.ts';
import type { Kind } from './values.ts';

/** One argument of the kernel's command line that means something to us. */
export interface Argument {
  readonly name: string;
  /** Besides `ovirt_<name>`, which every one of oVirt Node's has */
  readonly alias?: string;
  readonly meaning: string;
  /** What holds without it, for a person */
  readonly otherwise: string;
  readonly example: string;
  readonly kind: Kind;
  /** Without `=` it says yes */
  readonly isFlag?: true;
  /** Every one counts, not only the last */
  readonly isRepeatable?: true;
  /** Never shown, not even where it is malformed */
  readonly isSecret?: true;
}

const { yesOrNo, host, hostAndPort } = value;
const flag = { kind: yesOrNo, isFlag: true } as const;

/** The arguments that make a configuration: the names of {@link AnswerName}, as oVirt Node had them. */
export const ANSWERS: readonly (Argument & { readonly name: AnswerName })[] = [
  {
    name: 'BOOTIF',
    meaning: 'the interface that the machine boots over; pxelinux appends it (`ipappend 2`)',
    otherwise: 'the first with link',
    example: 'BOOTIF=01-52-54-00-77-00-01',
    kind: value.bootInterface,
  },
  {
    name: 'hostname',
    meaning: 'host name',
    otherwise: 'what DHCP says',
    example: 'hostname=node1.example.com',
    kind: value.hostName,
  },
  {
    name: 'ip',
    meaning:
      '`dhcp`, `off`, an address, or as pxelinux appends it (`ipappend 1`): `<client>:<server>:<gateway>:<netmask>`',
    otherwise: 'asked for',
    example: 'ip=192.0.2.7',
    kind: value.either(
      'dhcp, off, an IPv4 address, or <client>:<server>:<gateway>:<netmask>',
      value.oneOf('dhcp', 'off'),
      value.ipv4,
    ),
  },
  {
    name: 'netmask',
    meaning: 'its netmask, or the length of its prefix',
    otherwise: 'asked for, where `ip=` is an address',
    example: 'netmask=255.255.255.0',
    kind: value.netmask,
  },
  {
    name: 'gateway',
    meaning: 'its router',
    otherwise: 'none',
    example: 'gateway=192.0.2.1',
    kind: value.ipv4,
  },
  {
    name: 'ipv6',
    meaning:
      '`auto` (router advertisements), `dhcp`, `off`, or an address and its prefix, with the routers that advertise themselves',
    otherwise: '`off`',
    example: 'ipv6=auto',
    kind: value.either(
      'auto, dhcp, off, or an IPv6 address with its prefix length',
      value.oneOf('auto', 'dhcp', 'off'),
      value.ipv6Network,
    ),
  },
  {
    name: 'dns',
    meaning: 'name servers, instead of those that DHCP names',
    otherwise: "DHCP's",
    example: 'dns=192.0.2.53,198.51.100.53',
    kind: value.ipAddresses,
  },
  {
    name: 'ntp',
    meaning: 'time servers, or `off`',
    otherwise: "the image's",
    example: 'ntp=ntp1.example.com,ntp2.example.com',
    kind: value.either('off, or host names or IP addresses', value.oneOf('off'), value.hosts),
  },
  {
    name: 'vlan',
    meaning: 'the VLAN of the address, and the interface that carries it',
    otherwise: 'none; on the boot interface or the bond',
    example: 'vlan=100',
    kind: value.vlan,
  },
  {
    name: 'bond',
    alias: 'bond_setup',
    meaning: 'several interfaces as one, which gets the address',
    otherwise: 'none',
    example: 'bond=bond0:eth0,eth1:mode=active-backup,miimon=100',
    kind: value.bond,
  },
  {
    name: 'rootpw',
    meaning: 'password of `root`, crypted',
    otherwise: "the image's",
    example: 'rootpw=$6$5salt5salt$...',
    kind: value.cryptedPassword,
    isSecret: true,
  },
  {
    name: 'adminpw',
    meaning: 'password of `admin`, crypted; the account is made where there is none',
    otherwise: 'as `rootpw=`',
    example: 'adminpw=$6$5salt5salt$...',
    kind: value.cryptedPassword,
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
    kind: value.word('the name of a keyboard layout'),
  },
  {
    name: 'swap',
    meaning:
      '`none`, `zram` (compressed memory), or `disk:` and a device, encrypted with a throw-away key',
    otherwise: '`none`',
    example: 'swap=zram',
    kind: value.swap,
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
    kind: value.port,
  },
  {
    name: 'management_server_fingerprint',
    meaning: "fingerprint of the engine's CA, SHA-1 or SHA-256",
    otherwise: 'none',
    example:
      'management_server_fingerprint=33:2B:79:D0:32:26:2A:08:5F:AF:F9:E9:FA:06:07:A6:6B:63:C4:8A',
    kind: value.fingerprint,
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
    kind: value.nfsExport,
  },
  {
    name: 'kdump_ssh',
    meaning: 'dump a crashed kernel there, over SSH',
    otherwise: "the image's",
    example: 'kdump_ssh=kdump@crash.example.com',
    kind: value.login,
  },
  {
    name: 'disable_kdump',
    meaning: 'do not dump',
    otherwise: 'no',
    example: 'disable_kdump',
    ...flag,
  },
  {
    name: 'iscsi_name',
    meaning: 'name of the iSCSI initiator',
    otherwise: "the image's",
    example: 'iscsi_name=iqn.2026-11.com.example:node1',
    kind: value.iscsiName,
  },
  {
    name: 'nfsv4_domain',
    meaning: 'domain of the names of NFSv4',
    otherwise: "the image's",
    example: 'nfsv4_domain=example.com',
    kind: value.hostName,
  },
  {
    name: 'tuned',
    meaning: 'profile of tuned',
    otherwise: "the image's",
    example: 'tuned=virtual-host',
    kind: value.word('the name of a profile of tuned'),
  },
  {
    name: 'logrotate_interval',
    meaning: 'how often logs are rotated: `daily`, `weekly` or `monthly`',
    otherwise: "the image's",
    example: 'logrotate_interval=daily',
    kind: value.oneOf('daily', 'weekly', 'monthly'),
  },
  {
    name: 'logrotate_max_size',
    meaning: 'and earlier above this size, in KiB',
    otherwise: "the image's",
    example: 'logrotate_max_size=1024',
    kind: value.numberFrom(1, 4_194_304),
  },
];

/** The arguments that only say how to boot: first oVirt Node's, then ours. */
export const ORDERS = [
  {
    name: 'stateless',
    meaning: 'this machine has no configuration of its own; without it the agent leaves it alone',
    otherwise: 'no',
    example: 'stateless',
    ...flag,
  },
  {
    name: 'firstboot',
    meaning: 'make a configuration anew, although one is approved',
    otherwise: 'no',
    example: 'firstboot',
    ...flag,
  },
  {
    name: 'reinstall',
    meaning: 'the same',
    otherwise: 'no',
    example: 'reinstall',
    ...flag,
  },
  {
    name: 'rescue',
    meaning: 'a shell on the console, and nothing else',
    otherwise: 'no',
    example: 'rescue',
    ...flag,
  },
  {
    name: 'coatcheck.server',
    meaning: 'the server to ask, and no other',
    otherwise: 'DNS SRV, then the site',
    example: 'coatcheck.server=https://coatcheck.example.com',
    kind: value.origin,
  },
  {
    name: 'coatcheck.ca',
    meaning: 'PEM file of the only CA to believe',
    otherwise: "the site's",
    example: 'coatcheck.ca=/etc/coatcheck/ca.pem',
    kind: value.path,
  },
  {
    name: 'coatcheck.key',
    meaning:
      'where the key of this machine is: `usb`, `image`, `tpm`, `credential`, or `file:<path>`',
    otherwise: 'docs/keys.md',
    example: 'coatcheck.key=tpm',
    kind: value.either(
      'usb, image, tpm, credential or file:<path>',
      value.oneOf('usb', 'image', 'tpm', 'credential'),
      {
        expected: '',
        canonical: (text) =>
          text.startsWith('file:') && value.path.canonical(text.slice(5)) ? text : undefined,
      },
    ),
  },
  {
    name: 'coatcheck.memory',
    meaning: `what remembers the newest decision between boots: ${MEMORY_KINDS.map((kind) => `\`${kind}\``).join(', ')}`,
    otherwise: 'docs/keys.md',
    example: 'coatcheck.memory=tpm',
    kind: value.oneOf(...MEMORY_KINDS),
  },
  {
    name: 'coatcheck.unreachable',
    meaning: `while no server can be reached: ${UNREACHABLE_POLICIES.map((policy) => `\`${policy}\``).join(', ')}`,
    otherwise: '`wait`',
    example: 'coatcheck.unreachable=mirror',
    kind: value.oneOf(...UNREACHABLE_POLICIES),
  },
  {
    name: 'coatcheck.mirror',
    meaning:
      'another place that has copies: the address below which `approved/` is, or `usb`; may be given several times',
    otherwise: 'none',
    example: 'coatcheck.mirror=http://mirror.example.com/coatcheck',
    kind: value.either(
      'an http:// or https:// address without ? and #, or usb',
      value.oneOf('usb'),
      value.webAddress,
    ),
    isRepeatable: true,
  },
  {
    name: 'coatcheck.token',
    meaning: 'enrolment token, where the site asks for one',
    otherwise: 'none',
    example: 'coatcheck.token=Zk3-r9q0VtY2uB81sXh4',
    kind: value.matching('up to 256 characters without spaces and quotes', /[!#-~]{1,256}/),
    isSecret: true,
  },
  {
    name: 'coatcheck.bootif',
    meaning: '`required`: stop where there is no `BOOTIF=`',
    otherwise: 'not required',
    example: 'coatcheck.bootif=required',
    kind: value.oneOf('required'),
  },
] as const satisfies readonly Argument[];

export type OrderName = (typeof ORDERS)[number]['name'];

/**
 * The one form of an answer, wherever it comes from: for the dialogue, too.
 * @param text none where the argument has no `=`
 * @param where completes the message, as in ` at character 17`
 * @throws bad_argument, saying what is expected; a secret is not in the message
 */
export function checkAnswer(name: AnswerName, text: string | undefined, where?: string): string {
  return checkValue(
    ANSWERS.find((argument) => argument.name === name)!,
    text,
    where,
  );
}

/** As {@link checkAnswer}, of any argument. */
export function checkValue(argument: Argument, text: string | undefined, where = ''): string {
  const { name, kind, isFlag, isSecret } = argument;
  const canonical = text === undefined ? (isFlag && 'yes') || undefined : kind.canonical(text);
  if (canonical !== undefined) return canonical;
  const given = text === undefined ? 'nothing' : isSecret ? 'this' : quote(text);
  throw fail('bad_argument', `${name}=${where}: it is ${kind.expected}, and not ${given}`);
}
