import type { BootDevice } from '../answers/autoinstall/network-files.ts';
import type { Orders } from '../answers/cmdline/orders.ts';
import { bringUp, leaseNow } from './bring-up.ts';
import { chooseInterface, fits, listInterfaces } from './interfaces.ts';
import type { Interface } from './interfaces.ts';
import { cleanLease, leaseOfResolvConf } from './lease.ts';
import type { Lease } from './lease.ts';
import { hasCode } from '../../protocol/errors.ts';

/** The network of a machine, as far as it is there. */
export interface Network {
  /** What it says of itself: one object, which fills once the network is up */
  readonly lease: Omit<Lease, 'interface'>;
  /** The interface that a configuration is made for */
  bootDevice(): BootDevice;
  /**
   * Sees whether it is up by now. Where it is not, another try goes on, which nobody waits for.
   * @throws network_down: how the last try ended
   */
  check(): Promise<void>;
  /**
   * No try asks for an address while `act` goes on, nor does one from before it later: what that does
   * may be just what brings the network up.
   */
  undisturbed<T>(act: () => Promise<T>): Promise<T>;
}

/** Between two tries: what is done without a network is not disturbed by the next one at once. */
const REST_SECONDS = 15;

export interface NetworkOptions {
  readonly choose?: (orders: BootOrders) => Promise<Interface>;
  readonly bring?: (link: Interface) => Promise<Lease>;
  readonly look?: (link: Interface) => Promise<Lease | undefined>;
  /** Monotonic, milliseconds */
  readonly elapsed?: () => number;
}
type BootOrders = Pick<Orders, 'bootInterface' | 'bootInterfaceRequired'>;

/**
 * Brings the network up, once. A machine without one may go on all the same, by a mirror on a stick or
 * unapproved: that it is down is told by `check`, as an outage like that of a server.
 * @throws bad_argument as `chooseInterface`
 */
export async function openNetwork(
  orders: BootOrders,
  options: NetworkOptions = {},
): Promise<Network> {
  const { choose = chooseInterface, bring = bringUp, look = leaseNow } = options;
  const { elapsed = () => performance.now() } = options;
  const lease = { addresses: [], search: [], dns: [] };
  let chosen: Interface | undefined;
  let failure: unknown;
  let isUp = false as boolean;
  let isTrying = false;
  let isLeftAlone = false;
  let timesLeftAlone = 0;
  let ended = 0;

  const found = (what: Lease | undefined): void => {
    Object.assign(lease, what);
    isUp ||= what !== undefined;
  };
  async function tryOnce(): Promise<void> {
    isTrying = true;
    const times = timesLeftAlone;
    try {
      chosen = await choose(orders);
      if (times === timesLeftAlone) found(await bring(chosen));
    } catch (error) {
      failure = error;
    }
    isTrying = false;
    ended = elapsed();
  }

  await tryOnce();
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
      if (!isUp && chosen !== undefined) found(await look(chosen));
      if (isUp) return;
      const isRested = elapsed() - ended >= REST_SECONDS * 1000;
      if (isRested && !isTrying && !isLeftAlone) void tryOnce();
      throw failure;
    },
    async undisturbed(act) {
      isLeftAlone = true;
      timesLeftAlone++;
      try {
        return await act();
      } finally {
        isLeftAlone = false;
      }
    },
  };
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
