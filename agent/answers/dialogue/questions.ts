import type { AnswerName, Answers } from '../cmdline/answers.ts';

/** One answer that a person is asked for. */
export interface Question {
  readonly name: AnswerName;
  /** Stands before the answer, and in the summary: at most 20 characters. */
  readonly label: string;
  /** What an answer looks like, where the label does not say it. */
  readonly form?: string;
  /** What is taken where nobody said anything. */
  readonly usual?: string;
  /** Whether it makes sense after these answers; without, its own is dropped. */
  readonly when?: (answers: Answers) => boolean;
  /** It cannot stay empty. */
  readonly needed?: boolean;
}

/** Questions that are asked together, below a title. */
export interface Page {
  readonly title: string;
  readonly questions: readonly Question[];
}

/** An address of its own, rather than from DHCP. */
export const isStatic = ({ ip }: Answers): boolean =>
  ip !== undefined && ip !== 'dhcp' && ip !== 'off';
const isManaged = ({ management_server: server }: Answers): boolean => server !== undefined;

/** What a dialogue asks, in its order. The rest of the arguments is for the kernel's command line. */
export const PAGES: readonly Page[] = [
  {
    title: 'This machine',
    questions: [{ name: 'hostname', label: 'Host name' }],
  },
  {
    title: 'Network',
    questions: [
      { name: 'BOOTIF', label: 'Interface', form: 'link, name or MAC', usual: 'link' },
      { name: 'ip', label: 'IPv4', form: 'dhcp, off or address', usual: 'dhcp', needed: true },
      { name: 'netmask', label: 'Netmask', when: isStatic, needed: true },
      { name: 'gateway', label: 'Gateway', when: isStatic },
      { name: 'ipv6', label: 'IPv6' },
      { name: 'vlan', label: 'VLAN' },
      { name: 'bond', label: 'Bond' },
    ],
  },
  {
    title: 'Names and time',
    questions: [
      { name: 'dns', label: 'Name servers' },
      { name: 'ntp', label: 'Time servers' },
    ],
  },
  {
    title: 'Access',
    questions: [
      { name: 'rootpw', label: 'Password of root' },
      { name: 'adminpw', label: 'Password of admin' },
      { name: 'ssh_pwauth', label: 'Passwords over ssh', form: 'yes or no' },
      { name: 'keyboard', label: 'Keyboard' },
    ],
  },
  {
    title: 'Management',
    questions: [
      { name: 'management_server', label: 'Engine' },
      { name: 'management_port', label: 'Its port', when: isManaged },
      { name: 'management_server_fingerprint', label: 'Its fingerprint', when: isManaged },
    ],
  },
  {
    title: 'Logs and swap',
    questions: [
      { name: 'syslog', label: 'Log server' },
      { name: 'swap', label: 'Swap', usual: 'none' },
    ],
  },
];

/** Answers less those to questions that the others make senseless, as a netmask is under DHCP. */
export function sensible(answers: Answers): Answers {
  const senseless = PAGES.flatMap(({ questions }) => questions)
    .filter(({ when }) => when?.(answers) === false)
    .map(({ name }) => name as string);
  return Object.fromEntries(Object.entries(answers).filter(([name]) => !senseless.includes(name)));
}
