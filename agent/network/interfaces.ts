import { readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fail } from '../../protocol/errors.ts';
import type { BootInterface, Orders } from '../answers/cmdline/orders.ts';
import { run } from '../programs/run.ts';
import { addressesOf } from './interface-addresses.ts';
import { readIfThere } from './lease.ts';
import { until } from './until.ts';
import type { Sleep } from './until.ts';

/** A network interface that speaks Ethernet, or InfiniBand. */
export interface Interface {
  readonly name: string;
  /** The kernel's number for it */
  readonly index: number;
  /** Lower case, six pairs of hex digits with colons; twenty where it is of InfiniBand */
  readonly mac: string;
  /** What it had before a bond gave it that of another; of a member of a bond only */
  readonly permanent?: string;
  /** Whether something answers at the other end of the cable; never while it is down. */
  readonly hasLink: boolean;
  /**
   * A port of the machine (or a veth): not what is built upon others (bridge, bond, VLAN), not Wi-Fi, not
   * InfiniBand, and not the inner port that a switch on the board is reached through (DSA).
   */
  readonly isPort: boolean;
  /** The bond or bridge that it is a member of */
  readonly master?: string;
}

const SYS = '/sys/class/net';
const ARPHRD_ETHER = '1';
const ARPHRD_INFINIBAND = '32';
const IFF_NOARP = 0x80;

/** In the order of their names, `eth2` before `eth10`. Never the loopback. */
export function listInterfaces(sys = SYS): Interface[] {
  const about = (name: string, what: string): string =>
    (readIfThere(join(sys, name, what)) ?? '').trim();
  return readdirSync(sys)
    .filter((name) => /^[A-Za-z0-9._-]+$/.test(name))
    .filter((name) => [ARPHRD_ETHER, ARPHRD_INFINIBAND].includes(about(name, 'type')))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => {
      const permanent = about(name, 'bonding_slave/perm_hwaddr');
      const master = masterOf(name, sys);
      return {
        name,
        index: Number(about(name, 'ifindex')),
        mac: about(name, 'address'),
        ...(permanent !== '' && { permanent }),
        hasLink: about(name, 'carrier') === '1',
        isPort: about(name, 'type') === ARPHRD_ETHER && isPortIn(join(sys, name)),
        ...(master !== undefined && { master }),
      };
    });
}

/** The bond or bridge that an interface is a member of. */
export function masterOf(name: string, sys = SYS): string | undefined {
  try {
    return basename(readlinkSync(join(sys, name, 'master'), 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * The kernel says DEVTYPE=bridge, bond, vlan, wlan, dsa, ... of most that are no plain port
 * (SET_NETDEV_DEVTYPE); a card has a device; and of the rest what is made of others has them below it, a
 * tap has its flags, and a dummy knows no ARP.
 */
function isPortIn(folder: string): boolean {
  const entries = readdirSync(folder);
  const text = (file: string): string => readIfThere(join(folder, file)) ?? '';
  const [, type] = /^DEVTYPE=(.*)$/m.exec(text('uevent')) ?? [];
  if (type === 'dsa') return true;
  if (type !== undefined || entries.includes('dsa')) return false;
  if (entries.includes('device')) return true;
  const isMade = entries.some((entry) => entry.startsWith('lower_') || entry === 'tun_flags');
  return !isMade && (Number(text('flags')) & IFF_NOARP) === 0;
}

/** How an interface is waited for: for tests to change. */
export interface ChooseOptions {
  readonly list?: () => readonly Interface[];
  /** Sets an interface up: it has no link before. */
  readonly raise?: (name: string) => Promise<void>;
  readonly sleep?: Sleep;
  /** Drivers load late, and a switch takes its time. */
  readonly seconds?: number;
  /** The name of the interface that had this address when it was made, where it has another one now */
  readonly permanent?: (mac: string) => Promise<string | undefined>;
  /** Whether an interface has an address that reaches further than the link */
  readonly isUp?: (name: string) => boolean;
}

/** How long the first interfaces are waited for after another one already has link. */
const SETTLE_LOOKS = 20;

/**
 * The interface to boot over: BOOTIF by its address, which the firmware has from the card, or by its
 * name; with `BOOTIF=link`, or without BOOTIF, the first port with link, in the order of their names.
 * A member of a bond or a bridge comes behind the others, unless that one has a network already.
 * One that is missing or has no link is waited for.
 *
 * @throws bad_argument where BOOTIF is required and missing; network_down, which lists what there is
 */
export async function chooseInterface(
  orders: Pick<Orders, 'bootInterface' | 'bootInterfaceRequired'>,
  options: ChooseOptions = {},
): Promise<Interface> {
  const { list = listInterfaces, raise = setUp, sleep, seconds = 60 } = options;
  const { permanent = havingHad, isUp = (name: string) => addressesOf(name).length > 0 } = options;
  const rank = ({ master }: Interface): number => (master === undefined ? 1 : isUp(master) ? 0 : 2);
  if (orders.bootInterface === undefined && orders.bootInterfaceRequired) {
    throw fail(
      'bad_argument',
      'coatcheck.bootif=required, and the kernel has no BOOTIF: let the boot loader add it (pxelinux: IPAPPEND 2; iPXE: BOOTIF=01-${net0/mac:hexhyp})',
    );
  }
  const wanted = orders.bootInterface;
  const raised = new Set<string>();
  let looks = 0;
  const chosen = await until(
    async () => {
      const all = list();
      let fitting = all.filter((one) => fits(one, wanted));
      if (wanted?.by === 'mac' && fitting.length === 0) {
        const name = await permanent(wanted.mac);
        fitting = all.filter((one) => one.isPort && one.name === name);
      }
      fitting.sort((a, b) => rank(a) - rank(b));
      for (const { name, hasLink } of fitting) {
        if (!hasLink && !raised.has(name)) await raise(name);
        raised.add(name);
      }
      // The first may only be slower than others.
      const isSettled = fitting[0]?.hasLink === true || looks++ >= SETTLE_LOOKS;
      return isSettled ? fitting.find(({ hasLink }) => hasLink) : undefined;
    },
    seconds,
    sleep,
  );
  if (chosen !== undefined) return chosen;
  throw fail('network_down', `${said(wanted)} after ${seconds} s; there is ${told(list())}`);
}

/** Whether it may be the one to boot over, with or without link. */
export function fits(one: Interface, wanted: BootInterface = { by: 'link' }): boolean {
  if (wanted.by === 'name') return one.name === wanted.name;
  return one.isPort && (wanted.by === 'link' || [one.mac, one.permanent].includes(wanted.mac));
}

/** By what `ip link` says of it, where that of BusyBox says nothing. */
async function havingHad(mac: string): Promise<string | undefined> {
  const { stdout } = await run('ip', ['link', 'show']);
  const each = stdout.toString('utf8').split(/^\d+: /m);
  return each.find((one) => one.includes(` permaddr ${mac}`))?.split(/[:@]/)[0];
}

function said(wanted: BootInterface = { by: 'link' }): string {
  if (wanted.by === 'link') return 'no network interface has link';
  const which = wanted.by === 'name' ? wanted.name : `the one with address ${wanted.mac}`;
  return `the boot interface (BOOTIF), ${which}, is missing or has no link`;
}

function told(interfaces: readonly Interface[]): string {
  const each = interfaces.map(({ name, mac, hasLink, master }) => {
    const isInfiniband = mac.length > MAC_LENGTH;
    const what = isInfiniband ? `InfiniBand (taken by its name only, BOOTIF=${name})` : mac;
    const of = master === undefined ? '' : `, of ${master}`;
    return `${name} ${what} ${hasLink ? 'with' : 'without'} link${of}`;
  });
  return each.join(', ') || 'none at all: is its driver in the image?';
}

const MAC_LENGTH = '00:00:00:00:00:00'.length;

/** What it failed with shows in that there is no link. */
async function setUp(name: string): Promise<void> {
  await run('ip', ['link', 'set', 'dev', name, 'up']);
}
