import type { KeySource } from '../keys/source.ts';
import type { MemoryKind } from '../memory/kind.ts';

/** The interface that a machine boots over: the first with link, one by name, or one by address. */
export type BootInterface =
  | { readonly by: 'link' }
  | { readonly by: 'name'; readonly name: string }
  /** Lower case, six pairs of hex digits with colons */
  | { readonly by: 'mac'; readonly mac: string };

/** What to do while no server can be reached (docs/node.md). */
export const UNREACHABLE_POLICIES = ['wait', 'mirror', 'reconfigure', 'prompt'] as const;
export type UnreachablePolicy = (typeof UNREACHABLE_POLICIES)[number];

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
