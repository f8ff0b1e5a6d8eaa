import type { KeySource } from '../../identity/keys/key-source.ts';
import { MEMORY_KINDS } from '../../identity/memory/kind.ts';
import type { MemoryKind } from '../../identity/memory/kind.ts';
import { FLAG } from './argument.ts';
import type { Argument } from './argument.ts';
import { server, webAddress } from './addresses.ts';
import { either, matching, oneOf } from './value-kind.ts';
import { path } from './values.ts';

/** What to do while no server can be reached (docs/node.md). */
const UNREACHABLE_POLICIES = ['wait', 'mirror', 'reconfigure', 'prompt'] as const;
/** What a machine does while no server gives it anything good (docs/node.md). */
export type UnreachablePolicy = (typeof UNREACHABLE_POLICIES)[number];

/** The interface that a machine boots over: the first with link, one by name, or one by address. */
export type BootInterface =
  | { readonly by: 'link' }
  | { readonly by: 'name'; readonly name: string }
  /** Lower case, six pairs of hex digits with colons */
  | { readonly by: 'mac'; readonly mac: string };

/** What the kernel's command line says of the boot itself; none of it is kept. */
export interface Orders {
  /** Without it this is an installed system, and the agent leaves it alone. */
  readonly stateless: boolean;
  /** `firstboot` or `reinstall`: make a new configuration although one is approved. */
  readonly newConfiguration: boolean;
  readonly rescue: boolean;
  readonly bootInterface?: BootInterface;
  /** `coatcheck.bootif=required`: stop where BOOTIF is not given. */
  readonly bootInterfaceRequired: boolean;
  /** Origin, `http://host:port` or `https://host` */
  readonly server?: string;
  /** Path of a PEM file */
  readonly ca?: string;
  readonly key?: KeySource;
  readonly memory?: MemoryKind;
  readonly unreachable?: UnreachablePolicy;
  /** URLs, or `usb` for a file on a stick, in the order in which they are tried */
  readonly mirrors: readonly string[];
  /** Enrolment token */
  readonly token?: string;
}

const TABLE = [
  {
    name: 'stateless',
    meaning: 'this machine has no configuration of its own; without it the agent leaves it alone',
    otherwise: 'no',
    example: 'stateless',
    ...FLAG,
  },
  {
    name: 'firstboot',
    meaning: 'make a configuration anew, although one is approved',
    otherwise: 'no',
    example: 'firstboot',
    ...FLAG,
  },
  {
    name: 'reinstall',
    meaning: 'the same',
    otherwise: 'no',
    example: 'reinstall',
    ...FLAG,
  },
  {
    name: 'rescue',
    meaning: 'a shell on the console, and nothing else',
    otherwise: 'no',
    example: 'rescue',
    ...FLAG,
  },
  {
    name: 'coatcheck.server',
    meaning: 'the server to ask, with its path, and no other',
    otherwise: 'DNS SRV, then the site',
    example: 'coatcheck.server=https://coatcheck.example.com',
    kind: server,
  },
  {
    name: 'coatcheck.ca',
    meaning: 'PEM file of the only CA to believe',
    otherwise: "the site's",
    example: 'coatcheck.ca=/etc/coatcheck/ca.pem',
    kind: path,
  },
  {
    name: 'coatcheck.key',
    meaning:
      'where the key of this machine is: `usb`, `image`, `tpm`, `credential`, or `file:<path>`',
    otherwise: '`/etc/coatcheck/key`, else the credential',
    example: 'coatcheck.key=tpm',
    kind: either(
      'usb, image, tpm, credential or file:<path>',
      oneOf('usb', 'image', 'tpm', 'credential'),
      {
        expected: '',
        canonical: (text) =>
          text.startsWith('file:') && path.canonical(text.slice(5)) ? text : undefined,
      },
    ),
  },
  {
    name: 'coatcheck.memory',
    meaning: `what remembers the newest decision between boots: ${MEMORY_KINDS.map((kind) => `\`${kind}\``).join(', ')}`,
    otherwise: '`file`, gone with a root in memory',
    example: 'coatcheck.memory=tpm',
    kind: oneOf(...MEMORY_KINDS),
  },
  {
    name: 'coatcheck.unreachable',
    meaning: `while no server can be reached: ${UNREACHABLE_POLICIES.map((policy) => `\`${policy}\``).join(', ')}`,
    otherwise: '`wait`; `mirror` where one is named',
    example: 'coatcheck.unreachable=mirror',
    kind: oneOf(...UNREACHABLE_POLICIES),
  },
  {
    name: 'coatcheck.mirror',
    meaning:
      'another place that has copies: the address below which `approved/` is, or `usb`; may be given several times',
    otherwise: 'none',
    example: 'coatcheck.mirror=http://mirror.example.com/coatcheck',
    kind: either(
      'an http:// or https:// address without ? and #, or usb',
      oneOf('usb'),
      webAddress,
    ),
  },
  {
    name: 'coatcheck.token',
    meaning: 'enrolment token, where the site asks for one',
    otherwise: 'none',
    example: 'coatcheck.token=Zk3-r9q0VtY2uB81sXh4',
    kind: matching('up to 256 characters without spaces and quotes', /[!#-~]{1,256}/),
    isSecret: true,
  },
  {
    name: 'coatcheck.bootif',
    meaning: '`required`: stop where there is no `BOOTIF=`',
    otherwise: 'not required',
    example: 'coatcheck.bootif=required',
    kind: oneOf('required'),
  },
] as const satisfies readonly Argument[];

/** The name of an argument that only says how to boot. */
export type OrderName = (typeof TABLE)[number]['name'];

/** The arguments that only say how to boot: first oVirt Node's, then ours. */
export const ORDERS: readonly (Argument & { readonly name: OrderName })[] = TABLE;
