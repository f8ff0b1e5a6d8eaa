/**
 * What a machine is to be, by the names of the kernel's arguments: from its command line, or from
 * whoever sat at the dialogue. Autoinstall makes files of it, and the bundle carries it (without
 * the secrets), so that a later dialogue can start from it. Every value is in the one form that
 * `arguments.ts` gives it.
 */
export type Answers = Readonly<Partial<Record<AnswerName, string>>>;

export const ANSWER_NAMES = [
  'BOOTIF',
  'hostname',
  'ip',
  'netmask',
  'gateway',
  'ipv6',
  'dns',
  'ntp',
  'vlan',
  'bond',
  'rootpw',
  'adminpw',
  'ssh_pwauth',
  'syslog',
  'keyboard',
  'swap',
  'management_server',
  'management_port',
  'management_server_fingerprint',
  'netconsole',
  'collectd',
  'kdump_nfs',
  'kdump_ssh',
  'disable_kdump',
  'iscsi_name',
  'nfsv4_domain',
  'tuned',
  'logrotate_interval',
  'logrotate_max_size',
] as const;
export type AnswerName = (typeof ANSWER_NAMES)[number];

/** Crypted, but never written to where a later dialogue would show them. */
export const SECRET_ANSWERS: readonly AnswerName[] = ['rootpw', 'adminpw'];
