import type { BootDevice } from '../answers/autoinstall/network-files.ts';
import type { Answers } from '../answers/cmdline/answers.ts';
import type { Orders } from '../answers/cmdline/orders.ts';
import { bringUp, leaseNow, PROGRAMS } from './bring-up.ts';
import type { DhcpProgram } from './dhcp/dhcp-program.ts';
import { fixedAddress } from './fixed.ts';
import { chooseInterface, fits, listInterfaces } from './interfaces.ts';
import type { Interface } from './interfaces.ts';
import { cleanLease, leaseOfResolvConf } from './lease.ts';
import type { Lease } from './lease.ts';
import { hasCode } from '../../protocol/errors.ts';

/** The network that a boot goes over. It may come up late, or never. */
export interface Network {
  /** Its addresses, name and resolvers. One object for the whole boot: empty until the network is up. */
  readonly lease: Omit<Lease, 'interface'>;
  /** The interface that a new configuration is made for */
  bootDevice(): BootDevice;
  /**
   * Whether the network is up. Where it is not, this throws at once, and another try begins in the
   * background, 15 seconds after the last one ended.
   * @throws network_down: why the last try failed
   */
  check(): Promise<void>;
  /**
   * Runs `act` and keeps DHCP away from it: meanwhile no try begins, and one that is under way is ended
   * before. Applying a configuration may bring the network up by itself.
   */
  undisturbed<T>(act: () => Promise<T>): Promise<T>;
}

/** From the end of one try to the beginning of the next. */
const REST_SECONDS = 15;

/** What a network is brought up with; but for the answers, for tests to change. */
export interface NetworkOptions {
  /** What the machine is to be: an address of its own is set, and none asked for. */
  readonly answers?: Answers;
  readonly choose?: (orders: BootOrders) => Promise<Interface>;
  readonly bring?: (link: Interface, over: AbortSignal) => Promise<Lease>;
  readonly look?: (link: Interface) => Promise<Lease | undefined>;
  /** Monotonic, milliseconds */
  readonly elapsed?: () => number;
  /** Told once which interface is asked over */
  readonly note?: (line: string) => void;
}
type BootOrders = Pick<Orders, 'bootInterface' | 'bootInterfaceRequired'>;

/**
 * Tries once to bring the network up. That it stays down is no error here, since a machine can go on
 * without one: by a mirror on a stick, or unapproved. `check` throws then, and counts as an outage, as
 * a server that does not answer does (docs/adr/0127).
 * @throws bad_argument as `chooseInterface`
 */
export async function openNetwork(
  orders: BootOrders,
  options: NetworkOptions = {},
): Promise<Network> {
  const { answers = {}, choose = chooseInterface } = options;
  const { look = (link: Interface) => leaseNow(link, programsFor(link, answers)) } = options;
  const {
    bring = (link: Interface, over: AbortSignal) => bringUp(link, programsFor(link, answers), over),
  } = options;
  const { elapsed = () => performance.now() } = options;
  const lease = { addresses: [], search: [], dns: [] };
  let chosen: Interface | undefined;
  let failure: unknown;
  let isUp = false as boolean;
  let isBare = false as boolean;
  let trying: Promise<void> | undefined;
  let asking: Promise<Lease> | undefined;
  let over = new AbortController();
  let isLeftAlone = false;
  let isTold = false;
  let ended = 0;

  const found = (what: Lease | undefined): void => {
    if (what === undefined) return;
    const gone = { gateway: undefined, domain: undefined, hostname: undefined, isBare: undefined };
    Object.assign(lease, gone, what);
    isUp = true;
    isBare = what.isBare === true;
  };
  async function tryOnce(): Promise<void> {
    const { signal } = over;
    try {
      chosen = await choose(orders);
      if (signal.aborted) return;
      if (!isTold) options.note?.(howItIsHad(chosen, answers));
      isTold = true;
      asking = bring(chosen, signal);
      found(await asking);
    } catch (error) {
      if (!signal.aborted) failure = error;
    } finally {
      ended = elapsed();
    }
  }
  const begin = (): Promise<void> => (trying ??= tryOnce().finally(() => (trying = undefined)));

  await begin();
  if (!isUp && !hasCode(failure, 'network_down')) throw failure;
  return {
    lease,
    bootDevice() {
      const { bootInterface: wanted } = orders;
      const device = chosen ?? listInterfaces().find((one) => fits(one, wanted));
      const { name } = device ?? (wanted?.by === 'name' ? wanted : NAMELESS);
      return wanted?.by === 'mac' ? { name, mac: wanted.mac } : { name };
    },
    async check() {
      if (chosen !== undefined) found(await look(chosen));
      if (isUp && !isBare) return;
      const isRested = elapsed() - ended >= REST_SECONDS * 1000;
      if (isRested && !isLeftAlone) void begin();
      if (!isUp) throw failure;
    },
    async undisturbed(act) {
      isLeftAlone = true;
      over.abort();
      try {
        await asking?.catch(() => undefined);
        return await act();
      } finally {
        over = new AbortController();
        isLeftAlone = false;
      }
    },
  };
}

/** What has the network of an interface: the command line's address first, where it has one for that. */
export function programsFor(link: Interface, answers: Answers): readonly DhcpProgram[] {
  const fixed = fixedAddress(answers, link);
  return fixed !== undefined && 'program' in fixed ? [fixed.program, ...PROGRAMS] : PROGRAMS;
}

function howItIsHad(link: Interface, answers: Answers): string {
  const fixed = fixedAddress(answers, link);
  const asking = `network: ${link.name} has link, asking there for an address`;
  if (fixed === undefined) return asking;
  if ('why' in fixed) return `${asking} for this boot: ${fixed.why}`;
  return `network: ${link.name} has link, and the address that the command line says`;
}

/** The network as it is, whatever brought it up. */
export function givenNetwork(): Network {
  const [first = NAMELESS] = listInterfaces();
  return {
    lease: { addresses: [], ...cleanLease(leaseOfResolvConf()) },
    bootDevice: () => ({ name: first.name }),
    check: () => Promise.resolve(),
    undisturbed: (act) => act(),
  };
}

/** As the kernel itself names the first one. */
const NAMELESS = { name: 'eth0' };
